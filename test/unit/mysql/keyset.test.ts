import { describe, expect, test } from 'vitest';
import type { ColumnInfo, Cursor } from '../../../src/core/model.js';
import { Keyset } from '../../../src/mysql/keyset.js';

const column = (name: string, dataType: string, more: Partial<ColumnInfo> = {}): ColumnInfo => ({
  name,
  dataType,
  columnType: dataType,
  nullable: false,
  unsigned: false,
  charset: null,
  collation: null,
  maxLength: null,
  precision: null,
  scale: null,
  fractionDigits: null,
  generated: false,
  invisible: false,
  transport: 'text',
  ...more,
});

const columns = [
  column('a', 'int'),
  column('b', 'varchar', { charset: 'utf8mb4', collation: 'utf8mb4_bin' }),
  column('c', 'varbinary', { transport: 'bytes' }),
  column('d', 'decimal'),
  column('e', 'enum', { columnType: "enum('z','it''s','')" }),
  column('f', 'float'),
  column('t', 'datetime'),
  column('g', 'varchar', { charset: 'gbk', collation: 'gbk_chinese_ci' }),
];

const keyset = (...parts: readonly (string | readonly [string, 'desc'])[]): Keyset =>
  new Keyset({
    table: { database: 'd', name: 't', columns, uniqueKeys: [], estimatedRows: 0 },
    key: {
      name: 'PRIMARY',
      parts: parts.map((part) =>
        typeof part === 'string' ? { column: part, descending: false } : { column: part[0], descending: true },
      ),
      nullable: false,
      prefix: false,
    },
    columns: ['a'],
    where: null,
  });
const cursor = (...texts: readonly string[]): Cursor => JSON.stringify(texts) as Cursor;

describe('predicates', () => {
  test('expanded, never compared as rows', () => {
    const key = keyset('a', 'b');
    expect(key.after(cursor('-1', 'x'))).toBe("((`t`.`a` = -1 AND `t`.`b` > _utf8mb4 X'78') OR (`t`.`a` > -1))");
    expect(key.upTo(cursor('-1', 'x'))).toBe("((`t`.`a` = -1 AND `t`.`b` <= _utf8mb4 X'78') OR (`t`.`a` < -1))");
    expect(key.before(cursor('-1', 'x'))).toBe("((`t`.`a` = -1 AND `t`.`b` < _utf8mb4 X'78') OR (`t`.`a` < -1))");
  });
  test('a descending part turns round', () => {
    const key = keyset(['a', 'desc'], 'd');
    expect(key.after(cursor('5', '1.50'))).toBe('((`t`.`a` = 5 AND `t`.`d` > 1.50) OR (`t`.`a` < 5))');
    expect(key.orderBy).toBe('`t`.`a` DESC, `t`.`d`');
    expect(key.reverseOrderBy).toBe('`t`.`a`, `t`.`d` DESC');
  });
  test.each([
    ['c', '00ff', "X'00ff'"],
    ['f', '1.5', '1.5e0'],
    ['f', '1e100', '1e100'],
    ['t', '0000-00-00 00:00:00', "'0000-00-00 00:00:00'"],
    ['g', 'D6D0', "_gbk X'D6D0'"],
  ])('%s: %s as %s', (name, text, literal) => {
    expect(keyset(name).after(cursor(text))).toBe(`((\`t\`.\`${name}\` > ${literal}))`);
  });
  test('an ENUM is compared by the values behind, so that the index serves', () => {
    const key = keyset('e');
    const empty = "_utf8mb4 X''";
    const second = "_utf8mb4 X'69742773'";
    expect(key.after(cursor('1'))).toBe(`(((\`t\`.\`e\` IN (${second}, ${empty}) AND \`t\`.\`e\` + 0 > 1)))`);
    expect(key.upTo(cursor('0'))).toBe('(((`t`.`e` = 0)))');
    expect(key.after(cursor('3'))).toBe('((FALSE))');
    expect(key.at(cursor('2'))).toBe(`(\`t\`.\`e\` = ${second} AND \`t\`.\`e\` + 0 = 2)`);
  });
});

describe('cursors', () => {
  test.each([
    ['a', '1 OR 1=1'],
    ['a', ''],
    ['d', '1e5'],
    ['c', 'zz'],
    ['c', '0'],
    ['t', "2024-01-01' OR '1"],
    ['g', "41' OR '"],
    ['e', 'z'],
  ])('a text that %s cannot hold never becomes SQL: %s', (name, text) => {
    expect(() => keyset(name).after(cursor(text))).toThrow(expect.objectContaining({ code: 'E_STATE_CORRUPT' }));
  });
  test.each(['', '{}', '[1]', '["1","2"]', 'null'])('%s is no cursor of a single key', (text) => {
    expect(() => keyset('a').texts(text as Cursor)).toThrow(expect.objectContaining({ code: 'E_STATE_CORRUPT' }));
  });
  test('hold texts as they came, bytes in hexadecimal', () => {
    const key = keyset('a', 'c');
    expect(key.cursorOf(['x', '7', Buffer.from([0, 255])], [1, 2])).toBe('["7","00ff"]');
    expect(key.describe(cursor('7', '00ff'))).toBe('a=7, c=0x00ff');
  });
  test('what an operator writes is checked too, and not repeated in the error', () => {
    expect(keyset('e').equals(["it's"])).toBe("`t`.`e` = _utf8mb4 X'69742773'");
    expect(() => keyset('a').equals(['secret'])).toThrow(
      expect.objectContaining({ code: 'E_USAGE', message: expect.not.stringContaining('secret') as string }),
    );
  });
});
