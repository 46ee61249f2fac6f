/**
 * Text on its way from the server, without loss or not at all: what is not UTF-8, and what the server could not convert to UTF-8,
 * arrives as bytes, never with a substitute character in it.
 */
import { isUtf8 } from 'node:buffer';
import type { Cell } from '../core/model.js';

const BEYOND_ASCII = /[^\0-\x7f]/;

/**
 * @param bytes one character a byte. The driver decodes that fastest, and for ASCII it is the text already
 * @returns text, or the bytes themselves where they are not UTF-8: MySQL before 8 and MariaDB store halves of surrogate pairs
 */
export function textCell(bytes: string | null): Cell {
  if (bytes === null || !BEYOND_ASCII.test(bytes)) return bytes;
  const raw = Buffer.from(bytes, 'latin1');
  return isUtf8(raw) ? raw.toString('utf8') : raw;
}

/** Character sets in which every code that a column can hold is one of Unicode. */
const UNICODE_CHARSETS: ReadonlySet<string> = new Set([
  ...['utf8mb4', 'utf8mb3', 'utf8', 'ucs2', 'utf16', 'utf16le', 'utf32'],
  // MySQL's latin1 is cp1252 with control characters for the five bytes that cp1252 leaves open.
  'latin1',
]);

/**
 * A text column as it is selected. MySQL converts a code without a character (ASCII above 127, gbk FEFE) to `?` and says
 * nothing: where the converted text has more of them than the column, X'FF' comes instead, which is no UTF-8.
 */
export function exactText(column: string, charset: string | null): string {
  if (charset === null || UNICODE_CHARSETS.has(charset)) return column;
  const converted = `CONVERT(${column} USING utf8mb4)`;
  const marks = (text: string): string => `LENGTH(${text}) - LENGTH(REPLACE(${text}, '?', ''))`;
  // Most texts have none, and need no counting.
  const substituted = `LOCATE('?', ${converted}) > 0 AND ${marks(converted)} > ${marks(column)}`;
  // Both of one type, binary: MariaDB would take X'FF' for ill-formed text and fail the statement.
  return `IF(${substituted}, X'FF', CAST(${converted} AS BINARY))`;
}
