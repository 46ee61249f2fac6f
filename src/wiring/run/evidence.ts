/**
 * What the state says of a shard's work, all tables of the config together: the part of an outcome that is read, not
 * remembered. A verification counts only where it has seen the backfill as it is now; what an overtaken one had found
 * is nobody's news any more.
 */
import { EXIT } from '../../core/errors.js';
import { addCounts, NO_COUNTS, type Counts } from '../../core/model.js';
import { oldestOf, type Age } from '../../core/evidence.js';
import type { StateStore } from '../../core/ports/state-ports.js';
import type { PassSummary } from '../../core/ports/state-records.js';
import type { ShardSession } from './shard-session.js';
import type { ShardFindings, ShardOutcome, ShardTask } from './shard-task.js';

type Evidence = Pick<
  ShardOutcome,
  | 'outcome'
  | 'exitCode'
  | 'counts'
  | 'badRows'
  | 'acceptedChanges'
  | 'missing'
  | 'differing'
  | 'unresolved'
  | 'doubtful'
  | 'backfillFinished'
  | 'unfinished'
  | 'oldestComparison'
  | 'findings'
>;

/** Longest list of each kind that an outcome carries. */
const LISTED = 20;

/**
 * What the state says of all tables together, as an outcome.
 * @param reached tables that a verification came to before it broke off: what an earlier one found of others is not its
 * news; null: all
 */
export function evidence(
  task: ShardTask,
  store: StateStore,
  session: ShardSession,
  reached: ReadonlySet<string> | null = null,
): Evidence {
  const tables = session.jobs.map((job) => job.mapping.table.name);
  const told = (table: string): PassSummary | null => counting(task, store, table, reached);
  const summaries = tables.map(told).filter((summary) => summary !== null);
  const counts = summaries.reduce<Counts>((sum, summary) => addCounts(sum, summary.counts), NO_COUNTS);
  const total = (of: (summary: PassSummary) => number): number =>
    summaries.reduce((sum, summary) => sum + of(summary), 0);
  const missing = total((summary) => summary.missing);
  const differing = total((summary) => summary.differing);
  const unresolved = total((summary) => summary.unresolved);
  const badRows = tables.reduce((sum, table) => sum + store.badRows.count(table), 0);
  const unfinished = tables.flatMap((table) => {
    const backfill = store.passes.summary('backfill', table);
    return isFinished(backfill) ? [] : [{ table, begun: backfill !== null }];
  });
  // Of rows that are still to be moved, a verification proves nothing.
  const open = task.kind === 'verify' && unfinished.length > 0;
  const clean = missing + differing + unresolved + badRows === 0 && !open;
  return {
    outcome: clean ? 'done' : 'differences',
    exitCode: clean ? EXIT.done : EXIT.differences,
    counts,
    badRows,
    acceptedChanges: store.binding.acceptedChanges(),
    missing,
    differing,
    unresolved,
    doubtful: total((summary) => summary.doubtful),
    backfillFinished: unfinished.length === 0,
    unfinished,
    oldestComparison: oldestComparison(store, summaries),
    findings: findings(told, store, session),
  };
}

/** The newest pass of the task's kind that its verdict may rest on. */
function counting(
  task: ShardTask,
  store: StateStore,
  table: string,
  reached: ReadonlySet<string> | null,
): PassSummary | null {
  const summary = store.passes.summary(task.kind, table);
  if (task.kind === 'backfill') return summary;
  if (reached !== null && !reached.has(table)) return null;
  const standing = store.passes.standing(table);
  return standing === 'stands' || standing === 'backfill-unfinished' ? summary : null;
}

function oldestComparison(store: StateStore, summaries: readonly PassSummary[]): Age | null {
  return oldestOf(summaries.flatMap(({ oldest }) => (oldest === null ? [] : [store.clock.age(oldest)])));
}

function findings(
  told: (table: string) => PassSummary | null,
  store: StateStore,
  session: ShardSession,
): ShardFindings {
  const badRows = session.jobs.flatMap(({ mapping, scanKey }) =>
    store.badRows
      .list(mapping.table.name, { after: 0, limit: LISTED })
      .map(({ table, column, cause, kind, reason, remedy, key, number }) => {
        // Without a key, what tells a row from others is all of its content: a report has its number.
        return { table, column, cause, kind, reason, remedy, row: scanKey === null ? `#${number}` : key };
      }),
  );
  const differences = session.jobs.flatMap(({ mapping, source }) => {
    const pass = told(mapping.table.name)?.pass;
    if (pass === undefined) return [];
    return store.checkpoints.differences(pass, LISTED).map(({ cursor, ...difference }) => ({
      ...difference,
      table: mapping.table.name,
      row: source.describeKey(cursor),
    }));
  });
  return { badRows: badRows.slice(0, LISTED), differences: differences.slice(0, LISTED) };
}

export function isFinished(summary: PassSummary | null): boolean {
  return summary !== null && summary.pass.finishedAt !== null;
}

export function isUnfinished(summary: PassSummary | null): boolean {
  return summary !== null && summary.pass.finishedAt === null;
}
