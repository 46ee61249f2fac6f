/**
 * Tables whose scan keys are of every kind that MySQL orders in a way of its own. Each has the key, a column `n` that
 * numbers the rows, and values made from a seed. The server leaves out rows that collide.
 */

/** Of all values below; set the variable to a seed that a failed run printed. */
export const SEED = Number(process.env['DYNAFERRY_TEST_SEED'] ?? 20260401);

export interface Queryable {
  query(sql: string): Promise<readonly Record<string, unknown>[]>;
}

export type Random = () => number;

export interface KeyedTable {
  readonly name: string;
  /** Definitions of the key's columns. */
  readonly columns: string;
  /** The key, as in PRIMARY KEY (...). */
  readonly key: string;
  /** Column names of the key. */
  readonly parts: readonly string[];
  /** SQL literals of one row's key. */
  readonly values: (random: Random, n: number) => readonly string[];
  /** Servers that know such a table; absent: all. */
  readonly only?: RegExp;
}

/** The same numbers for the same seed, in [0, 1). */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return state / 2 ** 32;
  };
}

const whole = (random: Random, below: number): number => Math.floor(random() * below);
const pick = (random: Random, from: string): string => Array.from(from)[whole(random, Array.from(from).length)] ?? '';
const word = (random: Random, from: string, most: number): string =>
  Array.from({ length: whole(random, most + 1) }, () => pick(random, from)).join('');
const hex = (random: Random, bytes: number): string =>
  Array.from({ length: bytes }, () => whole(random, 256).toString(16).padStart(2, '0')).join('');
const text = (value: string): string => `_utf8mb4 X'${Buffer.from(value).toString('hex')}'`;
const digits = (random: Random, count: number): string =>
  word(random, '0123456789', 0) + String(whole(random, 10 ** count)).padStart(count, '0');
const two = (value: number): string => String(value).padStart(2, '0');
const moment = (random: Random): string =>
  `${2000 + whole(random, 30)}-${two(1 + whole(random, 12))}-${two(1 + whole(random, 28))} ` +
  `${two(whole(random, 24))}:${two(whole(random, 60))}:${two(whole(random, 60))}.${digits(random, 6)}`;

const single = (
  name: string,
  type: string,
  value: (random: Random, n: number) => string,
  only?: RegExp,
): KeyedTable => ({
  name,
  columns: `k ${type} NOT NULL`,
  key: 'k',
  parts: ['k'],
  values: (random, n) => [value(random, n)],
  ...(only === undefined ? {} : { only }),
});

const MYSQL_8 = /mysql-([89]|\d\d)/;
/** Since MariaDB 10.8; before, and on MySQL 5, DESC is read and ignored. */
const DESCENDING = /mariadb-1[01]|mysql-([89]|\d\d)/;

export const KEYED_TABLES: readonly KeyedTable[] = [
  single('int', 'INT', (_, n) => String(3 * n)),
  single('negative bigint and zero', 'BIGINT', (random, n) =>
    n === 0 ? '0' : n === 1 ? '-9223372036854775808' : String(whole(random, 2 ** 40) - 2 ** 39),
  ),
  single('unsigned bigint beyond 2^63', 'BIGINT UNSIGNED', (random, n) =>
    n === 0 ? '18446744073709551615' : String(18446744073709551615n - BigInt(whole(random, 2 ** 45))),
  ),
  single('int zerofill', 'INT(8) ZEROFILL', (random) => String(whole(random, 10 ** 7))),
  {
    name: 'composite of texts, a third in one account',
    columns:
      'account CHAR(10) CHARACTER SET ascii NOT NULL, sid VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL',
    key: 'account, sid',
    parts: ['account', 'sid'],
    values: (random) => [
      text(random() < 0.33 ? 'AC5' : `AC${whole(random, 40)}`),
      text(word(random, '0123456789abcdefABCDEF', 12)),
    ],
  },
  {
    name: 'three parts, few leading values',
    columns: 'a TINYINT NOT NULL, b DATE NOT NULL, c BIGINT NOT NULL',
    key: 'a, b, c',
    parts: ['a', 'b', 'c'],
    values: (random) => [
      String(whole(random, 3) - 1),
      `'2024-0${1 + whole(random, 3)}-0${1 + whole(random, 9)}'`,
      String(whole(random, 10 ** 6)),
    ],
  },
  single('case-insensitive text', 'VARCHAR(20) COLLATE utf8mb4_general_ci', (random) =>
    text(word(random, "aAbBzZ09_-' éÉüß\\%中😀", 7)),
  ),
  single('case-insensitive text by the Unicode algorithm', 'VARCHAR(20) COLLATE utf8mb4_unicode_ci', (random) =>
    text(word(random, 'aAbBcCzZ09_- éÉüßœ中文😀', 7)),
  ),
  single('binary text', 'VARCHAR(20) COLLATE utf8mb4_bin', (random) => text(word(random, 'aA\u0001\n\t0 é中😀', 7))),
  single('utf8mb3 text', 'VARCHAR(20) CHARACTER SET utf8', (random) => text(word(random, 'abc09 é中', 9))),
  single(
    'latin1 text of every byte',
    'VARCHAR(6) CHARACTER SET latin1 COLLATE latin1_bin',
    (random) => `_latin1 X'${hex(random, 1 + whole(random, 3))}'`,
  ),
  single('gbk text', 'VARCHAR(20) CHARACTER SET gbk', (random) => text(word(random, 'abz09中文字符编码', 8))),
  single(
    'cp932 text with two codes for one character',
    'VARCHAR(20) CHARACTER SET cp932 COLLATE cp932_bin',
    (random) =>
      `_cp932 X'${Array.from({ length: 1 + whole(random, 6) }, () => ['8790', '81e0', 'fa4a', '8754', '61', '5a'][whole(random, 6)]).join('')}'`,
  ),
  single('utf16 text', 'VARCHAR(20) CHARACTER SET utf16', (random) => text(word(random, 'abz09é中😀', 8))),
  single('binary with zeros at the end', 'BINARY(4)', (random) => `X'${hex(random, whole(random, 5))}'`),
  single(
    'varbinary, empty too',
    'VARBINARY(6)',
    (random) => `X'${hex(random, whole(random, 3))}${'00'.repeat(whole(random, 3))}'`,
  ),
  {
    name: 'enum leading',
    columns: "e ENUM('z', 'a', 'm', '') NOT NULL, i INT NOT NULL",
    key: 'e, i',
    parts: ['e', 'i'],
    values: (random) => [String(whole(random, 4) + 1), String(whole(random, 10 ** 6))],
  },
  {
    // Made outside strict mode: in it, labels that are equal are an error.
    name: 'enum of labels that are equal',
    columns: "e ENUM('e', 'é', 'z', 'E', 'Z') COLLATE utf8mb4_general_ci NOT NULL, i INT NOT NULL",
    key: 'e, i',
    parts: ['e', 'i'],
    values: (random) => [String(whole(random, 6)), String(whole(random, 10 ** 6))],
  },
  {
    name: 'enum of labels that are equal, behind a number',
    columns: "a TINYINT NOT NULL, e ENUM('ss', 'ß', 'SS') COLLATE utf8mb4_unicode_ci NOT NULL, i INT NOT NULL",
    key: 'a, e, i',
    parts: ['a', 'e', 'i'],
    values: (random) => [String(whole(random, 3)), String(whole(random, 4)), String(whole(random, 10 ** 6))],
  },
  {
    name: 'enum of labels with backslashes, quotes, commas and characters of four bytes',
    columns: "e ENUM('a\\\\b', 'it''s', 'x,y', 'x', '😀', '😁', '?', '''', '\\n') NOT NULL, i INT NOT NULL",
    key: 'e, i',
    parts: ['e', 'i'],
    values: (random) => [String(whole(random, 10)), String(whole(random, 10 ** 6))],
  },
  {
    name: 'set with an empty member',
    columns: "s SET('', 'b') NOT NULL, i INT NOT NULL",
    key: 's, i',
    parts: ['s', 'i'],
    values: (random) => [String(whole(random, 4)), String(whole(random, 10 ** 6))],
  },
  {
    name: 'set of members that are equal, and an enum, leading',
    columns:
      "s SET('a', 'A', 'á', '') COLLATE utf8mb4_general_ci NOT NULL, e ENUM('x', 'X') COLLATE utf8mb4_general_ci NOT NULL, i INT NOT NULL",
    key: 's, e, i',
    parts: ['s', 'e', 'i'],
    values: (random) => [String(whole(random, 16)), String(whole(random, 3)), String(whole(random, 10 ** 6))],
  },
  {
    name: 'descending enum of labels that are equal',
    columns: "e ENUM('e', 'é', 'z', 'E') COLLATE utf8mb4_general_ci NOT NULL, i INT NOT NULL",
    key: 'e DESC, i',
    parts: ['e', 'i'],
    values: (random) => [String(whole(random, 5)), String(whole(random, 10 ** 6))],
    only: DESCENDING,
  },
  {
    name: 'set leading',
    columns: "s SET('z', 'a', 'm') NOT NULL, i INT NOT NULL",
    key: 's, i',
    parts: ['s', 'i'],
    values: (random) => [String(whole(random, 8)), String(whole(random, 10 ** 6))],
  },
  single(
    'decimal',
    'DECIMAL(30,5)',
    (random) => `${random() < 0.5 ? '-' : ''}${digits(random, 9)}${digits(random, 9)}.${digits(random, 5)}`,
  ),
  single('double', 'DOUBLE', (random) => `${random() < 0.5 ? '-' : ''}${random()}e${whole(random, 20) - 10}`),
  single('float', 'FLOAT', (random) => String(16_777_216 - random() * 10 ** (1 + whole(random, 8)))),
  single('datetime(6), zero too', 'DATETIME(6)', (random, n) =>
    n === 0 ? "'0000-00-00 00:00:00'" : `'${moment(random)}'`,
  ),
  single('timestamp(3)', 'TIMESTAMP(3)', (random) => `'${moment(random).slice(0, 23)}'`),
  single('date', 'DATE', (random) => `'${1970 + whole(random, 60)}${moment(random).slice(4, 10)}'`),
  single(
    'negative time',
    'TIME(2)',
    (random) =>
      `'${random() < 0.5 ? '-' : ''}${two(whole(random, 838))}:${two(whole(random, 60))}:${two(whole(random, 60))}.${digits(random, 2)}'`,
  ),
  single('bit(64)', 'BIT(64)', (random) => `X'${hex(random, 8)}'`),
  single('year', 'YEAR', (_, n) => (n === 0 ? '0' : String(1901 + (n % 255)))),
  single('tinyint', 'TINYINT', (_, n) => String((n % 256) - 128)),
  single('smallint unsigned', 'SMALLINT UNSIGNED', (random) => String(whole(random, 65_536))),
  single('mediumint', 'MEDIUMINT', (random) => String(whole(random, 2 ** 24) - 2 ** 23)),
  single('decimal of 65 digits', 'DECIMAL(65,30)', (random, n) =>
    n === 0
      ? '0'
      : `${random() < 0.5 ? '-' : ''}${digits(random, 9)}${digits(random, 9)}${digits(random, 9)}${digits(random, 8)}.${digits(random, 9)}${digits(random, 9)}${digits(random, 9)}`,
  ),
  single(
    'double at its ends',
    'DOUBLE',
    (random, n) =>
      ['0', '1.7976931348623157e308', '-1.7976931348623157e308', '2.2250738585072014e-308'][n] ??
      `${random() < 0.5 ? '-' : ''}${random() * 1e6}e0`,
  ),
  single('enum alone', `ENUM(${Array.from({ length: 130 }, (_, i) => `'${(i * 37) % 130}x'`).join(',')})`, (random) =>
    String(1 + whole(random, 130)),
  ),
  single('set alone, empty too', "SET('b','a','d','c','e','f','g')", (random) => String(whole(random, 128))),
  single('bit(9)', 'BIT(9)', (random) => String(whole(random, 512))),
  single('datetime', 'DATETIME', (random) => `'${moment(random).slice(0, 19)}'`),
  single(
    'time(6)',
    'TIME(6)',
    (random) => `'${random() < 0.5 ? '-' : ''}00:00:${two(whole(random, 60))}.${digits(random, 6)}'`,
  ),
  // PAD SPACE: `a` and `a ` are one key, and `a\t` sorts before `a`.
  single('text that pads with spaces', 'CHAR(12) COLLATE utf8mb4_unicode_520_ci', (random) =>
    text(
      `${word(random, 'aáAÀbß', 4)}${['', ' ', '\t', '\u0001', '\u00a0'][whole(random, 5)] ?? ''}${word(random, 'aeé', 3)}`,
    ),
  ),
  single(
    'text that does not pad',
    'VARCHAR(12) COLLATE utf8mb4_unicode_nopad_ci',
    (random) => text(word(random, 'aáAbß \tzŽ😀', 6)),
    /mariadb-1[01]/,
  ),
  {
    name: 'four parts of four kinds',
    columns:
      "a DECIMAL(5,2) NOT NULL, b ENUM('y','x') NOT NULL, c VARCHAR(4) COLLATE utf8mb4_general_ci NOT NULL, d DATETIME(6) NOT NULL",
    key: 'a, b, c, d',
    parts: ['a', 'b', 'c', 'd'],
    values: (random) => [
      `${whole(random, 3) - 1}.5`,
      String(1 + whole(random, 2)),
      text(word(random, 'aAé ', 2)),
      `'2024-02-29 00:00:00.${digits(random, 6)}'`,
    ],
  },
  {
    name: 'four parts, numbers and bytes',
    columns: 'a BINARY(2) NOT NULL, b FLOAT NOT NULL, c TIME NOT NULL, d BIGINT UNSIGNED NOT NULL',
    key: 'a, b, c, d',
    parts: ['a', 'b', 'c', 'd'],
    values: (random) => [
      `X'${['', '00', '01', '0100', 'ff'][whole(random, 5)] ?? ''}'`,
      ['-0.1', '0', '0.1', '16777216'][whole(random, 4)] ?? '0',
      `'${random() < 0.5 ? '-' : ''}01:00:0${whole(random, 3)}'`,
      String(18446744073709551615n - BigInt(whole(random, 10 ** 6))),
    ],
  },
  {
    name: 'four parts in turns, down and up',
    columns:
      "a INT NOT NULL, b ENUM('y','x') NOT NULL, c VARCHAR(6) COLLATE utf8mb4_general_ci NOT NULL, d DOUBLE NOT NULL",
    key: 'a DESC, b, c DESC, d',
    parts: ['a', 'b', 'c', 'd'],
    values: (random) => [
      String(whole(random, 3) - 1),
      String(1 + whole(random, 2)),
      text(word(random, 'aAbé', 2)),
      String(random() - 0.5),
    ],
    only: DESCENDING,
  },
  {
    name: 'descending parts',
    columns: 'a INT NOT NULL, b VARCHAR(10) NOT NULL',
    key: 'a DESC, b',
    parts: ['a', 'b'],
    values: (random) => [String(whole(random, 20)), text(word(random, 'abcdef', 8))],
    only: DESCENDING,
  },
  {
    name: 'every part descending',
    columns: 'a INT NOT NULL, b DATETIME(3) NOT NULL',
    key: 'a DESC, b DESC',
    parts: ['a', 'b'],
    values: (random) => [String(whole(random, 20)), `'${moment(random).slice(0, 23)}'`],
    only: DESCENDING,
  },
  {
    name: 'descending enum behind an ascending part',
    columns: "a INT NOT NULL, e ENUM('z', 'a', 'm', '') NOT NULL, i INT NOT NULL",
    key: 'a, e DESC, i',
    parts: ['a', 'e', 'i'],
    values: (random) => [String(whole(random, 20)), String(whole(random, 4) + 1), String(whole(random, 10 ** 6))],
    only: DESCENDING,
  },
  {
    name: 'descending enum leading',
    columns: "e ENUM('z', 'a', 'm', '') NOT NULL, i INT NOT NULL",
    key: 'e DESC, i',
    parts: ['e', 'i'],
    values: (random) => [String(whole(random, 4) + 1), String(whole(random, 10 ** 6))],
    only: DESCENDING,
  },
  single(
    'text without padding',
    'VARCHAR(20) COLLATE utf8mb4_0900_ai_ci',
    (random) => text(word(random, 'aAbBzZ éÉüß中😀', 6) + ' '.repeat(whole(random, 3))),
    MYSQL_8,
  ),
  single(
    'text without padding, by accents and case',
    'VARCHAR(20) COLLATE utf8mb4_0900_as_cs',
    (random) => text(word(random, 'aAbBzZ éÉüß中😀', 6) + ' '.repeat(whole(random, 3))),
    MYSQL_8,
  ),
  single(
    'uuid',
    'UUID',
    (random) => `'${hex(random, 4)}-${hex(random, 2)}-${hex(random, 2)}-${hex(random, 2)}-${hex(random, 6)}'`,
    /mariadb-1[01]/,
  ),
  single(
    'inet4',
    'INET4',
    (random) => `'10.${whole(random, 256)}.${whole(random, 256)}.${whole(random, 256)}'`,
    /mariadb-1[01]/,
  ),
  single('inet6', 'INET6', (random) => `'2001:db8::${whole(random, 65536).toString(16)}'`, /mariadb-1[01]/),
];

/** Creates and fills a table of that kind; the number of rows is `count` at most. */
export async function fillTable(database: Queryable, table: KeyedTable, name: string, count: number): Promise<void> {
  const random = seeded(SEED);
  await database.query("SET SESSION sql_mode = '', SESSION time_zone = '+00:00'");
  await database.query(`CREATE TABLE ${name} (${table.columns}, n INT NOT NULL, PRIMARY KEY (${table.key}))`);
  const rows = Array.from({ length: count }, (_, n) => `(${[...table.values(random, n), String(n)].join(', ')})`);
  await database.query(`INSERT IGNORE INTO ${name} VALUES ${rows.join(',')}`);
  await database.query(`ANALYZE TABLE ${name}`);
}

/** Column `n` of every row, in the server's own order. */
export async function numbersInOrder(database: Queryable, table: KeyedTable, name: string): Promise<readonly string[]> {
  const rows = await database.query(`SELECT n FROM ${name} ORDER BY ${table.key}`);
  return rows.map((row) => String(row['n']));
}
