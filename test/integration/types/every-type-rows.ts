/**
 * A table with a column of every kind, under every rule, and random rows for it: as SQL alone, since what becomes of
 * them is for two ways to tell.
 */
import fc from 'fast-check';

export const EVERY_TYPE = 'every_type';

interface AnyColumn {
  readonly ddl: string;
  readonly rule?: Readonly<Record<string, string>>;
  /** SQL expressions. */
  readonly values: fc.Arbitrary<string>;
}

const text = (value: string): string => `CONVERT(X'${Buffer.from(value).toString('hex')}' USING utf8mb4)`;
const bytes = (value: Uint8Array): string => `X'${Buffer.from(value).toString('hex')}'`;
const quoted = (value: unknown): string => `'${String(value)}'`;

/** Small and large ones, and both ends. */
const wholes = (min: bigint, max: bigint): fc.Arbitrary<string> =>
  fc
    .oneof(fc.bigInt({ min, max }), fc.constantFrom(min, max, 0n), fc.bigInt({ min: 0n, max: 1_00n }))
    .map((value) => String(value));

const signed = (bits: bigint): fc.Arbitrary<string> => wholes(-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n);
const unsigned = (bits: bigint): fc.Arbitrary<string> => wholes(0n, 2n ** bits - 1n);

/** Zeros at both ends and on both sides of the point, `-0.00` too. */
const decimals = (whole: number, fraction: number): fc.Arbitrary<string> => {
  const digits = (count: number) =>
    fc.oneof(
      fc.stringMatching(new RegExp(`^[0-9]{${count}}$`)),
      fc.nat({ max: count }).map((zeros) => '7'.repeat(count - zeros) + '0'.repeat(zeros)),
      fc.nat({ max: count }).map((zeros) => '0'.repeat(zeros) + '3'.repeat(count - zeros)),
    );
  return fc
    .tuple(fc.constantFrom('', '-'), digits(whole), digits(fraction))
    .map(([sign, units, rest]) => quoted(`${sign}${units || '0'}.${rest}`));
};

/** What has to be escaped, control characters, and UTF-8 of every length. */
const unit = fc.oneof(
  fc.constantFrom('"', '\\', '/', '\u0000', '\b', '\t', '\n', '\u000b', '\f', '\r', '\u001f', ' ', '\u007f', '\u0080'),
  fc.constantFrom('a', 'é', '\u07ff', '\u0800', '你', '\u2028', '\uffee', '\ufffd', '👋', '\u{10ffff}'),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
);
const strings = (maxLength: number): fc.Arbitrary<string> =>
  fc.oneof(
    fc.string({ unit, maxLength: Math.min(maxLength, 20) }),
    fc.string({ unit, minLength: Math.max(0, maxLength - 16), maxLength }),
  );
const texts = (maxLength: number): fc.Arbitrary<string> => strings(maxLength).map(text);
const blobs = (maxLength: number, minLength = 0): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength, maxLength }).map(bytes);

/** Around where MySQL's lengths of cells take a byte more. */
const edges = (of: string): fc.Arbitrary<string> =>
  fc
    .constantFrom(...[0, 1, 44, 45, 46, 250, 251, 252, 255, 256, 257, 65_535, 65_536, 65_537])
    .map((length) => `REPEAT(${of}, ${length})`);

const dates = fc.oneof(
  fc.constantFrom(
    '0001-01-01',
    '1000-01-01',
    '1582-10-10',
    '1900-02-28',
    '1969-12-31',
    '1970-01-01',
    '2000-02-29',
    '9999-12-31',
  ),
  fc
    .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
    .map((date) => date.toISOString().slice(0, 10)),
);
const clocks = (digits: number): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.constantFrom('00:00:00', '23:59:59', '12:34:56', '01:02:03'),
      fc.oneof(fc.constantFrom('000000', '999999', '000001', '100000'), fc.stringMatching(/^\d{6}$/)),
    )
    .map(([clock, fraction]) => (digits === 0 ? clock : `${clock}.${fraction.slice(0, digits)}`));
const moments = (digits: number): fc.Arbitrary<string> =>
  fc.tuple(dates, clocks(digits)).map(([date, clock]) => quoted(`${date} ${clock}`));
const stamps = (digits: number): fc.Arbitrary<string> =>
  fc.tuple(fc.integer({ min: 1, max: 2 ** 31 - 2 }), clocks(digits)).map(([seconds, clock]) => {
    const fraction = clock.slice(8);
    return quoted(`${new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')}${fraction}`);
  });
const spans = (digits: number): fc.Arbitrary<string> =>
  fc
    .tuple(fc.constantFrom('', '-'), fc.integer({ min: 0, max: 837 }), clocks(digits))
    .map(([sign, hours, clock]) => quoted(`${sign}${String(hours).padStart(2, '0')}${clock.slice(2)}`));
/** What DynamoDB holds. */
const doubles = fc
  .double({ min: -1e120, max: 1e120, noNaN: true })
  .map((value) => (Math.abs(value) < 1e-120 ? '0' : String(value)));
const floats = fc
  .float({ min: Math.fround(-1e38), max: Math.fround(1e38), noNaN: true })
  .map((value) => (Math.abs(value) < 1e-37 ? '0' : String(value)));
const documents = fc
  .object({
    // dynalite loses the name `__proto__`.
    key: fc.string({ unit, minLength: 1, maxLength: 6 }).filter((name) => name !== '__proto__'),
    values: [
      fc.string({ unit, maxLength: 9 }),
      fc.maxSafeInteger(),
      fc.boolean(),
      fc.constantFrom(null, 0.5, -0.25, 1e-7),
    ],
    maxDepth: 3,
  })
  .map((value) => text(JSON.stringify(value)));

const utf8mb4 = (type: string): string => `${type} CHARACTER SET utf8mb4`;

/** By column name. */
const COLUMNS: Readonly<Record<string, AnyColumn>> = {
  tiny: { ddl: 'TINYINT', values: signed(8n) },
  small: { ddl: 'SMALLINT UNSIGNED', values: unsigned(16n) },
  medium: { ddl: 'MEDIUMINT', values: signed(24n) },
  filled: { ddl: 'INT(10) UNSIGNED ZEROFILL', values: unsigned(32n) },
  filled_text: { ddl: 'INT(10) UNSIGNED ZEROFILL', rule: { type: 'S' }, values: unsigned(32n) },
  big: { ddl: 'BIGINT', values: signed(64n) },
  big_unsigned: { ddl: 'BIGINT UNSIGNED', values: unsigned(64n) },
  flag: { ddl: 'TINYINT(1)', rule: { type: 'BOOL' }, values: fc.constantFrom('0', '1') },
  money: { ddl: 'DECIMAL(10,2)', values: decimals(8, 2) },
  exact: { ddl: 'DECIMAL(38,14)', values: decimals(24, 14) },
  fraction: { ddl: 'DECIMAL(5,5)', values: decimals(0, 5) },
  whole: { ddl: 'DECIMAL(38,0)', values: wholes(1n - 10n ** 38n, 10n ** 38n - 1n) },
  exact_text: { ddl: 'DECIMAL(10,5)', rule: { type: 'S' }, values: decimals(5, 5) },
  single: { ddl: 'FLOAT', values: floats },
  twice: { ddl: 'DOUBLE', values: doubles },
  twice_text: { ddl: 'DOUBLE', rule: { type: 'S' }, values: doubles },
  one_bit: { ddl: 'BIT(1)', values: unsigned(1n) },
  bool_bit: { ddl: 'BIT(1)', rule: { type: 'BOOL' }, values: unsigned(1n) },
  bits: { ddl: 'BIT(48)', values: unsigned(48n) },
  more_bits: { ddl: 'BIT(49)', values: unsigned(49n) },
  all_bits: { ddl: 'BIT(64)', values: unsigned(64n) },
  text_bits: { ddl: 'BIT(64)', rule: { type: 'S' }, values: unsigned(64n) },
  byte_bits: { ddl: 'BIT(20)', rule: { type: 'B' }, values: unsigned(20n) },
  year_of: { ddl: 'YEAR', values: fc.constantFrom('0', '1901', '2026', '2155') },
  fixed: { ddl: utf8mb4('CHAR(20)'), values: texts(20) },
  varied: { ddl: utf8mb4('VARCHAR(60)'), values: texts(60) },
  plain: {
    ddl: 'VARCHAR(60) CHARACTER SET ascii',
    values: fc.string({ unit: 'binary-ascii', maxLength: 60 }).map(text),
  },
  western: {
    ddl: 'VARCHAR(60) CHARACTER SET latin1',
    values: fc.string({ unit: fc.constantFrom('a', '"', 'é', 'ÿ', '€', '\n'), maxLength: 60 }).map(text),
  },
  chinese: {
    ddl: 'VARCHAR(60) CHARACTER SET gbk',
    values: fc.string({ unit: fc.constantFrom('a', '?', '\\', '你', '好', '中'), maxLength: 40 }).map(text),
  },
  wide: { ddl: 'VARCHAR(60) CHARACTER SET utf16', values: texts(40) },
  digits: {
    ddl: utf8mb4('VARCHAR(60)'),
    rule: { type: 'N' },
    values: fc
      .tuple(fc.constantFrom('', '-', '0', '-000'), fc.stringMatching(/^\d{1,12}(\.\d{0,12})?(e-?\d{1,2})?$/))
      .map(([sign, number]) => quoted(sign + number)),
  },
  text_bytes: { ddl: utf8mb4('TEXT'), rule: { type: 'B' }, values: texts(60) },
  tiny_text: { ddl: utf8mb4('TINYTEXT'), values: texts(50) },
  medium_text: { ddl: utf8mb4('MEDIUMTEXT'), values: texts(400) },
  long_text: { ddl: utf8mb4('LONGTEXT'), values: edges("'x'") },
  member: { ddl: "ENUM('', 'a', '\"', '你')", values: fc.constantFrom("''", "'a'", "'\"'", "'你'") },
  members: { ddl: "SET('b', 'a', 'é')", values: fc.constantFrom("''", "'a'", "'b,é'") },
  member_set: { ddl: "SET('b', 'a', 'é')", rule: { type: 'SS' }, values: fc.constantFrom("'é'", "'a,b'", "'b,a,é'") },
  bin: { ddl: 'BINARY(9)', values: blobs(9) },
  varbin: { ddl: 'VARBINARY(60)', values: blobs(60) },
  varbin_text: {
    ddl: 'VARBINARY(255)',
    rule: { type: 'S' },
    values: strings(60).map((value) => bytes(Buffer.from(value))),
  },
  tiny_blob: { ddl: 'TINYBLOB', values: blobs(60) },
  blob_of: { ddl: 'BLOB', values: blobs(400, 200) },
  long_blob: { ddl: 'LONGBLOB', values: edges("X'FB'") },
  place: { ddl: 'POINT', values: fc.tuple(fc.integer(), fc.integer()).map(([x, y]) => `POINT(${x}, ${y})`) },
  document: { ddl: utf8mb4('TEXT'), rule: { type: 'JSON' }, values: documents },
  day: { ddl: 'DATE', values: dates.map(quoted) },
  day_epoch: { ddl: 'DATE', rule: { format: 'epoch-s' }, values: dates.map(quoted) },
  day_text: { ddl: 'DATE', rule: { format: 'text' }, values: fc.constantFrom("'0000-00-00'", "'2026-00-10'") },
  moment: { ddl: 'DATETIME', values: moments(0) },
  moment3: { ddl: 'DATETIME(3)', values: moments(3) },
  moment6: { ddl: 'DATETIME(6)', values: moments(6) },
  moment_text: { ddl: 'DATETIME(1)', rule: { format: 'text' }, values: moments(1) },
  moment_s: { ddl: 'DATETIME(2)', rule: { format: 'epoch-s' }, values: moments(2) },
  moment_ms: { ddl: 'DATETIME(6)', rule: { format: 'epoch-ms' }, values: moments(6) },
  moment_us: { ddl: 'DATETIME(6)', rule: { format: 'epoch-us' }, values: moments(6) },
  stamp: { ddl: 'TIMESTAMP(6) NULL', values: stamps(6) },
  span: { ddl: 'TIME', values: spans(0) },
  span6: { ddl: 'TIME(6)', values: spans(6) },
};

const ENTRIES = Object.entries(COLUMNS);

/** What the key templates stand on; `account` of few values, so that neighbours in key order share their partition. */
const KEY_COLUMNS = [
  'id INT PRIMARY KEY',
  `account ${utf8mb4('VARCHAR(20)')} COLLATE utf8mb4_bin NOT NULL`,
  'made DATETIME(3) NOT NULL',
];
const accounts = fc.constantFrom('a', 'b', '"', 'é', 'è', '你"', '👋', '\n\\');

export const EVERY_TYPE_RULES: Readonly<Record<string, Readonly<Record<string, string>>>> = Object.fromEntries(
  ENTRIES.flatMap(([name, { rule }], index) => {
    // Every other column keeps its NULLs.
    const kept = index % 2 === 0 ? { null: 'keep' } : {};
    return rule === undefined && index % 2 === 1 ? [] : [[name, { ...rule, ...kept }]];
  }),
);

/** The table and `count` rows with about one NULL in six. */
export function everyTypeSql(seed: number, count: number): readonly string[] {
  const rows = fc.sample(
    fc.tuple(accounts, moments(3), ...ENTRIES.map(([, { values }]) => fc.option(values, { freq: 5, nil: 'NULL' }))),
    { seed, numRuns: count },
  );
  const columns = [...KEY_COLUMNS, ...ENTRIES.map(([name, { ddl }]) => `${name} ${ddl}`)];
  return [
    `CREATE TABLE ${EVERY_TYPE} (${columns.join(', ')})`,
    ...rows.map(([account, made, ...values], id) => {
      return `INSERT INTO ${EVERY_TYPE} VALUES (${[id, text(account), made, ...values].join(', ')})`;
    }),
  ];
}
