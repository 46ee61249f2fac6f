/** The rows that SQLite keeps of passes, and the records that they become. */
import type { Pass, PassSummary } from '../../core/ports/state-records.js';

export interface PassRow {
  readonly id: number;
  readonly kind: string;
  readonly table_name: string;
  readonly started_at: number;
  readonly finished_at: number | null;
  readonly saw_backfill: number | null;
  readonly saw_chunks: number | null;
}

export interface SummaryRow extends PassRow {
  readonly chunks: number;
  readonly rows: number;
  readonly items: number;
  readonly bad_rows: number;
  readonly expired_rows: number;
  readonly expired_items: number;
  readonly ttl_changed: number;
  readonly newer_items: number;
  readonly units: number;
  readonly missing: number;
  readonly differing: number;
  readonly unresolved: number;
  readonly complete: number;
  readonly ranges: number;
}

export interface RetriedRow {
  readonly rows: number;
  readonly items: number;
  readonly expired_rows: number;
  readonly gone_rows: number;
  readonly newer_items: number;
  readonly units: number;
}

export const NOTHING_RETRIED: RetriedRow = {
  rows: 0,
  items: 0,
  expired_rows: 0,
  gone_rows: 0,
  newer_items: 0,
  units: 0,
};

export function toPass(row: PassRow): Pass {
  return {
    id: row.id,
    kind: row.kind,
    table: row.table_name,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    sawBackfill: row.saw_backfill,
    sawChunks: row.saw_chunks,
  };
}

/** Adds the rows that retries moved to a backfill. The chunks that counted those rows as bad stay as they are. */
export function toSummary(row: SummaryRow, retried: RetriedRow): Omit<PassSummary, 'oldest' | 'newest'> {
  const doubtful = row.ttl_changed === 1 ? row.expired_items : 0;
  return {
    pass: toPass(row),
    counts: {
      rows: row.rows,
      items: row.items + retried.items,
      badRows: row.bad_rows - retried.rows - retried.expired_rows - retried.gone_rows,
      expiredRows: row.expired_rows + retried.expired_rows,
      expiredItems: row.expired_items - doubtful,
      newerItems: row.newer_items + retried.newer_items,
      chunks: row.chunks,
      units: row.units + retried.units,
    },
    missing: row.missing,
    differing: row.differing,
    unresolved: row.unresolved + doubtful,
    doubtful,
    rangesComplete: row.complete,
    ranges: row.ranges,
  };
}
