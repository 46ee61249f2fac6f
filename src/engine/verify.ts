/**
 * `verify` reads the rows again, maps them and compares them with their items, one by one. It finds missing and
 * differing items; extra ones are beyond it. Each table that was begun is compared, or kept from the verification that
 * this run goes on with. Writes that may still land (`verify/suspect-check.ts`) hold the verdict back.
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
  /** By table, the pass of a finished verification that an interrupted run left behind, and that is not made again. */
  readonly takenOver: Readonly<Record<string, number>>;
}

export interface VerifyResult extends RowsResult {
  readonly findings: VerifyFindings;
  readonly missing: number;
  readonly differing: number;
  readonly unresolved: number;
  /** Of the unresolved: items that TTL may have deleted, or that may be missing, since TTL was changed meanwhile. */
  readonly doubtful: number;
  /** The comparison that is longest ago, of all that this result rests on; null: there is none. */
  readonly oldestComparison: Age | null;
  /** Tables that an earlier, interrupted run had verified, and this one did not read again. */
  readonly takenOver: readonly TakenOver[];
  readonly suspects: number;
  /** When a verification can close the suspects, in ms since the epoch; null: there are none. */
  readonly suspectsClosableAt: number | null;
  /**
   * Until when writes of a killed run may land, in ms since the epoch, if this verification began before; null: no such
   * writes.
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
 * Differences are no errors: they are in the result. @throws FerryError of the source, the target or the state;
 * E_INTERRUPTED
 */
export const VERIFY: Verb<VerifyOptions, VerifyResult> = {
  command: 'verify',
  consumes: 'read',
  // Verification follows the plan that a backfill made: one that it made itself would end where the table ends today.
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
  // Of a table without a backfill nothing was moved, so there is nothing to compare; the result says so.
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

/** Takes over the target: `close` closes it. @throws FerryError E_STATE_*: then the caller closes it */
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
  // Of rows that are still to be moved, a verification proves nothing.
  const clean = missing + differing + unresolved + badRows === 0 && backfillFinished;
  // What belongs to a table that was not compared is not settled by the others.
  if (backfillFinished) suspects.allCompared(beganAt);
  const lateWritesUntil = suspects.lateWritesUntil(beganAt);
  const proven = suspects.open === 0 && lateWritesUntil === null;
  if (backfillFinished) emitPhase(run, !clean ? 'differences' : proven ? 'verified' : 'backfilled');
  return {
    ...found,
    ...verdictOf(clean && proven),
    takenOver,
    suspects: suspects.open,
    suspectsClosableAt: byWallClock(run, suspects.closableAt),
    lateWritesUntil: byWallClock(run, lateWritesUntil),
  };
}

/**
 * What the state says of the tables that this run has reached: what an earlier verification found of others is not its
 * news. A verification counts only if it has seen the backfill as it is now.
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
 * @throws FerryError of the source, the target or the state; E_INTERRUPTED. Differences are no errors: they go to the
 * state.
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

/** Rows that a chunk of the backfill counts as bad, and that no retry has moved since. */
function leftBehind({ store }: ShardContext, { mapping, source }: TableJob): (row: Row) => boolean {
  const table = mapping.table.name;
  const any = store.badRows.count(table) > 0;
  return (row) => any && store.badRows.at(table, [source.cursorOf(row)]).some(({ chunkRef }) => chunkRef !== null);
}

/**
 * A plan's last range ends at the upper bound that was there when it was made. Verification is about all rows: it goes
 * on to the end.
 */
function withOpenEnd(progress: readonly PlannedSegment[]): readonly PlannedSegment[] {
  const last = Math.max(...progress.map(({ index }) => index));
  return progress.map((entry) => (entry.index === last ? { ...entry, range: { ...entry.range, upTo: null } } : entry));
}

/**
 * Asked again under the shard's lock: between the look of the command and this, another process may have worked on the
 * shard.
 */
function takenOverFrom({ options, store }: ShardRun<VerifyOptions>, table: string): TakenOver | null {
  const summary = store.passes.summary('verify', table);
  if (summary === null || summary.newest === null || options.takenOver[table] !== summary.pass.id) return null;
  if (!isFinished(summary) || store.passes.standing(table) !== 'stands') return null;
  return { table, lastCompared: store.clock.age(summary.newest) };
}

/** Returns a time of the state, whose clock nobody sets, as the wall clock will show it: for people. */
function byWallClock({ store }: Pick<ShardRun, 'store'>, time: number): number;
function byWallClock({ store }: Pick<ShardRun, 'store'>, time: number | null): number | null;
function byWallClock({ store }: Pick<ShardRun, 'store'>, time: number | null): number | null {
  return time === null ? null : Date.now() + time - store.clock.now();
}

/** Warns at the start: on a large table, that spares the operator a verification that proves nothing. */
function warnOfLateWrites(run: ShardRun, suspects: SuspectCheck): void {
  const until = suspects.lateWritesUntil(run.store.clock.now());
  if (until === null) return;
  run.emitter.emit('shard.warning', {
    shard: run.shard,
    code: 'E_LATE_WRITES',
    message: `an earlier run ended with writes under way: what it had sent could still be applied until ${new Date(byWallClock(run, until)).toISOString()}, over newer items`,
    hint: 'this verification finds differences, but cannot pass: verify again after that time',
  });
}
