/**
 * Spread (write sharding) of large accounts: a calculated suffix `#<hash(by) mod n>` on the partition key, so that writes of one
 * account fall on n partitions and a reader can compute the suffixes to query.
 */
import type { SpreadMapping } from '../config/model.js';
import type { Row, TableInfo } from '../core/model.js';
import { BadValue } from './bad-value.js';
import { missingColumn } from './compiled-template.js';
import { hashModulo } from './digest.js';

/** @returns from a row to its suffix, '' where the account is not spread. @throws TemplateFault for a missing column */
export function compileSpread(spread: SpreadMapping | null, table: TableInfo, indexOf: (column: string) => number): (row: Row) => string {
  if (spread === null) return () => '';
  const by = columnIndex(spread.by, table, indexOf);
  const account = spread.account === null ? null : columnIndex(spread.account, table, indexOf);
  const overrides = new Map(Object.entries(spread.overrides));
  return (row) => {
    const name = account === null ? undefined : row[account];
    const shards = (typeof name === 'string' ? overrides.get(name) : undefined) ?? spread.shards;
    if (shards <= 1) return '';
    const value = row[by];
    if (value === null || value === undefined) {
      throw new BadValue(spread.by, 'NULL in the column that the spread hashes', 'spread by a column that is NOT NULL');
    }
    return `#${hashModulo(typeof value === 'string' ? value : value.toString('hex'), shards)}`;
  };
}

function columnIndex(name: string, table: TableInfo, indexOf: (column: string) => number): number {
  if (!table.columns.some((column) => column.name === name)) throw missingColumn(name, table);
  return indexOf(name);
}
