/**
 * Sort keys sort as the source does: random values of each type go into a real MySQL, which says their order, and the
 * keys that the mapping makes of them, compared as DynamoDB compares, must follow it. FC_SEED takes another seed; a
 * failure names it.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ItemMapping, KeyType } from '../../../src/config/model.js';
import type { MappedItem } from '../../../src/core/model.js';
import { compileMapping } from '../../../src/mapping/compile.js';
import { TEMPLATE_FUNCTIONS } from '../../../src/mapping/template/template-functions.js';
import { describeSourceTable } from '../../../src/mysql/describe.js';
import { RowSelect } from '../../../src/mysql/keyset/row-select.js';
import { chooseScanKey } from '../../../src/mysql/keyset/scan-key.js';
import { createDatabase, mysqlServers } from '../../support/mysql.js';
import { openSession } from '../mysql/source.js';

const SEED = Number(process.env['FC_SEED'] ?? 20_261_122);
const signal = new AbortController().signal;
const VALUES = 150;
const ROUNDS = 3;

interface Case {
  readonly type: string;
  readonly template: string;
  /** SQL literals. */
  readonly values: fc.Arbitrary<string>;
  readonly keyType?: KeyType;
  /** What the source is ordered by; the column unless given. */
  readonly order?: string;
}

const text = (value: string): string => `_utf8mb4 X'${Buffer.from(value).toString('hex')}'`;
const bytes = (value: Uint8Array): string => `X'${Buffer.from(value).toString('hex')}'`;
const integers = (min: bigint, max: bigint): fc.Arbitrary<string> =>
  fc
    .oneof(fc.bigInt({ min, max }), fc.bigInt({ min: min < 0n ? -99n : 0n, max: 99n }), fc.constantFrom(min, max))
    .map(String);
/** Few digits too, so that 9 meets 10 and -0.5 meets -0.05. */
const decimals = (whole: number, scale: number): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.boolean(),
      fc.integer({ min: 0, max: whole }),
      fc.integer({ min: 0, max: scale }),
      fc.bigInt(0n, 10n ** 65n),
    )
    .map(([negative, before, behind, number]) => {
      const digits = String(number).padStart(66, '7');
      const fraction = digits.slice(-behind - 1, -1);
      return `${negative ? '-' : ''}${before === 0 ? '0' : digits.slice(0, before)}${fraction === '' ? '' : `.${fraction}`}`;
    });
const moments = (precision: number, first = '1000-01-01', last = '9999-12-31'): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.date({ min: new Date(`${first}T00:00:00Z`), max: new Date(`${last}T00:00:00Z`), noInvalidDate: true }),
      fc.integer({ min: 0, max: 999_999 }),
    )
    .map(([date, micros]) => {
      const fraction = String(micros).padStart(6, '0').slice(0, precision);
      return `'${date.toISOString().slice(0, 19).replace('T', ' ')}${fraction === '' ? '' : `.${fraction}`}'`;
    });
const words = fc.string({
  unit: fc.constantFrom(...Array.from('aAbBzZ09 _-éÉß中文😀\u0001~')),
  minLength: 1,
  maxLength: 6,
});
const plain = fc.string({ unit: fc.constantFrom(...Array.from('aAbBzZ09_-~')), minLength: 1, maxLength: 6 });
const binary = fc.uint8Array({ minLength: 1, maxLength: 6 });

const BIN = 'VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin';
const CASES: readonly Case[] = [
  { type: 'BIGINT', template: '{c:sortable}', values: integers(-(2n ** 63n), 2n ** 63n - 1n) },
  { type: 'BIGINT UNSIGNED', template: '{c:sortable}', values: integers(0n, 2n ** 64n - 1n) },
  { type: 'BIGINT UNSIGNED', template: '{c:pad(20)}', values: integers(0n, 2n ** 64n - 1n) },
  { type: 'TINYINT', template: 'X#{c:sortable}', values: integers(-128n, 127n) },
  { type: 'INT(10) ZEROFILL', template: '{c:pad(12)}', values: integers(0n, 2n ** 32n - 1n) },
  { type: 'YEAR', template: '{c:pad(4)}', values: fc.integer({ min: 1901, max: 2155 }).map(String) },
  { type: 'BIT(64)', template: '{c:pad(20)}', values: integers(0n, 2n ** 64n - 1n) },
  { type: 'DECIMAL(12,4)', template: '{c:sortable}', values: decimals(8, 4) },
  { type: 'DECIMAL(5,5)', template: '{c:sortable}#x', values: decimals(0, 5) },
  { type: 'DECIMAL(38,0)', template: '{c:sortable}', values: decimals(38, 0) },
  {
    type: 'DECIMAL(38,19) UNSIGNED',
    template: '{c:sortable}',
    values: decimals(19, 19).map((value) => value.replace('-', '')),
  },
  { type: 'DATE', template: '{c:iso}', values: moments(0).map((value) => `${value.slice(0, 11)}'`) },
  { type: 'DATE', template: '{c}', values: moments(0).map((value) => `${value.slice(0, 11)}'`) },
  { type: 'DATETIME', template: '{c:iso}', values: moments(0) },
  { type: 'DATETIME(6)', template: '{c:iso}', values: moments(6) },
  { type: 'DATETIME(3)', template: '{c}', values: moments(3) },
  { type: 'TIMESTAMP(6)', template: '{c:iso}#', values: moments(6, '1971-01-01', '2037-12-31') },
  { type: 'DATETIME', template: '{c:epoch-s:pad(12)}', values: moments(0, '1970-01-01') },
  { type: 'DATETIME(3)', template: '{c:epoch-ms:pad(15)}', values: moments(3, '1970-01-01') },
  { type: 'DATETIME(6)', template: '{c:epoch-us:pad(18)}', values: moments(6, '1970-01-01') },
  { type: 'DATETIME(3)', template: '{c:epoch-ms}', keyType: 'N', values: moments(3) },
  { type: 'BIGINT', template: '{c}', keyType: 'N', values: integers(-(2n ** 63n), 2n ** 63n - 1n) },
  { type: 'DECIMAL(12,4)', template: '{c}', keyType: 'N', values: decimals(8, 4) },
  { type: 'VARBINARY(6)', template: '{c}', keyType: 'B', values: binary.map(bytes) },
  { type: 'VARBINARY(6)', template: '{c:hex}', values: binary.map(bytes) },
  { type: 'BINARY(6)', template: '{c:hex}', values: binary.map(bytes) },
  // As bytes: even a binary collation pads with spaces.
  { type: BIN, template: '{c}', values: words.map(text), order: 'CAST(c AS BINARY)' },
  { type: BIN, template: '{c:text}', values: words.map(text), order: 'CAST(c AS BINARY)' },
  { type: BIN, template: '{c:hex}', values: words.map(text), order: 'CAST(c AS BINARY)' },
  { type: BIN, template: '{c:lower}', values: plain.map(text), order: 'CAST(LOWER(c) AS BINARY)' },
  { type: BIN, template: '{c:upper}', values: plain.map(text), order: 'CAST(UPPER(c) AS BINARY)' },
  // First 6 bytes of SHA-256, modulo 100.
  {
    type: 'VARBINARY(20)',
    template: '{c:hash(100):pad(2)}',
    values: binary.map(bytes),
    order: 'CONV(LEFT(SHA2(LOWER(HEX(c)), 256), 12), 16, 10) % 100',
  },
];

test('the cases of key orders cover every template function', () => {
  for (const name of TEMPLATE_FUNCTIONS) {
    expect(
      CASES.some(({ template }) => new RegExp(`:${name}\\b(?!-)`).test(template)),
      name,
    ).toBe(true);
  }
});

describe.each(mysqlServers)(`$name (seed ${SEED})`, (server) => {
  test.each(CASES)(
    'sort keys of $type by the template $template sort as the source does',
    async ({ type, template, keyType = 'S', values, order = 'c' }) => {
      await using database = await createDatabase(server);
      await database.query("SET SESSION sql_mode = '', SESSION time_zone = '+00:00'");
      await database.query(`CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, c ${type} NOT NULL)`);
      await using session = await openSession(database.shard());
      const { table } = await describeSourceTable(session, 's01', database.name, 't', signal);
      const item: ItemMapping = {
        name: 'row',
        partitionKey: { name: 'pk', type: 'S', template: 'ALL', spread: null },
        sortKey: { name: 'sk', type: keyType, template, spread: null },
        attributes: { columns: ['id'], drop: [], rules: {}, add: {} },
        ttl: null,
      };
      const mapping = compileMapping(table, { items: [item] }, () => 1);
      const select = new RowSelect({ table, key: chooseScanKey(table, null), columns: mapping.columns, where: null });
      const id = mapping.columns.indexOf('id');

      const property = fc.asyncProperty(
        fc.array(values, { minLength: 2, maxLength: VALUES, size: 'max' }),
        async (literals) => {
          await database.query('TRUNCATE TABLE t');
          await database.query(`INSERT INTO t (c) VALUES ${literals.map((literal) => `(${literal})`).join()}`);
          const items: MappedItem[] = [];
          const rows = await session.rows(select.rows({ after: null, upTo: null }, null), signal);
          for (const row of rows) mapping.map(row, items, { now: 0 });
          const keys = new Map(items.map(({ row, keyText }) => [String(row[id]), comparable(keyText, keyType)]));
          const ordered = await database.query(`SELECT id, ${order} AS o FROM t ORDER BY ${order}, id`);
          const sorted = [...ordered].map((row) => ({
            key: keys.get(String(row['id'])) ?? '',
            source: String(row['o']),
          }));
          for (const [i, { key, source }] of sorted.entries()) {
            const before = sorted[i - 1];
            if (before === undefined) continue;
            // Values that differ give keys that differ, in their order; equal ones give equal keys.
            const expected = before.source === source ? 0 : -1;
            expect([before.source, source, Math.sign(compared(before.key, key, keyType))]).toEqual([
              before.source,
              source,
              expected,
            ]);
          }
        },
      );
      await fc.assert(property, { seed: SEED, numRuns: ROUNDS, endOnFailure: true });
    },
  );
});

/** A key as DynamoDB orders it: UTF-8 bytes, bytes, or a number in units of its last possible digit. */
function comparable(keyText: string, type: KeyType): string {
  const { sk } = JSON.parse(keyText) as { sk: { S?: string; N?: string; B?: string } };
  if (type === 'B') return Buffer.from(sk.B ?? '', 'base64').toString('hex');
  if (type === 'S') return Buffer.from(sk.S ?? '').toString('hex');
  const [whole = '', fraction = ''] = (sk.N ?? '').replace('-', '').split('.');
  return `${sk.N?.startsWith('-') === true ? '-' : ''}${whole}${fraction.padEnd(20, '0')}`;
}

function compared(a: string, b: string, type: KeyType): number {
  if (type === 'N') return Number(BigInt(a) - BigInt(b));
  return a < b ? -1 : a > b ? 1 : 0;
}
