import { describe, expect, test } from 'vitest';
import type { ColumnInfo, Cursor } from '../../../../src/core/model.js';
import { Keyset, type KeyCondition } from '../../../../src/mysql/keyset/keyset.js';

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

describe('Keyset predicates', () => {
  test('Keyset expands its predicates, and never compares rows', () => {
    const key = keyset('a', 'b');
    expect(key.after(cursor('-1', 'x')).sql).toBe("((`t`.`a` = -1 AND `t`.`b` > _utf8mb4 X'78') OR (`t`.`a` > -1))");
    expect(key.upTo(cursor('-1', 'x')).sql).toBe("((`t`.`a` = -1 AND `t`.`b` <= _utf8mb4 X'78') OR (`t`.`a` < -1))");
    expect(key.before(cursor('-1', 'x')).sql).toBe("((`t`.`a` = -1 AND `t`.`b` < _utf8mb4 X'78') OR (`t`.`a` < -1))");
  });
  test('Keyset reverses the predicates and the order of a descending part', () => {
    const key = keyset(['a', 'desc'], 'd');
    expect(key.after(cursor('5', '1.50')).sql).toBe('((`t`.`a` = 5 AND `t`.`d` > 1.50) OR (`t`.`a` < 5))');
    expect(key.order('forward')).toBe('`t`.`a` DESC, `t`.`d`');
    expect(key.order('reverse')).toBe('`t`.`a`, `t`.`d` DESC');
  });
  test.each([
    ['c', '00ff', "X'00ff'"],
    ['f', '1.5', '1.5e0'],
    ['f', '1e100', '1e100'],
    ['t', '0000-00-00 00:00:00', "'0000-00-00 00:00:00'"],
    ['g', 'D6D0', "_gbk X'D6D0'"],
  ])('Keyset writes for column %s the text %s as %s', (name, text, literal) => {
    expect(keyset(name).after(cursor(text)).sql).toBe(`((\`t\`.\`${name}\` > ${literal}))`);
  });
  test('Keyset compares an ENUM by the numbers behind it, so that the index serves', () => {
    const key = keyset('e');
    expect(key.after(cursor('1')).sql).toBe('((`t`.`e` IN (2, 3)))');
    expect(key.after(cursor('2')).sql).toBe('((`t`.`e` = 3))');
    expect(key.upTo(cursor('0')).sql).toBe('((`t`.`e` = 0))');
    expect(key.after(cursor('3')).sql).toBe('FALSE');
    expect(key.at(cursor('2'))).toBe('`t`.`e` = 2');
  });
  test('Keyset leaves an ENUM of one number in all rows out of the order', () => {
    const key = keyset('e', 'a');
    const order = (condition: KeyCondition): string | null => key.order('forward', [condition]);
    expect(key.after(cursor('3', '7')).sql).toBe('((`t`.`e` = 3 AND `t`.`a` > 7))');
    expect(order(key.after(cursor('3', '7')))).toBe('`t`.`a`');
    expect(order(key.upTo(cursor('0', '7')))).toBe('`t`.`a`');
    expect(order(key.partFrom(['3', '7'], 0, '3', 'from'))).toBe('`t`.`a`');
    expect(order(key.partFrom(['2', '7'], 1, '9', 'from'))).toBe('`t`.`a`');
    // Two numbers, or one in one alternative and another in the next.
    expect(order(key.after(cursor('2', '7')))).toBe('`t`.`e`, `t`.`a`');
    expect(order(key.partFrom(['2', '7'], 0, '2', 'from'))).toBe('`t`.`e`, `t`.`a`');
    // Behind a part of any number of values, it has one only where that part is fixed.
    expect(keyset('a', 'e').after(cursor('7', '3')).settled).toEqual(new Set());
    expect(keyset('a', 'e').partFrom(['7', '3'], 1, '3', 'from').settled).toEqual(new Set([1]));
    expect(keyset('e').order('forward', [keyset('e').after(cursor('2'))])).toBeNull();
  });
});

describe('Keyset cursors', () => {
  test.each([
    ['a', '1 OR 1=1'],
    ['a', ''],
    ['d', '1e5'],
    ['c', 'zz'],
    ['c', '0'],
    ['t', "2024-01-01' OR '1"],
    ['g', "41' OR '"],
    ['e', 'z'],
  ])('Keyset never makes SQL of a text that column %s cannot hold: %s', (name, text) => {
    expect(() => keyset(name).after(cursor(text))).toThrow(expect.objectContaining({ code: 'E_STATE_CORRUPT' }));
  });
  test.each(['', '{}', '[1]', '["1","2"]', 'null'])('Keyset refuses %s as the cursor of a single key', (text) => {
    expect(() => keyset('a').texts(text as Cursor)).toThrow(expect.objectContaining({ code: 'E_STATE_CORRUPT' }));
  });
  test('Keyset holds texts in its cursors as they came, and bytes in hexadecimal', () => {
    const key = keyset('a', 'c');
    expect(key.cursorOf(['x', '7', Buffer.from([0, 255])], [1, 2])).toBe('["7","00ff"]');
    expect(key.describe(cursor('7', '00ff'))).toBe('a=7, c=0x00ff');
  });
  test('Keyset checks what an operator writes too, and does not repeat it in the error', () => {
    expect(keyset('e').equals(["it's"])).toEqual({
      sql: "`t`.`e` = 2 AND CAST(CONVERT(`t`.`e` USING utf8mb4) AS BINARY) = X'69742773'",
      settled: new Set([0]),
      most: 1,
    });
    // Number 0, which an invalid insert leaves behind, is printed like the empty label.
    expect(keyset('e').equals([''])).toMatchObject({ sql: expect.stringContaining('IN (0, 3)') as string, most: 2 });
    expect(keyset('e').equals(['Z'])).toMatchObject({ sql: 'FALSE' });
    expect(() => keyset('a').equals(['secret'])).toThrow(
      expect.objectContaining({ code: 'E_USAGE', message: expect.not.stringContaining('secret') as string }),
    );
  });
});
