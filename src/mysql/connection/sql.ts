/**
 * Writes SQL text that is safe by construction: names in backticks, strings and bytes in hexadecimal. So no sql_mode
 * and no escape rule can change what a literal means.
 */

/** Returns a table, column or index name in the quotes that MySQL accepts in every sql_mode. */
export function quoteName(name: string): string {
  return '`' + name.replaceAll('`', '``') + '`';
}

/**
 * Returns a character literal in UTF-8. MySQL converts it to the column's charset before it compares, so it can still
 * use an index.
 */
export function textLiteral(text: string): string {
  return `_utf8mb4 X'${Buffer.from(text, 'utf8').toString('hex')}'`;
}

export function bytesLiteral(hex: string): string {
  return `X'${hex}'`;
}

/** A SELECT over a table, in two parts, so that the sender can ask for another list of the same rows. */
export interface Select {
  /** The select list. */
  readonly list: string;
  /** Everything behind the list: FROM, WHERE, ORDER BY, LIMIT. */
  readonly from: string;
  /** True if it holds an operator's condition. */
  readonly conditional: boolean;
}

export function selectText({ list, from }: Select): string {
  return `SELECT ${list} ${from}`;
}
