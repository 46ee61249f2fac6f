/**
 * One shard's work from end to end, inside its own process: state, source and target are opened, the tables are worked through
 * one after the other, and whatever happens becomes an outcome. Nothing is thrown.
 */
import type { Config } from '../config/model.js';
import { takenUp } from '../config/binding-rules.js';
import { resumeFingerprint } from '../config/fingerprint.js';
import { asFerryError, EXIT } from '../core/errors.js';
import type { EventBus } from '../core/events.js';
import { NO_COUNTS, type Phase } from '../core/model.js';
import type { Pass, PassKind, StateStore } from '../core/state-ports.js';
import { TokenBucket } from '../dynamodb/budget.js';
import { backfillTable } from '../engine/backfill.js';
import { BadRowLimit } from '../engine/bad-row-limit.js';
import { ensurePlan, estimatedRows } from '../engine/plan-table.js';
import { IncidentBook } from '../engine/incident-book.js';
import { PassProgress } from '../engine/progress.js';
import { SuspectCheck } from '../engine/suspect-check.js';
import type { ShardContext, TableJob } from '../engine/table-job.js';
import { verifyTable, type VerifyParts } from '../engine/verify.js';
import type { KeyTemplates } from '../mapping/key-uniqueness.js';
import { openStateStore } from '../state/open.js';
import { readBinding } from '../state/read-binding.js';
import { archiveState, discardState } from '../state/restart.js';
import { evidence, isFinished, isUnfinished } from './evidence.js';
import { guardBinding, guardOf, recordedGuard } from './key-guard.js';
import { checkServer } from './same-server.js';
import { openShardSession, type ShardSession } from './shard-session.js';
import { acceptMapping, retryShard } from './retry-shard.js';
import { NOTHING_DONE, type ShardOutcome, type ShardTask } from './shard-task.js';
import {
  gaugesOf,
  openRegisters,
  openWriter,
  secondsNow,
  stateFolder,
  tellPhase,
  type ShardWork,
} from './shard-work.js';
import { watchShard } from './watch-shard.js';
import { targetIdentity } from './target-facts.js';
import { openTargetSession, type TargetSession } from './target-session.js';

/** The budget of a process: read or write units per second, changed as the supervisor allots them. */
export function openBudget(unitsPerSecond: number): TokenBucket {
  return new TokenBucket(unitsPerSecond);
}

export async function runShard(
  task: ShardTask,
  config: Config,
  bus: EventBus,
  budget: TokenBucket,
  outer: AbortSignal,
): Promise<ShardOutcome> {
  const startedAt = performance.now();
  const incidents = new IncidentBook(bus);
  const reached = new Set<string>();
  let store: StateStore | null = null;
  let session: ShardSession | null = null;
  let outcome: Omit<ShardOutcome, 'shard' | 'elapsedMs'> = { ...NOTHING_DONE };
  const { watch, ...watching } = watchShard(task.shard, config, bus, budget, outer);
  const { signal } = watch;
  try {
    store = openState(task, config);
    incidents.keepIn(store);
    session = await watch.orStuck(openShardSession(config, task.shard, bus, signal, task.scans));
    watching.counts(session.source);
    // Comparing overwrites nothing: a verification asks for no other guard than the one its backfill had.
    const recorded = task.kind === 'verify' ? recordedGuard(config.state, task.shard) : null;
    const guard = recorded ?? guardOf(config, keysOf(session));
    const begun = readBinding({ folder: stateFolder(config, task.dryRun), shard: task.shard });
    const fingerprint = {
      ...resumeFingerprint(
        config,
        session.jobs.map((job) => job.mapping.table),
        task.dryRun ? null : await watch.orStuck(targetIdentity(config, signal)),
      ),
      ...guardBinding(guard, begun),
    };
    if (task.retryBad) acceptMapping(config, store, fingerprint, bus);
    else store.bind(fingerprint, takenUp);
    const going = { ...session, store, tables: tablesOf(session), accept: task.acceptServer, bus };
    await watch.orStuck(checkServer(going, signal));
    const resumed = tablesOf(session).some((table) => isResumed(task, config, store, table));
    bus.emit('shard.started', { shard: task.shard, resumed, pid: process.pid });
    const context: ShardContext = {
      shard: task.shard,
      store,
      emitter: bus,
      scans: task.scans,
      ranges: config.source.limits.rangesPerTable,
      signal,
    };
    const work: ShardWork = { task, config, bus, session, store, context, budget, guard, incidents, reached };
    outcome = await watch.orStuck(workOn(work));
  } catch (ended) {
    const thrown = watch.reasonOf(ended);
    const error = asFerryError(thrown);
    if (error.code === 'E_INTERNAL' && process.env['DYNAFERRY_DEBUG'] !== undefined)
      bus.emit('shard.warning', { shard: task.shard, ...debugFault(thrown) });
    outcome = {
      ...NOTHING_DONE,
      ...whatIsKnown(task, store, session, reached),
      outcome: error.code === 'E_INTERRUPTED' ? 'interrupted' : 'failed',
      exitCode: error.exitCode,
      fault: error.toFault(),
    };
  } finally {
    await session?.close().catch(() => undefined);
    incidents.close();
    // What is stuck may still write: until the process ends, nobody else works on this shard.
    if (!watch.stuck) outcome = closeState(store, outcome);
    watching.end();
  }
  const result: ShardOutcome = { shard: task.shard, ...outcome, elapsedMs: Math.round(performance.now() - startedAt) };
  bus.emit('shard.finished', {
    shard: task.shard,
    outcome: result.outcome,
    counts: result.counts,
    elapsedMs: result.elapsedMs,
    fault: result.fault,
  });
  return result;
}

/** For the report of a fault: where the state cannot even be read, that fault is told without it. */
function whatIsKnown(
  task: ShardTask,
  store: StateStore | null,
  session: ShardSession | null,
  reached: ReadonlySet<string>,
): Partial<ShardOutcome> {
  if (store === null || session === null) return {};
  try {
    return evidence(task, store, session, reached);
  } catch {
    return {};
  }
}

/** What was reported is on disk already; that the file could not be closed in order is told all the same, after what came before it. */
function closeState<O extends Omit<ShardOutcome, 'shard' | 'elapsedMs'>>(store: StateStore | null, outcome: O): O {
  try {
    store?.close();
    return outcome;
  } catch (thrown) {
    if (outcome.fault !== null) return outcome;
    const error = asFerryError(thrown);
    return { ...outcome, outcome: 'failed', exitCode: error.exitCode, fault: error.toFault() };
  }
}

/** Only under DYNAFERRY_DEBUG: where a defect came from. */
function debugFault(thrown: unknown): { code: 'E_INTERNAL'; message: string; hint: string } {
  return {
    code: 'E_INTERNAL',
    message: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
    hint: 'report this',
  };
}

function openState(task: ShardTask, config: Config): StateStore {
  const folder = stateFolder(config, task.dryRun);
  const place = { folder, shard: task.shard };
  if (task.dryRun) discardState(place);
  else if (task.restart) archiveState(place);
  // Verification follows the plan that a backfill made: one that it made itself would end where the table ends today.
  return openStateStore({ folder, shard: task.shard, create: task.kind === 'backfill' && !task.retryBad });
}

async function workOn(work: ShardWork): Promise<Omit<ShardOutcome, 'shard' | 'elapsedMs'>> {
  if (work.task.kind === 'verify') return await verifyShard(work);
  return work.task.retryBad ? await retryShard(work) : await backfillShard(work);
}

async function backfillShard(work: ShardWork): Promise<Omit<ShardOutcome, 'shard' | 'elapsedMs'>> {
  const { task, config, bus, session, store, context } = work;
  const done = session.jobs.every((job) => isFinished(store.summary('backfill', job.mapping.table.name)));
  if (done) return { ...NOTHING_DONE, ...evidence(task, store, session), alreadyDone: true };
  tellPhase(work, 'backfilling');
  const already = session.jobs.reduce(
    (sum, job) => sum + (store.summary('backfill', job.mapping.table.name)?.counts.badRows ?? 0),
    0,
  );
  // A dry run is there to find them all.
  const badRows = new BadRowLimit(task.shard, task.dryRun ? Infinity : task.maxBadRows, already);
  const target = task.dryRun ? null : await openTargetSession(config, bus);
  const registers = openRegisters(work);
  try {
    for (const job of session.jobs) {
      if (isFinished(store.summary('backfill', job.mapping.table.name))) continue;
      const writer = openWriter(work, target);
      try {
        await withPass(work, job, 'backfill', (pass, progress) =>
          backfillTable(context, job, pass, {
            writer,
            ...registers,
            badRows,
            progress,
            now: secondsNow,
          }),
        );
      } finally {
        await writer.close();
      }
    }
  } finally {
    registers.close();
    target?.close();
  }
  tellPhase(work, 'backfilled');
  return { ...NOTHING_DONE, ...evidence(task, store, session) };
}

async function verifyShard(work: ShardWork): Promise<Omit<ShardOutcome, 'shard' | 'elapsedMs'>> {
  const { task, config, bus, session, store, context } = work;
  tellPhase(work, 'verifying');
  const target = await openTargetSession(config, bus);
  const suspects = new SuspectCheck(store);
  const takenOver: TakenOver[] = [];
  warnOfLateWrites(work, suspects);
  const lookAtTtl = askingTtl(work, target);
  try {
    const reader = target.openReader(task.shard, work.budget);
    try {
      for (const job of session.jobs) {
        const table = job.mapping.table.name;
        // Nothing of it was moved, so there is nothing to compare; the outcome says so.
        if (store.summary('backfill', table) === null) continue;
        const before = takenOverFrom(work, table);
        if (before !== null) {
          takenOver.push(before);
          work.reached.add(table);
          bus.emit('verification.kept', { shard: task.shard, ...before });
          continue;
        }
        const abandoned = store.abandoned(table, maxAgeMs(config));
        if (abandoned !== null) bus.emit('verification.again', { shard: task.shard, table, ...abandoned });
        await withPass(work, job, 'verify', (pass, progress) =>
          verifyTable(context, job, pass, { reader, progress, suspects, lookAtTtl, now: secondsNow }),
        );
      }
    } finally {
      await reader.close();
    }
  } finally {
    target.close();
  }
  const began = tablesOf(session).flatMap((table) => store.summary('verify', table)?.pass.startedAt ?? []);
  const beganAt = Math.min(...began);
  const found = { ...NOTHING_DONE, ...evidence(task, store, session), takenOver };
  // What belongs to a table that was not gone through is not settled by the others.
  if (found.backfillFinished) suspects.allCompared(beganAt);
  const lateWritesUntil = suspects.lateWritesUntil(beganAt);
  const proven = suspects.open === 0 && lateWritesUntil === null;
  if (found.backfillFinished)
    tellPhase(work, found.exitCode !== EXIT.done ? 'differences' : proven ? 'verified' : 'backfilled');
  if (proven) return found;
  const open = { suspects: suspects.open, suspectsClosableAt: suspects.closableAt, lateWritesUntil };
  return { ...found, ...open, outcome: 'differences', exitCode: EXIT.differences };
}

/** What may not be asked is said once: then nothing tells an item that TTL deleted from one that was never written. */
function askingTtl({ bus, task, config }: ShardWork, target: TargetSession): VerifyParts['lookAtTtl'] {
  let told = false;
  return async (signal) => {
    const look = await target.lookAtTtl(signal);
    if (look.denied && !told) {
      told = true;
      bus.emit('shard.warning', {
        shard: task.shard,
        code: 'E_TARGET_ACCESS',
        message: `AWS refused DescribeTimeToLive on table ${config.target.table}: items that are not there count as missing, also where TTL deleted them`,
        hint: 'allow dynamodb:DescribeTimeToLive on the table, then verify again',
      });
    }
    return look;
  };
}

type TakenOver = ShardOutcome['takenOver'][number];

/** Asked again under the shard's lock: between the look (taken-over.ts) and this, another process may have worked on it. */
function takenOverFrom({ task, store }: ShardWork, table: string): TakenOver | null {
  const summary = store.summary('verify', table);
  if (summary === null || summary.newest === null || task.takenOver[table] !== summary.pass.id) return null;
  if (!isFinished(summary) || store.standing(table) !== 'stands') return null;
  return { table, lastCompared: store.age(summary.newest) };
}

function maxAgeMs(config: Config): number {
  return config.verify.maxAgeSeconds * 1_000;
}

/** Said at once: on a large table, it spares the operator a verification that proves nothing. */
function warnOfLateWrites({ bus, task, store }: ShardWork, suspects: SuspectCheck): void {
  const until = suspects.lateWritesUntil(store.now());
  if (until === null) return;
  bus.emit('shard.warning', {
    shard: task.shard,
    code: 'E_LATE_WRITES',
    message: `an earlier run ended with writes under way: what it had sent could still be applied until ${new Date(until).toISOString()}, over newer items`,
    hint: 'this verification finds differences, but cannot pass: verify again after that time',
  });
}

/** Plans the table, opens or resumes its pass, and keeps telling how far it is. */
async function withPass(
  work: ShardWork,
  job: TableJob,
  kind: PassKind,
  run: (pass: Pass, progress: PassProgress) => Promise<void>,
): Promise<void> {
  const { task, config, store, bus, context, session } = work;
  const table = job.mapping.table.name;
  const plan = await ensurePlan(context, job, session.source);
  const pass = store.openPass(kind, table, maxAgeMs(config));
  work.reached.add(table);
  const already = store.summary(kind, table)?.counts ?? NO_COUNTS;
  const working: Phase = kind === 'backfill' ? 'backfilling' : 'verifying';
  const progress = new PassProgress(task.shard, table, working, estimatedRows(plan), already, gaugesOf(work));
  const stopTelling = progress.publish(bus, store);
  try {
    await run(pass, progress);
  } finally {
    stopTelling();
  }
}

function isResumed({ kind }: ShardTask, config: Config, store: StateStore | null, table: string): boolean {
  if (store === null || !isUnfinished(store.summary(kind, table))) return false;
  return kind === 'backfill' || store.abandoned(table, maxAgeMs(config)) === null;
}

function tablesOf(session: ShardSession): readonly string[] {
  return session.jobs.map((job) => job.mapping.table.name);
}

function keysOf(session: ShardSession): readonly KeyTemplates[] {
  return session.jobs.flatMap((job) => job.mapping.keys);
}
