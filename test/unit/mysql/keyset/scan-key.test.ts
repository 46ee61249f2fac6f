import { describe, expect, test } from 'vitest';
import type { ColumnInfo, TableInfo, UniqueKey } from '../../../../src/core/model.js';
import { canBeValueOf, chooseScanKey, isScanColumn } from '../../../../src/mysql/keyset/scan-key.js';

const column = (name: string, more: Partial<ColumnInfo> = {}): ColumnInfo => ({
  name,
  dataType: 'int',
  columnType: 'int(11)',
  nullable: false,
  unsigned: false,
  charset: null,
  collation: null,
  maxLength: null,
  precision: 10,
  scale: 0,
  fractionDigits: null,
  generated: false,
  invisible: false,
  transport: 'text',
  ...more,
});
const key = (name: string, columns: readonly string[], more: Partial<UniqueKey> = {}): UniqueKey => ({
  name,
  parts: columns.map((part) => ({ column: part, descending: false })),
  nullable: false,
  prefix: false,
  ...more,
});
const table = (uniqueKeys: readonly UniqueKey[]): TableInfo => ({
  database: 'd',
  name: 'messages',
  columns: [
    column('a'),
    column('b'),
    column('wide', { dataType: 'varchar', columnType: 'varchar(99)', charset: 'utf8mb4', maxLength: 99 }),
    column('flags', { dataType: 'set', columnType: `set(${Array.from({ length: 12 }, (_, i) => `'f${i}'`).join()})` }),
  ],
  uniqueKeys,
  estimatedRows: 1,
});

const members = (count: number): string => Array.from({ length: count }, (_, i) => `'m${i}'`).join();
const enumOf = (count: number): Partial<ColumnInfo> => ({ dataType: 'enum', columnType: `enum(${members(count)})` });
const setOf = (count: number): Partial<ColumnInfo> => ({ dataType: 'set', columnType: `set(${members(count)})` });

describe('chooseScanKey without a wish', () => {
  test('chooseScanKey prefers the primary key', () => {
    expect(chooseScanKey(table([key('u', ['a']), key('PRIMARY', ['a', 'b'])]), null).name).toBe('PRIMARY');
  });
  test('chooseScanKey takes the fewest parts, then the fewest bytes, without a primary key', () => {
    const keys = [key('two', ['a', 'b']), key('long', ['wide']), key('short', ['b'])];
    expect(chooseScanKey(table(keys), null).name).toBe('short');
  });
  test('chooseScanKey names each key that it cannot follow, with its flaw', () => {
    const keys = [
      key('n', ['a'], { nullable: true }),
      key('p', ['wide'], { prefix: true }),
      key('x', ['(lower(`wide`))']),
      key('s', ['flags']),
    ];
    expect(() => chooseScanKey(table(keys), null)).toThrow(
      expect.objectContaining({
        code: 'E_TABLE_NO_KEY',
        message: expect.stringMatching(/n: .*NULL.*; p: .*prefix.*; x: .*expression.*; s: .*too many values/) as string,
      }),
    );
  });
  test.each([
    ['year(2)', { dataType: 'year', columnType: 'year(2)' }, 'YEAR of two digits'],
    ['year(4)', { dataType: 'year', columnType: 'year(4)' }, null],
    [
      'CHAR that MariaDB does not pad',
      { dataType: 'char', collation: 'utf8mb4_unicode_nopad_ci' },
      'orders padding differently',
    ],
    [
      'binary CHAR that MariaDB does not pad',
      { dataType: 'char', collation: 'latin1_nopad_bin' },
      'orders padding differently',
    ],
    ['VARCHAR that MariaDB does not pad', { dataType: 'varchar', collation: 'utf8mb4_unicode_nopad_ci' }, null],
    ['CHAR that MySQL does not pad', { dataType: 'char', collation: 'utf8mb4_0900_ai_ci' }, null],
    ['Thai CHAR', { dataType: 'char', collation: 'tis620_thai_ci' }, 'orders padding differently'],
    ['Thai VARCHAR', { dataType: 'varchar', collation: 'tis620_thai_ci' }, null],
    ['float', { dataType: 'float', columnType: 'float' }, null],
    ['float(7,2)', { dataType: 'float', columnType: 'float(7,2)' }, null],
    ['float(8,0)', { dataType: 'float', columnType: 'float(8,0) unsigned' }, 'more digits'],
    ['double(15,4)', { dataType: 'double', columnType: 'double(15,4)' }, null],
    ['double(16,4)', { dataType: 'double', columnType: 'double(16,4)' }, 'more digits'],
    ['ENUM of 1000', enumOf(1_000), null],
    ['ENUM of 1001', enumOf(1_001), 'too many values'],
    ['SET of 9', setOf(9), null],
    ['SET of 10', setOf(10), 'too many values'],
    ['ENUM of backslashes and quotes', { dataType: 'enum', columnType: "enum('\\\\\\\\','it''s','''')" }, null],
  ] as const)('chooseScanKey judges whether it can follow a key of %s', (_, definition, flaw) => {
    const charset = 'collation' in definition ? 'utf8mb4' : null;
    const info: TableInfo = { ...table([key('PRIMARY', ['k'])]), columns: [column('k', { ...definition, charset })] };
    if (flaw === null) expect(chooseScanKey(info, null).name).toBe('PRIMARY');
    else expect(() => chooseScanKey(info, null)).toThrow(flaw);
  });
  test('chooseScanKey prefers a key that it can follow to one that it cannot', () => {
    const columns = [column('y', { dataType: 'year', columnType: 'year(2)' }), column('a')];
    expect(chooseScanKey({ ...table([key('PRIMARY', ['y']), key('u', ['a'])]), columns }, null).name).toBe('u');
  });
  test('chooseScanKey refuses a table without a unique key', () => {
    expect(() => chooseScanKey(table([]), null)).toThrow('it has no unique key');
  });
});

describe('chooseScanKey with a wish', () => {
  const keys = [key('PRIMARY', ['a']), key('u', ['a', 'b']), key('n', ['b'], { nullable: true })];
  test('chooseScanKey takes the wished key of these columns, in this order', () => {
    expect(chooseScanKey(table(keys), ['A', 'b']).name).toBe('u');
  });
  test.each([
    [['b', 'a'], 'no such unique key'],
    [['b'], 'can be NULL'],
  ])('chooseScanKey refuses the wished key %j, and names the usable ones', (wanted, flaw) => {
    expect(() => chooseScanKey(table(keys), wanted)).toThrow(
      expect.objectContaining({
        code: 'E_TABLE_NO_KEY',
        message: expect.stringContaining(flaw) as string,
        hint: expect.stringContaining('[a], [a, b]') as string,
      }),
    );
  });
});

describe('values as an operator writes them', () => {
  const columns = [
    column('whole'),
    column('bits', { dataType: 'bit', columnType: 'bit(8)' }),
    column('y', { dataType: 'year', columnType: 'year(2)' }),
    column('name', { dataType: 'varchar', columnType: 'varchar(9)', charset: 'utf8mb4', maxLength: 9 }),
  ];
  const info: TableInfo = { ...table([]), columns };

  test.each([
    ['whole', '12', true],
    ['whole', '-12', true],
    ['whole', '12x', false],
    ['whole', '', false],
    ['name', 'anything', true],
    ['none', '12', false],
  ])('canBeValueOf says for column %s whether %j can be a value of it: %j', (name, text, can) => {
    expect(canBeValueOf(info, name, text)).toBe(can);
  });

  test.each([
    ['whole', true],
    ['name', true],
    ['bits', false],
    ['y', false],
    ['none', false],
  ])('isScanColumn says whether column %s can identify a scan: %j', (name, can) => {
    expect(isScanColumn(info, name)).toBe(can);
  });
});
