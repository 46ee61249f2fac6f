/**
 * What the state says of a shard's work, over all tables of the config. A verb reads this part of its result from the
 * state.
 */
import { EXIT } from '../../core/errors.js';
import { addCounts, NO_COUNTS, type BadRow, type Counts } from '../../core/model.js';
import type { FingerprintChange, PassSummary } from '../../core/ports/state-records.js';
import type { ShardRecord } from './shard-run.js';
import type { Verdict } from './verb.js';

/** The result of every verb that moves or compares rows. Keys in it are row values: never emit or log them. */
export interface RowsResult {
  readonly counts: Counts;
  readonly badRows: number;
  /**
   * All changes of the mapping that retries accepted. Rows that were moved before may differ from the current mapping.
   */
  readonly acceptedChanges: readonly FingerprintChange[];
  /** Whether every table of the shard was backfilled to the end of its plan. */
  readonly backfillFinished: boolean;
  /**
   * The tables whose backfill is not finished. `begun`: some rows were moved. A table that the config names and the
   * state does not know is among them.
   */
  readonly unfinished: readonly { readonly table: string; readonly begun: boolean }[];
  readonly findings: Findings;
}

export interface Findings {
  /** The first bad rows; the counts of the result are complete. */
  readonly badRows: readonly (BadRow & {
    readonly table: string;
    /** The row's scan key; for a table without one, `#` and the row's number among the bad rows. */
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

/** Maximum length of each list in a result. */
export const LISTED = 20;

/** Returns the result of the shard. @param counting the pass over a table that the result rests on; null: none */
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
        // Without a key, only a row's whole content identifies it: the report shows its number instead.
        return { table, column, cause, kind, reason, remedy, row: scanKey === null ? `#${number}` : key };
      }),
  );
}

/**
 * Returns the verdict on work that ended by itself.
 * @param wrong something is known to be missing, different or bad
 * @param proven nothing is left to be moved, compared or waited for; a verb that proves nothing says true
 */
export function verdictOf(wrong: boolean, proven = true): Verdict {
  if (wrong) return { status: 'differences', exitCode: EXIT.differences, fault: null };
  return proven
    ? { status: 'done', exitCode: EXIT.done, fault: null }
    : { status: 'unproven', exitCode: EXIT.notProven, fault: null };
}

export function isFinished(summary: PassSummary | null): boolean {
  return summary !== null && summary.pass.finishedAt !== null;
}

export function isUnfinished(summary: PassSummary | null): boolean {
  return summary !== null && summary.pass.finishedAt === null;
}
