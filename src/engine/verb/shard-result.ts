/**
 * What the state says of a shard's work, all tables of the config together: the part of a result that a verb reads
 * instead of remembering it.
 */
import { EXIT } from '../../core/errors.js';
import { addCounts, NO_COUNTS, type BadRow, type Counts } from '../../core/model.js';
import type { FingerprintChange, PassSummary } from '../../core/ports/state-records.js';
import type { ShardRecord } from './shard-run.js';
import type { Verdict } from './verb.js';

/** What every verb that moves or compares rows reports. Keys in it are row values: never for events or logs. */
export interface RowsResult {
  readonly counts: Counts;
  readonly badRows: number;
  /** What retries ever accepted as changes of the mapping: rows moved before them may differ from what it says now. */
  readonly acceptedChanges: readonly FingerprintChange[];
  /** Every table of the shard was backfilled to the end of its plan. */
  readonly backfillFinished: boolean;
  /**
   * The tables that were not; `begun`: some of it was moved. A table that the config names and the state does not know
   * is among them.
   */
  readonly unfinished: readonly { readonly table: string; readonly begun: boolean }[];
  readonly findings: Findings;
}

export interface Findings {
  /** The first ones; the counts of the result are whole. */
  readonly badRows: readonly (BadRow & {
    readonly table: string;
    /** Its scan key; of a table without one, `#` and the row's number among the bad ones. */
    readonly row: string;
  })[];
}

export const NO_ROWS: RowsResult = {
  counts: NO_COUNTS,
  badRows: 0,
  acceptedChanges: [],
  backfillFinished: false,
  unfinished: [],
  findings: { badRows: [] },
};

/** The longest list of each kind that a result carries. */
export const LISTED = 20;

/** @param counting the pass over a table that the result rests on; null: none */
export function rowsResult(run: ShardRecord, counting: (table: string) => PassSummary | null): RowsResult {
  const { store } = run;
  const tables = run.tables.map((job) => job.mapping.table.name);
  const summaries = tables.map(counting).filter((summary) => summary !== null);
  const unfinished = tables.flatMap((table) => {
    const backfill = store.passes.summary('backfill', table);
    return isFinished(backfill) ? [] : [{ table, begun: backfill !== null }];
  });
  return {
    counts: summaries.reduce<Counts>((sum, summary) => addCounts(sum, summary.counts), NO_COUNTS),
    badRows: tables.reduce((sum, table) => sum + store.badRows.count(table), 0),
    acceptedChanges: store.binding.acceptedChanges(),
    backfillFinished: unfinished.length === 0,
    unfinished,
    findings: { badRows: badRowsOf(run).slice(0, LISTED) },
  };
}

/** Returns what a backfill has moved, in all its runs together. */
export function movedResult(run: ShardRecord): RowsResult {
  return rowsResult(run, (table) => run.store.passes.summary('backfill', table));
}

function badRowsOf({ tables, store }: ShardRecord): Findings['badRows'] {
  return tables.flatMap(({ mapping, scanKey }) =>
    store.badRows
      .list(mapping.table.name, { after: 0, limit: LISTED })
      .map(({ table, column, cause, kind, reason, remedy, key, number }) => {
        // Without a key, only all of its content tells a row from others: a report shows its number instead.
        return { table, column, cause, kind, reason, remedy, row: scanKey === null ? `#${number}` : key };
      }),
  );
}

/** @param clean nothing is missing, different, bad or open */
export function verdictOf(clean: boolean): Verdict {
  return clean
    ? { status: 'done', exitCode: EXIT.done, fault: null }
    : { status: 'differences', exitCode: EXIT.differences, fault: null };
}

export function isFinished(summary: PassSummary | null): boolean {
  return summary !== null && summary.pass.finishedAt !== null;
}

export function isUnfinished(summary: PassSummary | null): boolean {
  return summary !== null && summary.pass.finishedAt === null;
}
