/**
 * A key form says how a key column goes to MySQL and back. It gives the select expression, the text of the value in a
 * cursor, and a comparison in the order of the index. A text that cannot be such a value never becomes SQL.
 */
import type { Cell, ColumnInfo } from '../../core/model.js';
import type { Transport } from '../../core/row-block.js';
import { emptyMembers } from '../../core/set-members.js';
import { exactText } from '../connection/cells.js';
import { enumerationOf, isOneOf, numbersThat, type Enumeration, type Operator } from './enumerated-key.js';
import { bytesLiteral, quoteName, textLiteral } from '../connection/sql.js';

/** Says how to make up a value between two others. See key-midpoint.ts. `opaque`: there is no way. */
export type KeyKind =
  | 'integer'
  | 'enumerated'
  | 'decimal'
  | 'float'
  | 'bytes'
  | 'ascii-bytes'
  | 'text'
  | 'text-ci'
  | 'latin1'
  | 'latin1-ci'
  | 'datetime'
  | 'time'
  | 'opaque';

export interface KeyForm {
  readonly kind: KeyKind;
  /** Returns the SQL expression of the key cell for a column; null: the column's own cell is enough. */
  readonly select: ((column: string) => string) | null;
  /** Says how the key cell arrives. */
  readonly transport: Transport;
  /** The pattern that a text must match. */
  readonly pattern: RegExp;
  /**
   * Returns the comparison of a column with a text of that pattern, in the order of the index; MySQL can use the index
   * for it.
   */
  readonly compare: (column: string, operator: Operator, text: string) => string;
  /** Makes a literal from a value as an operator writes it (`find`): an ENUM's label, bytes in hexadecimal. */
  readonly written: { readonly what: string; readonly pattern: RegExp; readonly literal: (text: string) => string };
  /** The numbers of an ENUM or SET, which is written by its label and compared by number; null for any other type. */
  readonly enumeration: Enumeration | null;
}

const ANYTHING = /^[^]*$/;
const INTEGER = /^-?\d+$/;
const HEX = /^([0-9a-f]{2})*$/i;
const DECIMAL = /^-?\d+(\.\d+)?$/;
const FLOAT = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i;
const DATETIME = /^\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d(\.\d{1,6})?)?$/;
const TIME = /^-?\d{2,3}:\d\d:\d\d(\.\d{1,6})?$/;

const same = (text: string): string => text;
const quoted = (text: string): string => `'${text}'`;
const floatLiteral = (text: string): string => (/e/i.test(text) ? text : `${text}e0`);

/** Returns the plain comparison with a literal. */
function against(literal: (text: string) => string): KeyForm['compare'] {
  return (column, operator, text) => `${column} ${operator} ${literal(text)}`;
}

const WRITTEN_TEXT = { what: 'a text', pattern: ANYTHING, literal: textLiteral };
const WRITTEN_INTEGER = { what: 'a whole number', pattern: INTEGER, literal: same };
const WRITTEN_HEX = {
  what: 'bytes in hexadecimal',
  pattern: /^(0x)?([0-9a-f]{2})*$/i,
  literal: (text: string): string => bytesLiteral(text.replace(/^0x/i, '')),
};

const NUMBER: KeyForm = {
  kind: 'integer',
  select: null,
  transport: 'text',
  pattern: INTEGER,
  compare: against(same),
  written: WRITTEN_INTEGER,
  enumeration: null,
};
/** BIT arrives as bytes, but compares as a number. */
const BIT: KeyForm = { ...NUMBER, select: (column) => `${column} + 0` };
/** Its literal is a number: against a quoted string, MySQL 5.6 compares a DECIMAL as a float. */
const FIXED: KeyForm = {
  ...NUMBER,
  kind: 'decimal',
  pattern: DECIMAL,
  written: { what: 'a decimal number', pattern: DECIMAL, literal: same },
};
/** FLOAT prints six digits. As a DOUBLE it prints all digits that identify it. */
const FLOATING: KeyForm = {
  ...NUMBER,
  kind: 'float',
  select: (column) => `${column} * 1e0`,
  pattern: FLOAT,
  compare: against(floatLiteral),
  written: { what: 'a number', pattern: FLOAT, literal: floatLiteral },
};
const DATES: KeyForm = {
  ...NUMBER,
  kind: 'datetime',
  pattern: DATETIME,
  compare: against(quoted),
  written: { what: 'a date and time as MySQL prints it', pattern: DATETIME, literal: quoted },
};
const TIMES: KeyForm = {
  ...DATES,
  kind: 'time',
  pattern: TIME,
  written: { what: 'a time as MySQL prints it', pattern: TIME, literal: quoted },
};
const BINARY: KeyForm = {
  ...NUMBER,
  kind: 'bytes',
  transport: 'bytes',
  pattern: HEX,
  compare: against(bytesLiteral),
  written: WRITTEN_HEX,
};
const TEXT: KeyForm = {
  ...NUMBER,
  kind: 'text',
  pattern: ANYTHING,
  compare: against(textLiteral),
  written: WRITTEN_TEXT,
};

/** Charsets that convert to UTF-8 and back without loss, every character to its own code. */
const LOSSLESS_CHARSETS: ReadonlySet<string> = new Set(['utf8mb4', 'utf8mb3', 'utf8', 'ascii', 'latin1']);

/** Charsets in which ASCII characters are not their own bytes. */
const WIDE_CHARSETS: ReadonlySet<string> = new Set(['ucs2', 'utf16', 'utf16le', 'utf32']);

/**
 * Returns the form for other charsets, which travel as their own bytes. Several of them (cp932, sjis, gbk, ...) have
 * two codes for one Unicode character, and the conversion must not merge two keys.
 */
function ownBytes(charset: string): KeyForm {
  return {
    ...BINARY,
    kind: WIDE_CHARSETS.has(charset) ? 'opaque' : 'ascii-bytes',
    select: (column) => `HEX(${column})`,
    transport: 'text',
    compare: against((text) => `_${charset} X'${text}'`),
    written: WRITTEN_TEXT,
  };
}

/** Returns the form of an ENUM or SET (see enumerated-key.ts); null where it has too many values. */
function enumeratedForm(column: ColumnInfo): KeyForm | null {
  const enumeration = enumerationOf(column);
  if (enumeration === null) return null;
  return {
    ...BIT,
    kind: 'enumerated',
    compare: (sql, operator, text) => isOneOf(sql, numbersThat(enumeration, operator, text)),
    written: WRITTEN_TEXT,
    enumeration,
  };
}

/**
 * Returns whether this is MariaDB's YEAR(2), which MySQL has not had since 5.6.6. An index orders it by its four
 * digits, but a comparison uses the two that it shows. A comparison finds nothing behind 99, though 2000 follows. And
 * 2000 and 0000 both show 00.
 */
function isTwoDigitYear({ dataType, columnType }: ColumnInfo): boolean {
  return dataType === 'year' && /^year\(2\)/i.test(columnType);
}

/**
 * Returns whether a CHAR has two different orders. An index orders it as if padded with spaces, but a comparison uses
 * it without them. The orders differ where the collation does not pad (MariaDB's; MySQL's have no such fault). They
 * also differ for the Thai collation, which moves letters. The index has `a` behind `a` and a tab, but `a` is not
 * greater. A VARCHAR has one order.
 */
function isUnpaddedChar({ dataType, collation }: ColumnInfo): boolean {
  return dataType === 'char' && /_nopad(_|$)|^tis620_thai_ci$/.test(collation ?? '');
}

/**
 * Returns whether the type rounds its largest value up. FLOAT(M, D) of eight digits or more does, FLOAT(9, 4) to
 * 100000, and so does DOUBLE(M, D) of sixteen. MySQL 9.7 then finds no such value, since it concludes that the column
 * cannot hold one.
 */
function isRoundedUp({ dataType, columnType }: ColumnInfo): boolean {
  const digits = Number(/^\w+\((\d+),\s*\d+\)/.exec(columnType)?.[1] ?? 0);
  return FLOATING_TYPES.has(dataType) && digits > (dataType === 'float' ? 7 : 15);
}

/**
 * Returns why a column cannot be part of a scan key, as words that follow its name; null where it can. README.md lists
 * these.
 */
export function keyFlaw(column: ColumnInfo): string | null {
  if (isTwoDigitYear(column)) return 'is a YEAR of two digits, which MariaDB orders by four digits';
  if (isUnpaddedChar(column)) return 'is a CHAR in a collation that orders padding differently than it compares it';
  if (isRoundedUp(column)) return 'has more digits than its floating-point type can hold';
  return keyForm(column) === null ? 'has too many values for a comparison by the index' : null;
}

/** Returns the form of a column that is part of a scan key; null where no index comparison can be written for it. */
export function keyForm(column: ColumnInfo): KeyForm | null {
  switch (column.dataType) {
    case 'bit':
      return BIT;
    case 'enum':
    case 'set':
      return enumeratedForm(column);
    case 'tinyint':
    case 'smallint':
    case 'mediumint':
    case 'int':
    case 'integer':
    case 'bigint':
    case 'year':
      return NUMBER;
    case 'decimal':
    case 'numeric':
      return FIXED;
    case 'float':
    case 'double':
    case 'real':
      return FLOATING;
    case 'date':
    case 'datetime':
    case 'timestamp':
      return DATES;
    case 'time':
      return TIMES;
    default:
      if (column.transport === 'bytes') return BINARY;
      // MariaDB's UUID, INET4 and INET6 compare with their own text.
      if (column.charset === null) return { ...TEXT, kind: 'opaque' };
      if (LOSSLESS_CHARSETS.has(column.charset)) {
        const kind = column.charset === 'latin1' ? 'latin1' : 'text';
        const form: KeyForm = { ...TEXT, kind: column.collation?.endsWith('_ci') === true ? `${kind}-ci` : kind };
        if (column.charset !== 'ascii') return form;
        return { ...form, select: (name) => exactText(name, 'ascii'), transport: 'ascii' };
      }
      return ownBytes(column.charset);
  }
}

/** Returns a key cell as the text that a cursor holds. */
export function cellText(cell: Cell): string {
  if (cell === null) throw new TypeError('a key cell is NULL');
  return typeof cell === 'string' ? cell : cell.toString('hex');
}

/**
 * Returns the select expression for a column's exact value: plain output would lose digits of a FLOAT, or characters of
 * a character set. It multiplies by one, since adding zero would lose the sign of a negative zero.
 */
export function selectedColumn(table: string, column: ColumnInfo): string {
  const name = `${quoteName(table)}.${quoteName(column.name)}`;
  if (FLOATING_TYPES.has(column.dataType)) return `${name} * 1e0`;
  const empty = emptyMembers(column);
  return exactText(empty.length === 0 ? name : withLeadingCommas(name, empty), column.charset);
}

/**
 * Returns a SET's text with a comma in front for each empty member that it starts with: see set-members.ts.
 * @param empty positions of the empty members
 */
function withLeadingCommas(column: string, empty: readonly number[]): string {
  const bits = (places: readonly number[]): bigint => places.reduce((sum, place) => sum | (1n << BigInt(place)), 0n);
  const commas = empty.map((place) => {
    const before = Array.from({ length: place }, (_, i) => i).filter((i) => !empty.includes(i));
    // `&` takes the number whole, up to 64 members. `+ 0` would make it a float.
    const first = before.length === 0 ? '' : ` AND (${column} & ${bits(before)}) = 0`;
    return `IF((${column} & ${bits([place])}) <> 0${first}, ',', '')`;
  });
  return `CONCAT(${commas.join(', ')}, ${column})`;
}

const FLOATING_TYPES: ReadonlySet<string> = new Set(['float', 'double', 'real']);
