/**
 * Chooses the unique key that a scan follows: MySQL can walk it in order, and it distinguishes every two rows.
 */
import { FerryError } from '../../core/errors.js';
import type { ColumnInfo, TableInfo, UniqueKey } from '../../core/model.js';
import { keyFlaw, keyForm } from './key-form.js';

const NO_KEY_HINT =
  'add a unique key over NOT NULL columns; or read a small table whole (`wholeTable: { maxRows: 10000 }` in its entry); or exclude the table';

/**
 * Returns the key with the `wanted` columns, in that order. Without them, it returns the primary key, else the shortest
 * usable unique key (fewest parts, then fewest bytes, then by name).
 *
 * @throws FerryError E_TABLE_NO_KEY with the flaw of each candidate
 */
export function chooseScanKey(table: TableInfo, wanted: readonly string[] | null): UniqueKey {
  if (wanted !== null) return wantedKey(table, wanted);
  const usable = table.uniqueKeys.filter((key) => flawOf(table, key) === null);
  const primary = usable.find((key) => key.name === 'PRIMARY');
  if (primary !== undefined) return primary;

  const [shortest] = [...usable].sort(
    (a, b) => a.parts.length - b.parts.length || keyBytes(table, a) - keyBytes(table, b) || (a.name < b.name ? -1 : 1),
  );
  if (shortest !== undefined) return shortest;

  const found =
    table.uniqueKeys.length === 0
      ? 'it has no unique key'
      : table.uniqueKeys.map((key) => `${key.name}: ${flawOf(table, key) ?? ''}`).join('; ');
  throw new FerryError(
    'E_TABLE_NO_KEY',
    `table ${table.name} has no unique key that a scan can follow (${found})`,
    NO_KEY_HINT,
  );
}

function wantedKey(table: TableInfo, wanted: readonly string[]): UniqueKey {
  const columns = wanted.join(', ');
  const key = table.uniqueKeys.find(
    ({ parts }) => parts.length === wanted.length && parts.every(({ column }, i) => sameName(column, wanted[i] ?? '')),
  );
  const flaw = key === undefined ? 'there is no such unique key' : flawOf(table, key);
  if (key !== undefined && flaw === null) return key;

  const usable = table.uniqueKeys
    .filter((candidate) => flawOf(table, candidate) === null)
    .map(({ parts }) => `[${parts.map(({ column }) => column).join(', ')}]`);
  throw new FerryError(
    'E_TABLE_NO_KEY',
    `table ${table.name}: no scan can follow \`scanKey: [${columns}]\`: ${flaw ?? ''}`,
    usable.length === 0 ? NO_KEY_HINT : `set \`scanKey\` to one of ${usable.join(', ')}, or leave it out`,
  );
}

/** Returns whether an index can compare that column, and its text alone identifies each value. */
export function isScanColumn(table: TableInfo, name: string): boolean {
  const column = columnOf(table, name);
  return column !== undefined && column.dataType !== 'bit' && keyFlaw(column) === null;
}

/**
 * Returns whether the text can be a value of that column as an operator writes it, so that `RowSource.find` accepts it.
 * A literal with characters outside the column's character set equals none of its values. MySQL also uses no index for
 * it, but converts the column's text row by row.
 */
export function canBeValueOf(table: TableInfo, name: string, text: string): boolean {
  const column = columnOf(table, name);
  return column !== undefined && keyForm(column)?.written.pattern.test(text) === true && isWithin(column.charset, text);
}

/**
 * Returns whether the character set has all characters of the text. For sets that are not listed, only ASCII is
 * certain.
 */
function isWithin(charset: string | null, text: string): boolean {
  switch (charset) {
    case null:
    case 'utf8mb4':
    case 'utf16':
    case 'utf16le':
    case 'utf32':
      return !/\p{Surrogate}/u.test(text);
    case 'utf8':
    case 'utf8mb3':
    case 'ucs2':
      return !/[\ud800-\udfff]/.test(text);
    case 'latin1':
      return Array.from(text).every((character) => /[\0-\x7f\xa0-\xff]/.test(character) || CP1252.includes(character));
    default:
      return !/[^\0-\x7f]/.test(text);
  }
}

/** MySQL's latin1 is Windows' cp1252: it has these characters instead of most controls from 0x80 to 0x9F. */
const CP1252 = '€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ';

/** Returns why a scan cannot follow a key; null: it can. */
function flawOf(table: TableInfo, key: UniqueKey): string | null {
  const expression = key.parts.find(({ column }) => columnOf(table, column) === undefined);
  if (expression !== undefined) return `its part ${expression.column} is an expression`;
  for (const { column } of key.parts) {
    const info = columnOf(table, column);
    const flaw = info === undefined ? null : keyFlaw(info);
    if (flaw !== null) return `its part ${column} ${flaw}`;
  }
  if (key.nullable) return 'one of its columns can be NULL, so rows may repeat';
  if (key.prefix) return 'it indexes only a prefix of a column, so it does not identify a row';
  return null;
}

/** Returns about how long an entry of the key is, in bytes. */
function keyBytes(table: TableInfo, key: UniqueKey): number {
  return key.parts.reduce((sum, { column }) => sum + (columnOf(table, column)?.maxLength ?? 8), 0);
}

function columnOf(table: TableInfo, name: string): ColumnInfo | undefined {
  return table.columns.find((column) => column.name === name);
}

/** Returns whether two column names are the same: MySQL compares them without case, on every platform. */
function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
