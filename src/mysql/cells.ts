/**
 * Cells on their way from the server, without loss or not at all: text that is not UTF-8, and text that the server could not convert
 * to it, arrives as bytes, never with a substitute character in it.
 */
import { isUtf8 } from 'node:buffer';
import type { Cell, ColumnInfo } from '../core/model.js';

/** `ascii`: the bytes of an ASCII column, text unless one is above 127; servers before MySQL 8 let those in. */
export type Transport = 'text' | 'bytes' | 'ascii';

/** mysql2's `typeCast` is told a column's name, not its place, so the name carries the transport. */
const ALIASES: Readonly<Record<Transport, string>> = { text: 't', bytes: 'b', ascii: 'a' };

export function aliased(expression: string, transport: Transport): string {
  return `${expression} AS ${ALIASES[transport]}`;
}

type CastField = { readonly name: string; string(encoding: string): string | null; buffer(): Buffer | null };

/** The cell of a column so aliased; of any other column, text. */
export function exactCell(field: CastField): Cell {
  if (field.name === ALIASES.bytes) return field.buffer();
  // One character a byte: the driver decodes that fastest, and for ASCII it is the text already.
  const bytes = field.string('latin1');
  if (bytes === null || !BEYOND_ASCII.test(bytes)) return bytes;
  const raw = Buffer.from(bytes, 'latin1');
  // MySQL before 8 and MariaDB store halves of surrogate pairs, which are not UTF-8.
  return field.name !== ALIASES.ascii && isUtf8(raw) ? raw.toString('utf8') : raw;
}

const BEYOND_ASCII = /[^\0-\x7f]/;

export function transportOf(column: ColumnInfo): Transport {
  return column.charset === 'ascii' ? 'ascii' : column.transport;
}

/** Character sets in which every code that a column can hold is one of Unicode. */
const UNICODE_CHARSETS: ReadonlySet<string> = new Set([
  ...['utf8mb4', 'utf8mb3', 'utf8', 'ucs2', 'utf16', 'utf16le', 'utf32'],
  // MySQL's latin1 is cp1252 with control characters for the five bytes that cp1252 leaves open.
  'latin1',
]);

/**
 * A text column as it is selected. MySQL converts a code without a character (gbk FEFE, cp1251 98) to `?` and says nothing:
 * where the converted text has more of them than the column, X'FF' comes instead, which is no UTF-8.
 */
export function exactText(column: string, charset: string | null): string {
  if (charset === null || UNICODE_CHARSETS.has(charset)) return column;
  if (charset === 'ascii') return `CAST(${column} AS BINARY)`;
  const converted = `CONVERT(${column} USING utf8mb4)`;
  const marks = (text: string): string => `LENGTH(${text}) - LENGTH(REPLACE(${text}, '?', ''))`;
  // Most texts have none, and need no counting.
  const substituted = `LOCATE('?', ${converted}) > 0 AND ${marks(converted)} > ${marks(column)}`;
  // Both of one type, binary: MariaDB would take X'FF' for ill-formed text and fail the statement.
  return `IF(${substituted}, X'FF', CAST(${converted} AS BINARY))`;
}
