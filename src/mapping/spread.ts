/**
 * Spread (write sharding) of large accounts: a calculated suffix `#<hash(by) mod n>` on the partition key, so that writes of one
 * account fall on n partitions and a reader can compute the suffixes to query.
 */
import type { SpreadMapping } from '../config/model.js';
import type { TableInfo } from '../core/model.js';
import { BadValue } from './bad-value.js';
import { compileExpression } from './template-functions.js';
import { columnKind } from './column-kind.js';
import { columnNamed } from './compiled-template.js';
import { hashModulo } from './digest.js';
import type { RowView } from './row-view.js';

/** What every suffix begins with. */
export const SPREAD_SEPARATOR = '#';

/**
 * Both columns count as the text that `{column}` gives in a template (numbers without superfluous zeros), bytes as lower-case hex:
 * that text is hashed, and it is what overrides name.
 * @returns from a row to its suffix, '' where the account is not spread. @throws TemplateFault, FunctionFault
 */
export function compileSpread(
  spread: SpreadMapping,
  table: TableInfo,
  indexOf: (column: string) => number,
): (row: RowView) => string {
  const by = textOf(spread.by, table, indexOf);
  const account = spread.account === null ? null : textOf(spread.account, table, indexOf);
  const overrides = new Map(Object.entries(spread.overrides));
  return (row) => {
    const name = account === null || overrides.size === 0 ? null : account(row);
    const shards = (name === null ? undefined : overrides.get(name)) ?? spread.shards;
    if (shards <= 1) return '';
    const value = by(row);
    if (value !== null) return `${SPREAD_SEPARATOR}${hashModulo(value, shards)}`;
    throw new BadValue(spread.by, 'NULL in the column that the spread hashes', 'spread by a column that is NOT NULL');
  };
}

function textOf(name: string, table: TableInfo, indexOf: (column: string) => number): (row: RowView) => string | null {
  const column = columnNamed(name, table);
  const index = indexOf(name);
  const hex = columnKind(column) === 'bytes' ? [{ name: 'hex', argument: null }] : [];
  const { evaluate } = compileExpression(column, index, hex);
  return (row) => (row.isNull(index) ? null : evaluate(row));
}
