/**
 * `verify` reads the rows again, maps them and compares them with their items, one by one. It finds missing and
 * differing items, but no extra ones. It compares each table whose backfill began, or keeps that table's result from
 * the verification that this run continues. Writes that may still land (`verify/suspect-check.ts`) keep the
 * verification from passing.
 */
import type { Age } from '../core/evidence.js';
import { oldestOf } from '../core/evidence.js';
import type { Difference, Row } from '../core/model.js';
import type { Pass, PassSummary } from '../core/ports/state-records.js';
import { holdTable } from './pass/hold-table.js';
import { runPass } from './pass/pass.js';
import { plannedSegments, tableSegments, type PlannedSegment } from './pass/segments.js';
import type { ShardContext, TableJob } from './pass/table-job.js';
import {
  closeWithTarget,
  emitPhase,
  secondsNow,
  type ShardRecord,
  type ShardRun,
  type TargetSide,
} from './verb/shard-run.js';
import {
  isFinished,
  isUnfinished,
  LISTED,
  NO_ROWS,
  rowsResult,
  verdictOf,
  type Findings,
  type RowsResult,
} from './verb/shard-result.js';
import type { OpenedVerb, Verb } from './verb/verb.js';
import { walkTable } from './verb/walk-table.js';
import { SuspectCheck } from './verify/suspect-check.js';
import { askingTtl } from './verify/asking-ttl.js';
import { TtlDeletions } from './verify/ttl-deletions.js';
import { VerifyHandler, type VerifyDeps } from './verify/compare-chunk.js';

export interface VerifyOptions {
  /** By table, the pass of a finished verification that an interrupted run left behind, and that this run keeps. */
  readonly takenOver: Readonly<Record<string, number>>;
}

export interface VerifyResult extends RowsResult {
  readonly findings: VerifyFindings;
  readonly missing: number;
  readonly differing: number;
  readonly unresolved: number;
  /** Unresolved items that TTL may have deleted or that may be missing, because TTL changed during the verification. */
  readonly doubtful: number;
  /** The oldest comparison that this result rests on; null: there was no comparison. */
  readonly oldestComparison: Age | null;
  /** Tables that an earlier, interrupted run had verified, and that this run did not read again. */
  readonly takenOver: readonly TakenOver[];
  readonly suspects: number;
  /** When a verification can close the suspects, in ms since the epoch; null: there are no suspects. */
  readonly suspectsClosableAt: number | null;
  /**
   * Until when writes of a killed run may land, in ms since the epoch; null: no run was killed, or this verification
   * began later.
   */
  readonly lateWritesUntil: number | null;
}

export interface VerifyFindings extends Findings {
  /** The first ones; the counts of the result are whole. */
  readonly differences: readonly (Difference & { readonly table: string; readonly row: string })[];
}

export interface TakenOver {
  readonly table: string;
  readonly lastCompared: Age;
}

/**
 * Compares the rows of a shard with their items. Differences are no errors: they are in the result.
 * @throws FerryError of the source, the target or the state; E_INTERRUPTED
 */
export const VERIFY: Verb<VerifyOptions, VerifyResult> = {
  command: 'verify',
  consumes: 'read',
  // Verification follows the plan of a backfill. A plan of its own would end where the table ends today.
  startsState: false,
  acceptsMapping: false,
  keyGuard: 'recorded',
  nothing: {
    ...NO_ROWS,
    findings: { ...NO_ROWS.findings, differences: [] },
    missing: 0,
    differing: 0,
    unresolved: 0,
    doubtful: 0,
    oldestComparison: null,
    takenOver: [],
    suspects: 0,
    suspectsClosableAt: null,
    lateWritesUntil: null,
  },
  resumes: (store, table, maxAgeMs) =>
    isUnfinished(store.passes.summary('verify', table)) && store.passes.abandoned(table, maxAgeMs) === null,
  // A table without a backfill has nothing to compare; the result says so.
  plan: ({ tables, store }) =>
    tables.filter((job) => store.passes.summary('backfill', job.mapping.table.name) !== null),
  open: openVerify,
  known: comparedResult,
  counted: ({ verify }) => (isUnfinished(verify) ? verify : null),
};

async function openVerify(run: ShardRun<VerifyOptions>): Promise<OpenedVerb<VerifyResult>> {
  emitPhase(run, 'verifying');
  const target = await run.openTarget();
  try {
    return openedVerify(run, target);
  } catch (thrown) {
    target.close();
    throw thrown;
  }
}

/** Takes over the target: `close` closes it. @throws FerryError E_STATE_*: then the caller closes the target */
function openedVerify(run: ShardRun<VerifyOptions>, target: TargetSide): OpenedVerb<VerifyResult> {
  const { guard } = target;
  const suspects = new SuspectCheck(run.store);
  warnOfLateWrites(run, suspects);
  const lookAtTtl = askingTtl(run, target);
  const reader = target.openReader();
  const kept: TakenOver[] = [];
  return {
    async work(job) {
      const { store, emitter, shard } = run;
      const table = job.mapping.table.name;
      if (run.options.takenOver[table] !== undefined) await holdTable(run, job, run.acceptServer);
      const before = takenOverFrom(run, table);
      if (before !== null) {
        kept.push(before);
        run.reached.add(table);
        emitter.emit('verification.kept', { shard, ...before });
        return;
      }
      const abandoned = store.passes.abandoned(table, run.maxAgeMs);
      if (abandoned !== null) emitter.emit('verification.again', { shard, table, ...abandoned });
      await walkTable(run, job, { kind: 'verify', phase: 'verifying', guard }, (pass, progress) =>
        verifyTable(run, job, pass, { reader, guard, progress, suspects, lookAtTtl, now: secondsNow }),
      );
    },
    close: () => closeWithTarget(reader, target),
    conclude: () => concluded(run, suspects, kept),
  };
}

function concluded(
  run: ShardRun,
  suspects: SuspectCheck,
  takenOver: readonly TakenOver[],
): ReturnType<OpenedVerb<VerifyResult>['conclude']> {
  const began = run.tables.flatMap(
    (job) => run.store.passes.summary('verify', job.mapping.table.name)?.pass.startedAt ?? [],
  );
  const beganAt = Math.min(...began);
  const found = comparedResult(run);
  const { missing, differing, unresolved, badRows, backfillFinished } = found;
  // An item of a row that is still to be moved is not missing yet.
  const wrong = (backfillFinished ? missing : 0) + differing + badRows > 0;
  // A suspect may belong to a table that was not compared, and then the comparisons of other tables do not close it.
  if (backfillFinished) suspects.allCompared(beganAt);
  const lateWritesUntil = suspects.lateWritesUntil(beganAt);
  const proven = backfillFinished && unresolved === 0 && suspects.open === 0 && lateWritesUntil === null;
  if (backfillFinished) emitPhase(run, wrong ? 'differences' : proven ? 'verified' : 'unproven');
  return {
    ...found,
    ...verdictOf(wrong, proven),
    takenOver,
    suspects: suspects.open,
    suspectsClosableAt: byWallClock(run, suspects.closableAt),
    lateWritesUntil: byWallClock(run, lateWritesUntil),
  };
}

/**
 * Returns the state's result for the tables that this run has reached. It leaves out earlier findings about other
 * tables. A verification counts only if it covers the backfill as it is now.
 */
function comparedResult(run: ShardRecord): VerifyResult {
  const { store } = run;
  const counting = (table: string): PassSummary | null => {
    if (!run.reached.has(table)) return null;
    const standing = store.passes.standing(table);
    return standing === 'stands' || standing === 'backfill-unfinished' ? store.passes.summary('verify', table) : null;
  };
  const summaries = run.tables.map((job) => counting(job.mapping.table.name)).filter((summary) => summary !== null);
  const total = (of: (summary: PassSummary) => number): number =>
    summaries.reduce((sum, summary) => sum + of(summary), 0);
  const found = rowsResult(run, counting);
  const differences = run.tables.flatMap((job) => differencesOf(run, job, counting)).slice(0, LISTED);
  return {
    ...VERIFY.nothing,
    ...found,
    findings: { ...found.findings, differences },
    missing: total((summary) => summary.missing),
    differing: total((summary) => summary.differing),
    unresolved: total((summary) => summary.unresolved),
    doubtful: total((summary) => summary.doubtful),
    oldestComparison: oldestOf(summaries.flatMap(({ oldest }) => (oldest === null ? [] : [store.clock.age(oldest)]))),
  };
}

function differencesOf(
  { store }: ShardRecord,
  { mapping, source }: TableJob,
  counting: (table: string) => PassSummary | null,
): VerifyFindings['differences'] {
  const pass = counting(mapping.table.name)?.pass;
  if (pass === undefined) return [];
  return store.checkpoints.differences(pass, LISTED).map(({ cursor, ...difference }) => ({
    ...difference,
    table: mapping.table.name,
    row: source.describeKey(cursor),
  }));
}

/**
 * Compares one table. Differences are no errors: they go to the state.
 * @throws FerryError of the source, the target or the state; E_INTERRUPTED
 */
export async function verifyTable(context: ShardContext, job: TableJob, pass: Pass, parts: VerifyDeps): Promise<void> {
  const look = await parts.lookAtTtl(context.signal);
  context.store.passes.noteTtl(pass, look.deletesBy);
  const backfill = context.store.passes.summary('backfill', job.mapping.table.name);
  const writtenSince = (backfill?.pass.startedAt ?? context.store.clock.now()) / 1_000;
  const deletions = new TtlDeletions(look, writtenSince, leftBehind(context, job));
  const handler = new VerifyHandler(context, job, pass, parts, deletions);
  const segments = tableSegments(context, job, pass, withOpenEnd(plannedSegments(context.store, pass)));
  await runPass(context, { pass, segments, handler });
}

/**
 * Returns a function that says whether a row is bad in the count of a backfill chunk, and no retry has moved it since.
 */
function leftBehind({ store }: ShardContext, { mapping, source }: TableJob): (row: Row) => boolean {
  const table = mapping.table.name;
  const any = store.badRows.count(table) > 0;
  return (row) => any && store.badRows.at(table, [source.cursorOf(row)]).some(({ chunkRef }) => chunkRef !== null);
}

/**
 * Returns the segments with an open end. A plan's last range ends at the table's upper bound of that time, but a
 * verification covers all rows.
 */
function withOpenEnd(progress: readonly PlannedSegment[]): readonly PlannedSegment[] {
  const last = Math.max(...progress.map(({ index }) => index));
  return progress.map((entry) => (entry.index === last ? { ...entry, range: { ...entry.range, upTo: null } } : entry));
}

/**
 * Returns the verification to keep, checked again under the shard's lock. Another process may have worked on the shard
 * since the command looked.
 */
function takenOverFrom({ options, store }: ShardRun<VerifyOptions>, table: string): TakenOver | null {
  const summary = store.passes.summary('verify', table);
  if (summary === null || summary.newest === null || options.takenOver[table] !== summary.pass.id) return null;
  if (!isFinished(summary) || store.passes.standing(table) !== 'stands') return null;
  return { table, lastCompared: store.clock.age(summary.newest) };
}

/**
 * Returns a time of the state's clock, which nobody sets, as a time of the wall clock for people to read. ms since the
 * epoch.
 */
function byWallClock({ store }: Pick<ShardRun, 'store'>, time: number): number;
function byWallClock({ store }: Pick<ShardRun, 'store'>, time: number | null): number | null;
function byWallClock({ store }: Pick<ShardRun, 'store'>, time: number | null): number | null {
  return time === null ? null : Date.now() + time - store.clock.now();
}

/**
 * Warns at the start of writes that may still land. On a large table, this saves the operator a verification that
 * proves nothing.
 */
function warnOfLateWrites(run: ShardRun, suspects: SuspectCheck): void {
  const until = suspects.lateWritesUntil(run.store.clock.now());
  if (until === null) return;
  run.emitter.emit('shard.warning', {
    shard: run.shard,
    code: 'E_LATE_WRITES',
    message: `an earlier run ended with writes in flight: until ${new Date(byWallClock(run, until)).toISOString()}, DynamoDB may still apply them over newer items`,
    hint: 'this verification finds differences, but cannot pass: verify again after that time',
  });
}
