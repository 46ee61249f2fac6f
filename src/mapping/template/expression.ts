/**
 * An expression is a `{column...}` part of a template. It gives its text for a row, and facts that hold for the text of
 * every row. These are its width, its characters, and whether it sorts as its column does. The proofs of key rules use
 * these facts.
 */
import { isUtf8 } from 'node:buffer';
import type { ColumnInfo } from '../../core/model.js';
import { NULL_CELL, transportOf } from '../../core/row-block.js';
import { emptyMembers, printedSet } from '../../core/set-members.js';
import { BadValue } from '../value/bad-value.js';
import { columnKind, integerDigits, type ColumnKind } from '../value/column-kind.js';
import { printsAmbiguously, printsWithoutOrder, sortsAsTextOnRequest, unsortedBecause } from '../key/key-order.js';
import { bitText, normalizeNumber } from '../value/numbers.js';
import type { ItemBuffer } from '../item/item-buffer.js';
import type { RowView } from '../row-view.js';

/** The meaning of a value's text at one step of an expression. */
export type Meaning = 'text' | 'integer' | 'decimal' | 'float' | 'date' | 'datetime' | 'time' | 'bytes' | 'encoded';

/**
 * Says whether different values of the column give different outputs. `never`: far fewer outputs than values (a hash
 * bucket).
 */
export type Distinguishes = 'always' | 'often' | 'never';

/** Writes and counts the bytes as billed. @throws BadValue */
export type WriteExpression = (row: RowView, out: ItemBuffer) => void;

export interface Expression {
  readonly column: string;
  /** Returns the expression's text for a row. @throws BadValue also for NULL: a template cannot leave a part out */
  readonly evaluate: (row: RowView) => string;
  /**
   * Writes the same text as the inside of a JSON string, without making a string of it; null where that takes more than
   * a copy.
   */
  readonly write: WriteExpression | null;
  readonly meaning: Meaning;
  /** Number of characters of every output, or null where it varies. */
  readonly width: number | null;
  /** Characters that may occur: shows whether a literal behind the expression certainly ends it. */
  readonly alphabet: RegExp;
  /** For a number: most digits before the point. */
  readonly digits: number;
  /**
   * True if the byte order of the outputs is the order of the column's values; for text, the order of the text's UTF-8.
   */
  readonly sorts: boolean;
  /** Why it does not sort. */
  readonly unsorted: string;
  /** True if no function, and no key of type N, can restore the order. */
  readonly orderLost: boolean;
  readonly distinguishes: Distinguishes;
  /** The template to write instead if it does not sort. */
  readonly sortRemedy: string;
}

/** Reports that a function does not fit its column. */
export class FunctionFault extends Error {
  override readonly name = 'FunctionFault';
}

export const DIGITS = /[0-9]/;
export const WHOLE_NUMBER = /[-0-9]/;
const NUMBER = /[-.0-9]/;
export const HEX = /[0-9a-f]/;
export const DATE_CHARACTERS = /[-0-9T:.Z ]/;
const ANY = /[\s\S]/;

/**
 * Compiles `{column}` without a function. Bytes become latin1 text, one character a byte.
 * @throws FunctionFault for an unknown type
 */
export function columnExpression(column: ColumnInfo, index: number): Expression {
  const kind = columnKind(column);
  if (kind === null)
    throw new FunctionFault(`this version of dynaferry does not know type ${column.dataType} of column ${column.name}`);
  const meaning = meaningOf(kind);
  const name = column.name;
  const beginsWithComma = emptyMembers(column).length > 0;
  const cell = (row: RowView): string => {
    const value = row.cell(index);
    if (typeof value === 'string') return beginsWithComma ? printedSet(value) : value;
    if (value === null) throw nullInTemplate(name);
    if (kind === 'bit') return bitText(value);
    if (kind === 'bytes') return value.toString('latin1');
    throw inexactText(name);
  };
  const ascii = transportOf(column) === 'ascii';
  const writeText = cellExpression(name, index, (source, from, to, out) => {
    if (!out.escaped(source, from, to) && (ascii || !isUtf8(source.subarray(from, to)))) throw inexactText(name);
    out.bytes += to - from;
  });
  const writesText =
    (meaning === 'text' && !beginsWithComma) || meaning === 'time' || meaning === 'date' || meaning === 'datetime';
  const unsorted = unsortedBecause(column);
  const numeric = meaning === 'integer' || meaning === 'decimal' || meaning === 'float';
  return {
    column: name,
    evaluate: numeric && kind !== 'bit' ? (row) => numberText(cell(row), name) : cell,
    write: writesText ? writeText : null,
    meaning,
    width: widthOf(kind, column),
    alphabet: alphabetOf(meaning, column),
    digits: meaning === 'decimal' ? (column.precision ?? 65) - (column.scale ?? 0) : integerDigits(column),
    sorts: unsorted === null,
    unsorted: unsorted ?? '',
    orderLost: printsWithoutOrder(column),
    distinguishes: printsExactly(column) ? 'always' : 'often',
    sortRemedy: sortRemedy(meaning, column),
  };
}

/** Returns a step that reads its column's bytes. */
export function cellExpression(
  name: string,
  index: number,
  write: (source: Buffer, from: number, to: number, out: ItemBuffer) => void,
): WriteExpression {
  return ({ rows, first }, out) => {
    const from = rows.starts[first + index] as number;
    if (from === NULL_CELL) throw nullInTemplate(name);
    write(rows.bytes, from, rows.ends[first + index] as number, out);
  };
}

/**
 * Character sets that convert to UTF-8 one to one. Others have two codes for some characters (cp932), or characters
 * that Unicode lacks.
 */
const EXACT_CHARSETS: ReadonlySet<string> = new Set([
  'ascii',
  'latin1',
  'utf8',
  'utf8mb3',
  'utf8mb4',
  'ucs2',
  'utf16',
  'utf16le',
  'utf32',
]);

/** Returns whether different values print differently. */
function printsExactly(column: ColumnInfo): boolean {
  if (column.charset !== null && !EXACT_CHARSETS.has(column.charset)) return false;
  return !printsAmbiguously(column);
}

function alphabetOf(meaning: Meaning, column: ColumnInfo): RegExp {
  switch (meaning) {
    case 'integer':
      return column.unsigned || column.dataType === 'bit' || column.dataType === 'year' ? DIGITS : WHOLE_NUMBER;
    case 'decimal':
    case 'float':
      return NUMBER;
    case 'date':
    case 'datetime':
      return DATE_CHARACTERS;
    default:
      return ANY;
  }
}

function sortRemedy(meaning: Meaning, column: ColumnInfo): string {
  if (sortsAsTextOnRequest(column)) return `{${column.name}:text} if the order of its text is right for you`;
  if (meaning === 'float' || printsWithoutOrder(column)) return `a column of another type than ${column.dataType}`;
  return meaning === 'integer' && column.unsigned
    ? `{${column.name}:pad(${integerDigits(column)})}`
    : `{${column.name}:sortable}`;
}

function meaningOf(kind: ColumnKind): Meaning {
  switch (kind) {
    case 'integer':
    case 'year':
    case 'bit':
      return 'integer';
    case 'decimal':
    case 'float':
    case 'date':
    case 'datetime':
    case 'time':
    case 'bytes':
      return kind;
    case 'text':
    case 'json':
    case 'set':
      return 'text';
  }
}

function widthOf(kind: ColumnKind, column: ColumnInfo): number | null {
  if (kind === 'date') return 10;
  if (kind === 'datetime') return 19 + fractionWidth(column);
  return column.dataType === 'binary' ? column.maxLength : null;
}

/** Returns the width of `.123456` behind the seconds: MySQL prints as many digits as the column declares. */
export function fractionWidth(column: ColumnInfo): number {
  return column.fractionDigits !== null && column.fractionDigits > 0 ? column.fractionDigits + 1 : 0;
}

/** Returns a number column's text without zero-fill and superfluous zeros: one spelling a value. */
function numberText(text: string, column: string): string {
  const normalized = normalizeNumber(text);
  if ('fault' in normalized)
    throw new BadValue(column, normalized.fault, 'map the column with `type: S`, and do not use it in keys');
  return normalized.text;
}

function inexactText(column: string): BadValue {
  return new BadValue(
    column,
    'text that has no exact form in UTF-8',
    'correct the row at the source, or exclude it with `where`',
  );
}

function nullInTemplate(column: string): BadValue {
  return new BadValue(
    column,
    'NULL in a template',
    'exclude such rows with `where`, or remove the column from the template',
    'NULL',
  );
}
