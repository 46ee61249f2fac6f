/** What the state says of a shard's work, all tables together: the part of an outcome that is read, not remembered. */
import { EXIT } from '../core/errors.js';
import { addCounts, NO_COUNTS, type Counts } from '../core/model.js';
import type { PassSummary, StateStore } from '../core/state-ports.js';
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
  | 'findings'
>;

/** Longest list of each kind that an outcome carries. */
const LISTED = 20;

/** What the state says of all tables together, as an outcome. */
export function evidence(task: ShardTask, store: StateStore, session: ShardSession): Evidence {
  const summaries = session.jobs
    .map((job) => store.summary(task.kind, job.mapping.table.name))
    .filter((summary) => summary !== null);
  const counts = summaries.reduce<Counts>((sum, summary) => addCounts(sum, summary.counts), NO_COUNTS);
  const total = (of: (summary: PassSummary) => number): number =>
    summaries.reduce((sum, summary) => sum + of(summary), 0);
  const missing = total((summary) => summary.missing);
  const differing = total((summary) => summary.differing);
  const unresolved = total((summary) => summary.unresolved);
  const badRows = session.jobs.reduce((sum, job) => sum + store.badRows(job.mapping.table.name).length, 0);
  const clean = missing + differing + unresolved + badRows === 0;
  return {
    outcome: clean ? 'done' : 'differences',
    exitCode: clean ? EXIT.done : EXIT.differences,
    counts,
    badRows,
    acceptedChanges: store.acceptedChanges(),
    missing,
    differing,
    unresolved,
    doubtful: total((summary) => summary.doubtful),
    backfillFinished: session.jobs.every((job) => isFinished(store.summary('backfill', job.mapping.table.name))),
    findings: findings(task, store, session),
  };
}

function findings(task: ShardTask, store: StateStore, session: ShardSession): ShardFindings {
  const badRows = session.jobs.flatMap(({ mapping }) =>
    store
      .badRows(mapping.table.name)
      .slice(0, LISTED)
      .map(({ table, column, kind, reason, remedy, key }) => ({ table, column, kind, reason, remedy, row: key })),
  );
  const differences = session.jobs.flatMap(({ mapping, source }) => {
    const pass = store.summary(task.kind, mapping.table.name)?.pass;
    if (pass === undefined) return [];
    return store.differences(pass, LISTED).map(({ cursor, ...difference }) => ({
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
