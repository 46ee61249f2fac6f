/**
 * SQL text that is safe by construction: names in backticks, strings and bytes in hexadecimal, so that no sql_mode and
 * no escape rule can change what a literal means.
 */

/** A table, column or index name as MySQL quotes it in every sql_mode. */
export function quoteName(name: string): string {
  return '`' + name.replaceAll('`', '``') + '`';
}

/**
 * A character literal in UTF-8. MySQL converts it to the column's charset before it compares, so an index still serves.
 */
export function textLiteral(text: string): string {
  return `_utf8mb4 X'${Buffer.from(text, 'utf8').toString('hex')}'`;
}

export function bytesLiteral(hex: string): string {
  return `X'${hex}'`;
}

/** A SELECT over a table, in two parts, so that whoever sends it can ask for something else of the same rows. */
export interface Select {
  /** What is selected. */
  readonly list: string;
  /** Everything behind the list: FROM, WHERE, ORDER BY, LIMIT. */
  readonly from: string;
  /** It holds a condition of an operator. */
  readonly conditional: boolean;
}

export function selectText({ list, from }: Select): string {
  return `SELECT ${list} ${from}`;
}
