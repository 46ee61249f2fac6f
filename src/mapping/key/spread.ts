/**
 * A spread (write sharding) adds a calculated suffix `#<hash(by) mod n>` to the partition key of large accounts. The
 * writes of one account go to n partitions, and a reader can compute the suffixes to query.
 */
import type { SpreadMapping } from '../../config/model.js';
import type { TableInfo } from '../../core/model.js';
import { BadValue } from '../value/bad-value.js';
import { compileExpression } from '../template/template-functions.js';
import { columnKind } from '../value/column-kind.js';
import { columnNamed } from '../template/compiled-template.js';
import { hashModulo } from '../item/digest.js';
import type { RowView } from '../row-view.js';

/** The start of every suffix. */
export const SPREAD_SEPARATOR = '#';

export interface CompiledSpread {
  /** Returns the suffix; '' where the account is not spread. @throws BadValue */
  readonly suffix: (row: RowView) => string;
  /** Returns the number of suffixes, and whether an override for the row's account set it. @throws BadValue */
  readonly shardsOf: (row: RowView) => { readonly shards: number; readonly overridden: boolean };
}

/**
 * Compiles the spread of a partition key. Both columns count as the text that `{column}` gives in a template (numbers
 * without superfluous zeros), bytes as lower-case hex. Spread hashes that text, and overrides name it.
 * @throws TemplateFault, FunctionFault
 */
export function compileSpread(
  spread: SpreadMapping,
  table: TableInfo,
  indexOf: (column: string) => number,
): CompiledSpread {
  const by = textOf(spread.by, table, indexOf);
  const account = spread.account === null ? null : textOf(spread.account, table, indexOf);
  const overrides = new Map(Object.entries(spread.overrides));
  const overrideOf = (row: RowView): number | undefined => {
    const name = account === null || overrides.size === 0 ? null : account(row);
    return name === null ? undefined : overrides.get(name);
  };
  const suffix = (row: RowView): string => {
    const shards = overrideOf(row) ?? spread.shards;
    if (shards <= 1) return '';
    const value = by(row);
    if (value !== null) return `${SPREAD_SEPARATOR}${hashModulo(value, shards)}`;
    throw new BadValue(
      spread.by,
      'NULL in the column that `spread` hashes',
      'use a NOT NULL column in `spread.by`',
      'NULL',
    );
  };
  return {
    suffix,
    shardsOf: (row) => {
      const override = overrideOf(row);
      return { shards: override ?? spread.shards, overridden: override !== undefined };
    },
  };
}

function textOf(name: string, table: TableInfo, indexOf: (column: string) => number): (row: RowView) => string | null {
  const column = columnNamed(name, table);
  const index = indexOf(name);
  const hex = columnKind(column) === 'bytes' ? [{ name: 'hex', argument: null }] : [];
  const { evaluate } = compileExpression(column, index, hex);
  return (row) => (row.isNull(index) ? null : evaluate(row));
}
