/**
 * Columns of a key, of every type and in every definition, with the values at which types are nasty; all drawn from one
 * stream of numbers.
 */
import { printedSet } from '../../../src/core/set-members.js';
import type { Cell } from '../../../src/core/model.js';
import type { Queryable, Random } from '../../contract/row-source-tables.js';

/** What a server takes, besides what all take. */
export interface Dialect {
  readonly mariadb: boolean;
  readonly descending: boolean;
  readonly generated: boolean;
  readonly invisible: boolean;
  /** Every collation of the server, with its character set and its longest character in bytes. */
  readonly collations: readonly {
    readonly collation: string;
    readonly charset: string;
    readonly bytes: number;
  }[];
}

/** Why a scan refuses such a key: the list of README.md, and no more. */
export type Refusal = 'too many values' | 'more digits' | 'YEAR of two digits' | 'orders padding differently' | null;

export interface Part {
  readonly name: string;
  /** Behind the column's name in CREATE TABLE. */
  readonly type: string;
  readonly generated: boolean;
  readonly refused: Refusal;
  /** SQL expression of a value; the server may refuse or change it. */
  readonly value: (random: Random, n: number) => string;
  /** A cell as an operator writes it. */
  readonly written: (cell: Cell) => string | null;
}

type Column = Pick<Part, 'type' | 'value'> & Partial<Pick<Part, 'refused' | 'written'>>;

export async function dialectOf(database: Queryable, name: string): Promise<Dialect> {
  const rows = await database.query(
    'SELECT COLLATION_NAME AS collation, c.CHARACTER_SET_NAME AS charset, MAXLEN AS bytes FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY c ' +
      'JOIN information_schema.CHARACTER_SETS s ON s.CHARACTER_SET_NAME = c.CHARACTER_SET_NAME ORDER BY 1, 2',
  );
  const mariadb = name.startsWith('mariadb');
  const old = name === 'mysql-5.6';
  return {
    mariadb,
    descending: !old,
    generated: !old && !mariadb,
    invisible: !old,
    collations: rows.map((row) => ({
      collation: String(row['collation']),
      charset: String(row['charset']),
      bytes: Number(row['bytes']),
    })),
  };
}

const whole = (random: Random, below: number): number => Math.floor(random() * below);
const one = <T>(random: Random, from: readonly T[]): T => from[whole(random, from.length)] as T;
const sign = (random: Random): string => (random() < 0.4 ? '-' : '');
const digits = (random: Random, count: number): string =>
  Array.from({ length: count }, () => String(whole(random, 10))).join('');
const hex = (random: Random, bytes: number): string =>
  Array.from({ length: bytes }, () => whole(random, 256).toString(16).padStart(2, '0')).join('');
const two = (value: number): string => String(value).padStart(2, '0');
const utf8 = (text: string): string => `_utf8mb4 X'${Buffer.from(text).toString('hex')}'`;

/**
 * Letters that are equal to one another here and there, that are ignored, that expand, that are no characters, that
 * need four bytes.
 */
const NASTY = [
  ...[
    'a',
    'A',
    'á',
    'À',
    'a\u0301',
    'ª',
    'e',
    'é',
    'E',
    'z',
    'Ž',
    's',
    'S',
    'ß',
    'ss',
    'SS',
    'ẞ',
    'ſ',
    'œ',
    'oe',
    'ǆ',
    'ﬀ',
    'ff',
  ],
  ...[
    'i',
    'I',
    'ı',
    'İ',
    'ch',
    'c',
    'll',
    'ñ',
    'n',
    'ü',
    'ue',
    'u',
    'å',
    'æ',
    'ö',
    'ø',
    'þ',
    'd',
    'đ',
    'ł',
    '1',
    '9',
    '0',
    '_',
    '-',
  ],
  ...[
    ' ',
    '  ',
    '\t',
    '\n',
    '\0',
    '\u0001',
    '\u0008',
    '\u007f',
    '\u00a0',
    '\u00ad',
    '\u200b',
    '\u200d',
    '\ufeff',
    '\uffff',
    '\ufffe',
  ],
  ...[
    "'",
    '"',
    '\\',
    '%',
    '?',
    ',',
    '`',
    ';',
    '中',
    '文',
    '\u3042',
    '\u30a2',
    '\uff71',
    '가',
    '\u1100',
    'เ',
    'ก',
    'ж',
    'Ж',
    'ё',
    'ו',
    'ع',
    'अ',
  ],
  ...['😀', '𝒂', '\u{10ffff}', '\u{1f1e9}', '\ufffd', '€', '\u0080', '\u009f', 'ÿ'],
];

function nasty(random: Random, most: number): string {
  // A few letters a table: then many values lie close together.
  return Array.from({ length: whole(random, most + 1) }, () => one(random, NASTY)).join('');
}

/** A column that holds only few different letters, or many. */
function words(random: Random, most: number): (random: Random) => string {
  if (random() < 0.3) return (later) => nasty(later, most);
  const letters = Array.from({ length: 2 + whole(random, 5) }, () => one(random, NASTY));
  return (later) => Array.from({ length: whole(later, most + 1) }, () => one(later, letters)).join('');
}

const INTEGERS = [
  ['TINYINT', 8n],
  ['SMALLINT', 16n],
  ['MEDIUMINT', 24n],
  ['INT', 32n],
  ['BIGINT', 64n],
] as const;

function integer(random: Random): Column {
  const [name, bits] = one(random, INTEGERS);
  const manner = one(random, ['', '', ' UNSIGNED', ' ZEROFILL', `(${1 + whole(random, 9)}) ZEROFILL`]);
  const low = manner === '' ? -(1n << (bits - 1n)) : 0n;
  const high = low + (1n << bits) - 1n;
  return {
    type: name + manner,
    value: (later) => {
      const near = BigInt(whole(later, 30));
      return String(one(later, [low + near, high - near, near, -near, BigInt(whole(later, 2 ** 31))]));
    },
  };
}

function bits(random: Random): Column {
  const length = 1 + whole(random, 64);
  return {
    type: `BIT(${length})`,
    value: (later) =>
      one(later, [`X'${hex(later, 8)}'`, `X'${hex(later, Math.ceil(length / 8))}'`, String(whole(later, 9))]),
    written: (cell) => (Buffer.isBuffer(cell) ? String(BigInt(`0x${cell.toString('hex')}`)) : null),
  };
}

function decimal(random: Random): Column {
  const scale = whole(random, 31);
  const precision = Math.max(1, scale + whole(random, 66 - scale));
  return {
    type: `DECIMAL(${precision}, ${scale})${one(random, ['', '', ' UNSIGNED', ' ZEROFILL'])}`,
    value: (later) => {
      const before = digits(later, whole(later, precision - scale + 1)) || '0';
      const behind = digits(later, whole(later, scale + 1));
      return `${sign(later)}${before}${behind === '' ? '' : `.${behind}`}`;
    },
  };
}

function floating(random: Random): Column {
  const name = one(random, ['FLOAT', 'DOUBLE']);
  const scale = whole(random, 6);
  const precision = scale + 1 + whole(random, 12);
  const manner = one(random, ['', '', '', ' UNSIGNED', `(${precision}, ${scale})`]);
  const edges =
    name === 'FLOAT'
      ? ['3.4028234663852886e38', '1.17549435e-38', '1.4e-45', '16777216', '16777217', '0.1']
      : ['1.7976931348623157e308', '2.2250738585072014e-308', '5e-324', '9007199254740993', '0.1', '1e15', '1e-5'];
  return {
    type: name + manner,
    refused: manner.includes(',') && precision > (name === 'FLOAT' ? 7 : 15) ? 'more digits' : null,
    value: (later) =>
      sign(later) +
      one(later, [
        '0e0',
        one(later, edges),
        `${later()}e${whole(later, 40) - 20}`,
        String(whole(later, 50)),
        `${later() * 9}`,
      ]),
  };
}

function year(random: Random, dialect: Dialect): Column {
  const type = one(random, ['YEAR', 'YEAR', 'YEAR(4)', 'YEAR(2)']);
  return {
    type,
    // MySQL 5.6 makes it a YEAR(4).
    refused: type === 'YEAR(2)' && dialect.mariadb ? 'YEAR of two digits' : null,
    value: (later) => one(later, ['0', "'0000'", "'0'", '99', '1901', '2155', String(1950 + whole(later, 120))]),
  };
}

const EDGE_DATES = [
  '0000-00-00',
  '2015-00-00',
  '2015-02-31',
  '2015-00-10',
  '2015-02-00',
  '0001-01-01',
  '1000-01-01',
  '9999-12-31',
];

function drawDate(random: Random): string {
  if (random() < 0.3) return one(random, EDGE_DATES);
  return `${2014 + whole(random, 3)}-${two(1 + whole(random, 3))}-${two(1 + whole(random, 31))}`;
}

function moment(random: Random): Column {
  const digitsOf = whole(random, 7);
  const fraction = (later: Random): string => (later() < 0.5 ? '' : `.${digits(later, 6)}`);
  const time = (later: Random): string =>
    later() < 0.3
      ? '00:00:00'
      : `${two(whole(later, 24))}:${two(whole(later, 60))}:${two(whole(later, 3) * 29)}${fraction(later)}`;
  switch (whole(random, 4)) {
    case 0:
      return { type: 'DATE', value: (later) => `'${drawDate(later)}'` };
    case 1:
      return { type: `DATETIME(${digitsOf})`, value: (later) => `'${drawDate(later)} ${time(later)}'` };
    case 2: {
      // Where clocks were put back, in half of the world.
      const edges = [
        '0000-00-00 00:00:00',
        '1970-01-01 00:00:01',
        '2038-01-19 03:14:07',
        '2024-10-27 02:30:00',
        '2024-11-03 01:30:00',
      ];
      return {
        type: `TIMESTAMP(${digitsOf})`,
        value: (later) =>
          later() < 0.3
            ? `'${one(later, edges)}'`
            : `'2024-1${whole(later, 2)}-${two(1 + whole(later, 28))} ${time(later)}'`,
      };
    }
    default:
      return {
        type: `TIME(${digitsOf})`,
        value: (later) =>
          `'${sign(later)}${one(later, ['838:59:59', '00:00:00', `${two(whole(later, 839))}:00:00`, `00:00:${two(whole(later, 60))}`])}${fraction(later)}'`,
      };
  }
}

function text(random: Random, dialect: Dialect): Column {
  const drawnSet = one(random, dialect.collations);
  const common = dialect.collations.filter(({ charset }) => /^(utf8|latin1|ascii)/.test(charset));
  const { charset, collation, bytes } = random() < 0.5 ? drawnSet : one(random, common);
  const length = 1 + whole(random, 20);
  const word = words(random, Math.min(length, 6));
  const name = one(random, ['CHAR', 'VARCHAR']);
  return {
    // Bytes are a code without a character.
    written: (cell) => (typeof cell === 'string' ? cell : null),
    refused:
      name === 'CHAR' && (collation.includes('_nopad') || collation === 'tis620_thai_ci')
        ? 'orders padding differently'
        : null,
    type: `${name}(${length}) CHARACTER SET ${charset} COLLATE ${collation}`,
    value: (later) =>
      // Its own bytes reach the codes that no character of Unicode leads to. (In ascii, they end a scan with
      // E_TABLE_NO_KEY.)
      bytes === 1 && charset !== 'binary' && charset !== 'ascii' && later() < 0.5
        ? `_${charset} X'${hex(later, whole(later, Math.min(length, 3) + 1))}'`
        : utf8(word(later)),
  };
}

function binary(random: Random): Column {
  const length = 1 + whole(random, 6);
  return {
    type: `${one(random, ['BINARY', 'VARBINARY'])}(${length})`,
    value: (later) =>
      `X'${hex(later, whole(later, 2))}${one(later, ['', '00', '0000', '20', 'ff'])}${hex(later, whole(later, length))}'`,
  };
}

function enumerated(random: Random, dialect: Dialect): Column {
  const isSet = random() < 0.4;
  const most = isSet ? (random() < 0.1 ? 12 : 9) : random() < 0.05 ? 1_100 : 8;
  const count = most > 1_000 ? 990 + whole(random, 30) : 1 + whole(random, most);
  const { charset, collation } =
    random() < 0.6 ? one(random, dialect.collations) : { charset: 'utf8mb4', collation: 'utf8mb4_general_ci' };
  const word = words(random, 2);
  const labels = Array.from({ length: count }, (_, i) => (count > 100 ? `'x${i}'` : labelLiteral(word(random))));
  const highest = isSet ? 2 ** count - 1 : count;
  return {
    // What an operator would copy: without the commas in front that are of this side (set-members.ts).
    ...(isSet ? { written: (cell) => (typeof cell === 'string' ? printedSet(cell) : null) } : {}),
    type: `${isSet ? 'SET' : 'ENUM'}(${labels.join(', ')}) CHARACTER SET ${charset} COLLATE ${collation}`,
    refused: highest >= (isSet ? 1_000 : 1_001) ? 'too many values' : null,
    value: (later) => String(whole(later, highest + 1)),
  };
}

/** A definition takes string literals only, neither hexadecimal nor introduced by a character set. */
function labelLiteral(label: string): string {
  return `'${label.replaceAll('\\', '\\\\').replaceAll("'", "''").replaceAll('\0', '\\0')}'`;
}

function address(random: Random): Column {
  const type = one(random, ['UUID', 'INET6', 'INET4']);
  const literal = (later: Random): string => {
    if (type === 'UUID') {
      return [4, 2, 2, 2, 6].map((bytes) => (later() < 0.3 ? '00'.repeat(bytes) : hex(later, bytes))).join('-');
    }
    const inet4 = `${one(later, [0, 10, 255])}.${whole(later, 256)}.${whole(later, 3)}.${whole(later, 256)}`;
    if (type === 'INET4') return inet4;
    return one(later, [
      '::',
      '::1',
      `::ffff:${inet4}`,
      `::${inet4}`,
      `2001:db8::${hex(later, 2)}`,
      `fe80::${hex(later, 2)}:0:${hex(later, 2)}`,
    ]);
  };
  return { type, value: (later) => `'${literal(later)}'` };
}

const BUILDERS: readonly ((random: Random, dialect: Dialect) => Column)[] = [
  ...[integer, integer, bits, decimal, floating, year, moment, moment, text, text, text, binary],
  ...[enumerated, enumerated, enumerated],
];

export function drawPart(random: Random, dialect: Dialect, name: string): Part {
  const builders = dialect.mariadb ? [...BUILDERS, address] : BUILDERS;
  const { type, value, refused = null, written = asPrinted } = one(random, builders)(random, dialect);
  const generated = dialect.generated && random() < 0.05;
  if (generated) {
    const expression = one(random, ['n DIV 2', 'MOD(n, 7)', '-n', 'n * 1.5e0']);
    const kind = one(random, ['VIRTUAL', 'STORED']);
    const result = expression === 'n * 1.5e0' ? 'DOUBLE' : 'BIGINT';
    return {
      name,
      type: `${result} AS (${expression}) ${kind} NOT NULL`,
      generated,
      refused: null,
      value,
      written: asPrinted,
    };
  }
  // MariaDB wants a default for what an INSERT may leave out; each of these tables' names it.
  const hidden = dialect.invisible && !dialect.mariadb && random() < 0.05 ? ' INVISIBLE' : '';
  return { name, type: `${type} NOT NULL${hidden}`, generated, refused, value, written };
}

function asPrinted(cell: Cell): string | null {
  if (cell === null) return null;
  return typeof cell === 'string' ? cell : cell.toString('hex');
}
