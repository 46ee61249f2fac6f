/**
 * Cells arrive from the server without loss. Text that is not UTF-8, or that the server could not convert to UTF-8,
 * arrives as bytes, never with a substitute character in it.
 */
import type { Cell } from '../../core/model.js';
import { cellOf, type Transport } from '../../core/row-block.js';

/** mysql2 passes a column's name to `typeCast`, but not its position, so the name carries the transport. */
const ALIASES: Readonly<Record<Transport, string>> = { text: 't', bytes: 'b', ascii: 'a' };
const TRANSPORTS: Readonly<Record<string, Transport>> = { t: 'text', b: 'bytes', a: 'ascii' };

export function aliased(expression: string, transport: Transport): string {
  return `${expression} AS ${ALIASES[transport]}`;
}

type CastField = { readonly name: string; buffer(): Buffer | null };

/** Returns the cell of a column with such an alias; the cell of any other column as text. */
export function exactCell(field: CastField): Cell {
  const bytes = field.buffer();
  return bytes === null ? null : cellOf(bytes, 0, bytes.length, TRANSPORTS[field.name] ?? 'text');
}

/** Character sets in which every code that a column can hold is a Unicode character. */
const UNICODE_CHARSETS: ReadonlySet<string> = new Set([
  ...['utf8mb4', 'utf8mb3', 'utf8', 'ucs2', 'utf16', 'utf16le', 'utf32'],
  // MySQL's latin1 is cp1252 with control characters for the five bytes that cp1252 leaves open.
  'latin1',
]);

/**
 * Returns the expression that selects a text column. MySQL converts a code without a character (gbk FEFE, cp1251 98) to
 * `?` without a warning. So where the converted text has more `?` than the column, the expression returns X'FF', which
 * is not UTF-8.
 */
export function exactText(column: string, charset: string | null): string {
  if (charset === null || UNICODE_CHARSETS.has(charset)) return column;
  if (charset === 'ascii') return `CAST(${column} AS BINARY)`;
  const converted = `CONVERT(${column} USING utf8mb4)`;
  const marks = (text: string): string => `LENGTH(${text}) - LENGTH(REPLACE(${text}, '?', ''))`;
  // Most texts have no `?`, and need no counting.
  const substituted = `LOCATE('?', ${converted}) > 0 AND ${marks(converted)} > ${marks(column)}`;
  // Both results have one type, binary: MariaDB would take X'FF' for ill-formed text and fail the statement.
  return `IF(${substituted}, X'FF', CAST(${converted} AS BINARY))`;
}
