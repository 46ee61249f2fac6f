/**
 * The table of `mapping/key/key-order.ts` against real servers: every type, with every function of templates, as a sort
 * key of every type. What is accepted as sorting sorts as `ORDER BY` the column (text: by its UTF-8), and what is
 * called unique for certain gives each of the distinct values a key of its own. What is refused as not sorting has a
 * pair of values that shows why. FC_SEED takes another seed.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ItemMapping, KeyType } from '../../../src/config/model.js';
import { FerryError } from '../../../src/core/errors.js';
import type { MappedItem, Row, TableInfo } from '../../../src/core/model.js';
import { BadValue } from '../../../src/mapping/value/bad-value.js';
import { KNOWN_TYPES } from '../../../src/mapping/value/column-kind.js';
import { compileMapping, type CompiledMapping } from '../../../src/mapping/compile.js';
import { judgeUniqueness } from '../../../src/mapping/key/key-uniqueness.js';
import { TEMPLATE_FUNCTIONS } from '../../../src/mapping/template/template-functions.js';
import { describeSourceTable } from '../../../src/mysql/describe.js';
import { RowSelect } from '../../../src/mysql/keyset/row-select.js';
import { chooseScanKey } from '../../../src/mysql/keyset/scan-key.js';
import { createDatabase, mysqlServers, type MysqlServer } from '../../support/mysql.js';
import { openSession } from '../mysql/source.js';

const SEED = Number(process.env['FC_SEED'] ?? 20_261_130);
const signal = new AbortController().signal;

type Family = 'mysql-5.6' | 'mariadb-10.11' | 'mysql-9.7';

interface TypeCase {
  /** As CREATE TABLE has it. */
  readonly type: string;
  /** What information_schema calls it. */
  readonly dataType: string;
  /** SQL expressions. */
  readonly values: readonly string[];
  /** What is indexed; null: no unique key can be had. */
  readonly unique?: string | null;
  /** Where the type is there; everywhere unless given. */
  readonly on?: readonly Family[];
  /** A pair of values cannot show that `{c}` does not sort, for this reason. */
  readonly refusedBecause?: string;
}

const some = (values: fc.Arbitrary<string>, count = 60): string[] => [
  ...new Set(fc.sample(values, { seed: SEED, numRuns: count })),
];
const text = (value: string): string => `_utf8mb4 X'${Buffer.from(value).toString('hex')}'`;
const hex = (value: Uint8Array): string => `X'${Buffer.from(value).toString('hex')}'`;
const integers = (bits: number, signed: boolean): string[] => {
  const [min, max] = signed ? [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n] : [0n, 2n ** BigInt(bits) - 1n];
  return [...new Set([...some(fc.bigInt({ min, max }).map(String)), '9', '10', '100', String(min), String(max)])];
};
const numbers = some(
  fc
    .tuple(fc.integer({ min: -9_999, max: 9_999 }), fc.integer({ min: -28, max: 28 }))
    .map(([mantissa, exponent]) => `${mantissa}e${exponent}`),
);
const decimals = some(fc.integer({ min: -99_999_999, max: 99_999_999 }).map((n) => `${n}e-4`));
const moments = (precision: number, first: string, last: string): string[] =>
  some(
    fc
      .tuple(
        fc.date({ min: new Date(`${first}T00:00:00Z`), max: new Date(`${last}T00:00:00Z`), noInvalidDate: true }),
        fc.integer({ min: 0, max: 999_999 }),
      )
      .map(([date, micros]) => {
        const fraction = String(micros).padStart(6, '0').slice(0, precision);
        return `'${date.toISOString().slice(0, 19).replace('T', ' ')}${fraction === '' ? '' : `.${fraction}`}'`;
      }),
  );
const durations = some(
  fc
    .tuple(fc.integer({ min: -838, max: 838 }), fc.integer({ min: 0, max: 59_999 }))
    .map(
      ([hours, rest]) =>
        `'${hours}:${String(Math.floor(rest / 1_000)).padStart(2, '0')}:00.${String(rest % 1_000).padStart(3, '0')}'`,
    ),
);
const words = [
  ...some(fc.string({ unit: fc.constantFrom(...Array.from('aAbBzZ09 _-éÉß中~')), minLength: 1, maxLength: 6 })),
  'a',
  'a ',
  'a!',
].map(text);
const ascii = some(fc.string({ unit: fc.constantFrom(...Array.from('aAbBzZ09 _-~')), minLength: 1, maxLength: 6 })).map(
  text,
);
const binary = [
  ...some(fc.uint8Array({ minLength: 1, maxLength: 6 }).map(hex)),
  "X'00'",
  "X'0000'",
  "X'20'",
  "X'2020'",
  "X'ff'",
];
const MEMBERS = "('zz','a','10','9','B','m')";
const UUIDS = some(fc.uuid({ version: [1, 4] }).map((uuid) => `'${uuid}'`));
const MARIADB: readonly Family[] = ['mariadb-10.11'];
const MYSQL_9: readonly Family[] = ['mysql-9.7'];
const points = ['POINT(1,2)', 'POINT(2,1)', 'POINT(-1,0)', 'POINT(0,0)', 'POINT(1000,3)'];
const lines = points.map((point) => `LINESTRING(${point}, POINT(7,7))`);
const polygons = ['9', '8', '-3'].map(
  (x) => `POLYGON(LINESTRING(POINT(0,0), POINT(${x},0), POINT(${x},${x}), POINT(0,0)))`,
);

const CASES: readonly TypeCase[] = [
  { type: 'TINYINT', dataType: 'tinyint', values: integers(8, true) },
  { type: 'SMALLINT UNSIGNED', dataType: 'smallint', values: integers(16, false) },
  { type: 'MEDIUMINT', dataType: 'mediumint', values: integers(24, true) },
  { type: 'INT', dataType: 'int', values: integers(32, true) },
  { type: 'INT(10) ZEROFILL', dataType: 'int', values: integers(32, false) },
  { type: 'BIGINT', dataType: 'bigint', values: integers(64, true) },
  { type: 'BIGINT UNSIGNED', dataType: 'bigint', values: integers(64, false) },
  { type: 'DECIMAL(12,4)', dataType: 'decimal', values: decimals },
  { type: 'FLOAT', dataType: 'float', values: numbers },
  { type: 'DOUBLE', dataType: 'double', values: [...numbers, '0.1', '0.30000000000000004', '1e100', '-1e-100'] },
  { type: 'BIT(64)', dataType: 'bit', values: integers(64, false) },
  {
    type: 'YEAR',
    dataType: 'year',
    values: ['0', '1901', '1999', '2000', '2026', '2155'],
    refusedBecause: 'in fixed width it would sort, but it is judged as the number that it is',
  },
  {
    type: 'YEAR(2)',
    dataType: 'year',
    values: ["'70'", "'99'", "'00'", "'05'", "'26'", "'69'"],
    on: MARIADB,
  },
  { type: 'TIME(3)', dataType: 'time', values: durations },
  { type: 'DATE', dataType: 'date', values: [...moments(0, '1000-01-01', '9999-12-31'), "'0000-00-00'"] },
  { type: 'DATETIME', dataType: 'datetime', values: moments(0, '1000-01-01', '9999-12-31') },
  { type: 'DATETIME(3)', dataType: 'datetime', values: moments(3, '1960-01-01', '1980-01-01') },
  { type: 'DATETIME(6)', dataType: 'datetime', values: moments(6, '1000-01-01', '9999-12-31') },
  { type: 'TIMESTAMP(6)', dataType: 'timestamp', values: moments(6, '1971-01-01', '2037-12-31') },
  { type: 'CHAR(6) CHARACTER SET utf8mb4', dataType: 'char', values: words },
  { type: 'VARCHAR(6) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin', dataType: 'varchar', values: words },
  { type: 'VARCHAR(6) CHARACTER SET latin1 COLLATE latin1_german1_ci', dataType: 'varchar', values: ascii },
  { type: 'VARCHAR(6) CHARACTER SET utf16', dataType: 'varchar', values: words },
  ...['TINYTEXT', 'TEXT', 'MEDIUMTEXT', 'LONGTEXT'].map((type) => ({
    type: `${type} CHARACTER SET utf8mb4`,
    dataType: type.toLowerCase(),
    values: words,
    unique: 'c(20)',
  })),
  { type: `ENUM${MEMBERS}`, dataType: 'enum', values: ["'zz'", "'a'", "'10'", "'9'", "'B'", "'m'"] },
  { type: `SET${MEMBERS}`, dataType: 'set', values: Array.from({ length: 63 }, (_, i) => String(i + 1)) },
  // Made outside strict mode: two numbers print one text.
  { type: "ENUM('a','b','a')", dataType: 'enum', values: ['1', '2', '3'], refusedBecause: 'the order is told above' },
  { type: 'UUID', dataType: 'uuid', values: UUIDS, on: MARIADB },
  { type: 'INET4', dataType: 'inet4', values: ["'10.0.0.9'", "'10.0.0.10'", "'9.1.1.1'"], on: MARIADB },
  { type: 'INET6', dataType: 'inet6', values: ["'::1'", "'2001:db8::1'", "'1::'", "'10::'", "'a::'"], on: MARIADB },
  {
    type: 'JSON',
    dataType: 'json',
    values: ["'10'", "'9'", `'"b"'`, `'"a"'`, "'[1]'", "'true'"],
    unique: null,
    on: MYSQL_9,
  },
  { type: 'BINARY(6)', dataType: 'binary', values: binary },
  { type: 'VARBINARY(6)', dataType: 'varbinary', values: binary },
  ...['TINYBLOB', 'BLOB', 'MEDIUMBLOB', 'LONGBLOB'].map((type) => ({
    type,
    dataType: type.toLowerCase(),
    values: binary,
    unique: 'c(20)',
  })),
  ...[
    ['GEOMETRY', points],
    ['POINT', points],
    ['LINESTRING', lines],
    ['POLYGON', polygons],
    ['MULTIPOINT', points.map((point) => `MULTIPOINT(${point})`)],
    ['MULTILINESTRING', lines.map((line) => `MULTILINESTRING(${line})`)],
    ['MULTIPOLYGON', polygons.map((polygon) => `MULTIPOLYGON(${polygon})`)],
  ].map(([type, values]) => ({
    type: String(type),
    dataType: String(type).toLowerCase(),
    values: values as readonly string[],
    unique: null,
  })),
  {
    type: 'GEOMETRYCOLLECTION',
    dataType: 'geometrycollection',
    values: points.map((point) => `GEOMETRYCOLLECTION(${point})`),
    unique: null,
    on: ['mysql-5.6', 'mariadb-10.11'],
  },
  {
    type: 'GEOMETRYCOLLECTION',
    dataType: 'geomcollection',
    values: points.map((point) => `GEOMETRYCOLLECTION(${point})`),
    unique: null,
    on: MYSQL_9,
  },
  {
    type: 'VECTOR(2)',
    dataType: 'vector',
    values: ["STRING_TO_VECTOR('[1,2]')", "STRING_TO_VECTOR('[2,1]')", "STRING_TO_VECTOR('[-1,0]')"],
    unique: null,
    on: MYSQL_9,
  },
];

const ARGUMENTS: Readonly<Record<string, string>> = { pad: '(20)', hash: '(100)' };
const TEMPLATES = [
  '{c}',
  ...TEMPLATE_FUNCTIONS.map((name) => `{c:${name}${ARGUMENTS[name] ?? ''}}`),
  '{c:epoch-s:pad(20)}',
  '{c:epoch-ms:pad(20)}',
  '{c:epoch-us:pad(20)}',
  '{c:hash(100):pad(2)}',
  '{c:text:hex}',
  '{c:text:lower}',
];
/** What is asked for by name, and has an order of its own. */
const OWN_ORDER = /:(lower|upper|text|hash)/;
const TEXTUAL = ['char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext'];

test('the table of key orders has a case for every column type', () => {
  expect([...new Set(CASES.map(({ dataType }) => dataType))].sort()).toEqual([...KNOWN_TYPES].sort());
});

const cells = mysqlServers.flatMap((server) =>
  CASES.filter(({ on }) => on === undefined || on.some((name) => server.name.startsWith(name))).map((given) => ({
    server,
    ...given,
    title: `${given.type} (${given.dataType})`,
  })),
);

describe.each(mysqlServers)(`$name (seed ${SEED})`, (server) => {
  test.each(cells.filter((cell) => cell.server === server))(
    'sort keys sort as ORDER BY, and proven keys are unique, for a column of $title',
    async (given) => {
      const source = await sourceOf(server, given);
      for (const keyType of ['S', 'N', 'B'] as const) {
        for (const template of TEMPLATES) {
          const cell = `${template} as ${keyType}`;
          const { mapping, refusal } = compiled(source.table, template, keyType);
          if (refusal === 'E_MAPPING_UNSORTABLE') {
            if (given.refusedBecause !== undefined || template !== '{c}') continue;
            const partition = compiled(source.table, template, keyType, true).mapping;
            if (partition === null) throw new Error(`${cell}: refused as a partition key too`);
            expect(inversions(keysOf(partition, source.rows, 'pk', keyType)), cell).toBeGreaterThan(0);
          } else if (mapping !== null) {
            const keys = keysOf(mapping, source.rows, 'sk', keyType);
            expect(keys.length, `${cell}: some values have keys`).toBeGreaterThan(1);
            if (!OWN_ORDER.test(template)) expect(inversions(keys), `${cell}: sorts`).toBe(0);
            const facts = { severalShards: false, ofOneShard: () => [], readWhole: () => false };
            const proven = source.unique && judgeUniqueness(mapping.keys, facts).verdict === 'proven';
            if (proven) expect(new Set(keys).size, `${cell}: one key a value`).toBe(keys.length);
          }
        }
      }
    },
  );
});

interface Source {
  readonly table: TableInfo;
  /** In the order that MySQL has the column in; text: in that of its UTF-8. */
  readonly rows: readonly Row[];
  /** No two rows have equal values. */
  readonly unique: boolean;
}

async function sourceOf(server: MysqlServer, { type, dataType, values, unique = 'c' }: TypeCase): Promise<Source> {
  await using database = await createDatabase(server);
  await database.query("SET SESSION sql_mode = '', SESSION time_zone = '+00:00'");
  const key = unique === null ? '' : `, UNIQUE KEY c (${unique})`;
  await database.query(`CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, c ${type} NOT NULL${key})`);
  await database.query(`INSERT IGNORE INTO t (c) VALUES ${values.map((value) => `(${value})`).join()}`);
  await using session = await openSession(database.shard());
  const { table } = await describeSourceTable(session, 's01', database.name, 't', signal);
  expect(table.columns.find(({ name }) => name === 'c')?.dataType).toBe(dataType);
  const select = new RowSelect({ table, key: chooseScanKey(table, ['id']), columns: ['id', 'c'], where: null });
  const rows = await session.rows(select.rows({ after: null, upTo: null }, null), signal);
  const order = TEXTUAL.includes(dataType) ? 'CAST(CONVERT(c USING utf8mb4) AS BINARY)' : 'c';
  const ordered = [...(await database.query(`SELECT id FROM t ORDER BY ${order}, id`))].map((row) => String(row['id']));
  const byId = new Map(rows.map((row) => [String(row[0]), row]));
  expect(ordered.length).toBe(rows.length);
  return { table, rows: ordered.map((id) => byId.get(id) ?? []), unique: unique !== null };
}

function compiled(
  table: TableInfo,
  template: string,
  type: KeyType,
  partition = false,
): { readonly mapping: CompiledMapping | null; readonly refusal: string | null } {
  const key = { name: partition ? 'pk' : 'sk', type, template, spread: null };
  const all = { name: 'pk', type: 'S' as const, template: 'ALL', spread: null };
  const item: ItemMapping = {
    name: 'row',
    partitionKey: partition ? key : all,
    sortKey: partition ? null : key,
    attributes: { columns: ['c', 'id'], drop: [], rules: {}, add: {} },
    ttl: null,
  };
  try {
    return { mapping: compileMapping(table, { items: [item] }, () => 1), refusal: null };
  } catch (error) {
    if (error instanceof FerryError) return { mapping: null, refusal: error.code };
    throw error;
  }
}

/** In the order of the rows; those that are bad with this template are left out. */
function keysOf(
  mapping: CompiledMapping,
  rows: readonly Row[],
  name: 'pk' | 'sk',
  type: KeyType,
): readonly (string | bigint)[] {
  return rows.flatMap((row) => {
    const items: MappedItem[] = [];
    try {
      mapping.map(row, items, { now: 0 });
    } catch (error) {
      if (error instanceof BadValue) return [];
      throw error;
    }
    return items.map(({ keyText }) => comparable(keyText, name, type));
  });
}

/** Comparable as DynamoDB compares: UTF-8 bytes, unsigned bytes, or a number in units of its last possible digit. */
function comparable(keyText: string, name: 'pk' | 'sk', type: KeyType): string | bigint {
  const value = (JSON.parse(keyText) as Record<string, Record<string, string>>)[name]?.[type] ?? '';
  if (type === 'B') return Buffer.from(value, 'base64').toString('hex');
  if (type === 'S') return Buffer.from(value).toString('hex');
  const [whole = '', fraction = ''] = value.replace('-', '').split('.');
  return BigInt(`${value.startsWith('-') ? '-' : ''}${whole}${fraction.padEnd(130, '0')}`);
}

/** Neighbours that are not in ascending order. */
function inversions(keys: readonly (string | bigint)[]): number {
  return keys.filter((key, i) => i > 0 && !((keys[i - 1] ?? '') <= key)).length;
}
