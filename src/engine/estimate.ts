/**
 * Estimates what a backfill of a table needs: rows from the index's statistics, sizes and write units from a sample,
 * time at the budget.
 */
import { BadValue } from '../mapping/value/bad-value.js';
import type { BadRow, MappedItem, Row } from '../core/model.js';
import { writeUnits } from '../core/capacity/capacity-units.js';
import { TTL_IGNORED_AFTER_SECONDS } from '../mapping/ttl.js';
import type { TableJob } from './pass/table-job.js';

export interface TableEstimate {
  readonly table: string;
  /** null: the table is read whole. */
  readonly scanKey: string | null;
  readonly ranges: number;
  /** From the index's statistics: never exact. */
  readonly estimatedRows: number;
  readonly sampledRows: number;
  readonly itemsPerRow: number;
  /** Average size of the sampled items, in bytes as billed. */
  readonly averageItemBytes: number;
  readonly largestItemBytes: number;
  /** Write units for all rows, index writes included. */
  readonly estimatedUnits: number;
  /** At the whole budget, in seconds. */
  readonly estimatedSeconds: number;
  readonly badRowsInSample: number;
  /** Reasons of bad rows in the sample, each once. */
  readonly badReasons: readonly BadRow[];
  readonly expiredInSample: number;
  /** Items whose TTL has already passed: a backfill would write them, and TTL would delete them again. */
  readonly pastInSample: number;
  /** Items whose TTL is so long past that DynamoDB would never delete them. */
  readonly neverExpiringInSample: number;
}

/**
 * Estimates a backfill of one table.
 * @param indexFactor write units that DynamoDB charges for one unit of the table: 1, plus 1 for each index with the
 * items
 * @param budget write units per second
 * @param now seconds since the epoch
 */
export function estimateTable(
  job: TableJob,
  ranges: { readonly count: number; readonly rows: number },
  sample: readonly Row[],
  indexFactor: number,
  budget: number,
  now: number,
): TableEstimate {
  const items: MappedItem[] = [];
  const badReasons = new Map<string, BadRow>();
  let badRows = 0;
  let expired = 0;
  for (const row of sample) {
    try {
      if (job.mapping.map(row, items, { now }) === 'expired') expired += 1;
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      badRows += 1;
      badReasons.set(`${error.column ?? ''}:${error.reason}`, error.toBadRow(job.mapping.table));
    }
  }
  const units = items.reduce((sum, item) => sum + writeUnits(item.bytes), 0) * indexFactor;
  const past = (since: number): number =>
    items.filter(({ expiresAt }) => expiresAt !== null && expiresAt < since).length;
  const neverExpiring = past(now - TTL_IGNORED_AFTER_SECONDS);
  const perRow = (total: number): number => (sample.length === 0 ? 0 : total / sample.length);
  const estimatedUnits = Math.round(perRow(units) * ranges.rows);
  return {
    table: job.mapping.table.name,
    scanKey: job.scanKey,
    ranges: ranges.count,
    estimatedRows: ranges.rows,
    sampledRows: sample.length,
    itemsPerRow: perRow(items.length),
    averageItemBytes:
      items.length === 0 ? 0 : Math.round(items.reduce((sum, item) => sum + item.bytes, 0) / items.length),
    largestItemBytes: items.reduce((largest, item) => Math.max(largest, item.bytes), 0),
    estimatedUnits,
    estimatedSeconds: Math.ceil(estimatedUnits / budget),
    badRowsInSample: badRows,
    badReasons: [...badReasons.values()],
    expiredInSample: expired,
    pastInSample: past(now) - neverExpiring,
    neverExpiringInSample: neverExpiring,
  };
}
