/**
 * One shard's work from end to end, inside its own process: state, source and target are opened, the tables are worked
 * through one after the other, and whatever happens becomes an outcome. Nothing is thrown.
 */
import { setImmediate } from 'node:timers/promises';
import type { Config } from '../../config/model.js';
import { Tunables } from '../../config/tunables.js';
import { PauseGate } from '../../core/async/pause-gate.js';
import { interrupted } from '../../core/errors.js';
import { asFerryError } from '../../core/thrown.js';
import type { EventBus } from '../../core/events.js';
import { LATE_WRITE_WINDOW_MS } from '../../core/time/late-writes.js';
import type { StateStore } from '../../core/ports/state-ports.js';
import { TokenBucket } from '../../dynamodb/capacity/budget.js';
import { systemClock } from '../../dynamodb/capacity/clock.js';
import { replaced } from '../../dynamodb/table/target-guard.js';
import { IncidentBook } from '../../engine/pass/incident-book.js';
import { inTurn } from '../../engine/claims/register-turn.js';
import type { ShardContext } from '../../engine/pass/table-job.js';
import type { KeyTemplates } from '../../mapping/key/key-uniqueness.js';
import type { Turn } from '../../state/shared/key-register.js';
import { openStateStore } from '../../state/open.js';
import { readBinding } from '../../state/status/read-binding.js';
import { archiveState, discardState, giveUpClaims } from '../../state/restart.js';
import { backfillShard } from './backfill-shard.js';
import { evidence, isUnfinished } from './evidence.js';
import { guardOf, recordedGuard } from './key-guard.js';
import { bindOwn, shardBinding } from '../own-binding.js';
import { acceptMapping, retryShard } from './retry-shard.js';
import { checkServer } from '../same-server.js';
import { openShardSession, type ShardSession } from './shard-session.js';
import { NOTHING_DONE, type ShardOutcome, type ShardTask } from './shard-task.js';
import { maxAgeMs, stateFolder, tablesOf, type ShardWork } from './shard-work.js';
import { existingTarget, localIndexesOf } from '../target-facts.js';
import { verifyShard } from './verify-shard.js';
import { watchShard } from './watch-shard.js';

/**
 * The budget of a process: read or write units per second, changed as the supervisor allots them.
 * @param entitled whether the supervisor is still there
 */
export function openBudget(unitsPerSecond: number, entitled: () => boolean = () => true): TokenBucket {
  return new TokenBucket(unitsPerSecond, systemClock, entitled);
}

/** What a supervisor may change of a shard's work while it goes on: its limits, and whether it reads. */
export interface ShardControls {
  readonly tunables: Tunables;
  readonly pause: PauseGate;
}

/** Limits as the task has them, and no pause. */
export function openControls({ config, scans, everyEvent }: ShardTask): ShardControls {
  return { tunables: new Tunables(config.settings, { scansPerShard: scans, everyEvent }), pause: new PauseGate() };
}

/** @param controls what may change while it runs */
export async function runShard(
  task: ShardTask,
  config: Config,
  bus: EventBus,
  budget: TokenBucket,
  outer: AbortSignal,
  controls: ShardControls = openControls(task),
): Promise<ShardOutcome> {
  const { tunables, pause } = controls;
  const startedAt = performance.now();
  const incidents = new IncidentBook(bus);
  const reached = new Set<string>();
  let store: StateStore | null = null;
  let session: ShardSession | null = null;
  let outcome: Omit<ShardOutcome, 'shard' | 'elapsedMs'> = { ...NOTHING_DONE };
  const { watch, ...watching } = watchShard(task, config, bus, budget, outer, controls);
  const { signal } = watch;
  try {
    store = await openState(task, config, bus, signal, () => watching.stepped());
    incidents.keepIn(store);
    if (store.waitsAnew) bus.emit('shard.warning', { shard: task.shard, ...WAITS_ANEW });
    // A dry run asks no target, so it knows of no local index.
    const asked = task.dryRun ? Promise.resolve(null) : existingTarget(config, signal);
    session = await watch.orStuck(
      openShardSession(config, task.shard, bus, signal, localIndexesOf(asked), { limits: tunables.source, pause }),
    );
    watching.counts(session.source);
    // Comparing overwrites nothing: a verification asks for no other guard than the one its backfill had.
    const recorded = task.kind === 'verify' ? recordedGuard(config.state, task.shard) : null;
    const guard = recorded ?? guardOf(config, keysOf(session));
    const begun = readBinding({ folder: stateFolder(config, task.dryRun), shard: task.shard });
    const described = session.jobs.map((job) => job.mapping.table);
    const boundTo = await watch.orStuck(asked);
    if (task.target !== null && boundTo?.identity !== task.target) throw replaced(config.target.table);
    const fingerprint = shardBinding(config, described, boundTo?.identity ?? null, guard, begun);
    if (task.retryBad) acceptMapping(config, store, fingerprint, bus);
    else bindOwn(config, store, fingerprint);
    const going = { ...session, store, tables: tablesOf(session), accept: task.acceptServer, bus };
    await watch.orStuck(checkServer(going, signal));
    const resumed = tablesOf(session).some((table) => isResumed(task, config, store, table));
    bus.emit('shard.started', { shard: task.shard, resumed, pid: process.pid });
    const context: ShardContext = {
      shard: task.shard,
      store,
      emitter: bus,
      get scans() {
        return tunables.source.scansPerShard;
      },
      pause,
      ranges: config.source.limits.rangesPerTable,
      signal,
    };
    const targetIndexes = boundTo?.indexes.length ?? null;
    const work: ShardWork = {
      ...{ task, config, tunables, bus, session, store, context, budget, guard, boundTo, incidents, reached },
      targetIndexes,
    };
    outcome = await watch.orStuck(workOn(work));
  } catch (ended) {
    const thrown = watch.reasonOf(ended);
    const error = asFerryError(thrown, `shard ${task.shard}`);
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

const WAITS_ANEW = {
  code: 'E_LATE_WRITES',
  message: `writes of an earlier run may still land, and nobody can tell how long ago they were sent: the machine was restarted since, or it is another one. Their ${LATE_WRITE_WINDOW_MS / 60_000} minutes begin now`,
  hint: 'nothing has to be done: a verification that begins after that time can pass',
} as const;

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

/**
 * What was reported is on disk already; that the file could not be closed in order is told all the same, after what
 * came before it.
 */
function closeState<O extends Omit<ShardOutcome, 'shard' | 'elapsedMs'>>(store: StateStore | null, outcome: O): O {
  try {
    store?.close();
    return outcome;
  } catch (thrown) {
    if (outcome.fault !== null) return outcome;
    const error = asFerryError(thrown, 'closing the state');
    return { ...outcome, outcome: 'failed', exitCode: error.exitCode, fault: error.toFault() };
  }
}

/** @param stepped called after each of the steps, of which a large register takes an hour's worth */
async function openState(
  task: ShardTask,
  config: Config,
  bus: EventBus,
  signal: AbortSignal,
  stepped: () => void,
): Promise<StateStore> {
  const { shard } = task;
  const place = { folder: stateFolder(config, task.dryRun), shard };
  const turn: Turn = async (action, holder) => {
    // There may be many, none of which waits for anything.
    await setImmediate();
    if (signal.aborted) throw interrupted();
    const done = await inTurn({ shard, emitter: bus }, { holder }, action, signal);
    stepped();
    return done;
  };
  if (task.dryRun) await discardState(place, turn);
  else if (task.restart) {
    archiveState({ ...place, moves: config.stateMoves, onlyIfAsked: true });
    await giveUpClaims(place, turn);
  }
  // Verification follows the plan that a backfill made: one that it made itself would end where the table ends today.
  const create = task.kind === 'backfill' && !task.retryBad;
  return openStateStore({ ...place, create, moves: config.stateMoves });
}

async function workOn(work: ShardWork): Promise<Omit<ShardOutcome, 'shard' | 'elapsedMs'>> {
  if (work.task.kind === 'verify') return await verifyShard(work);
  return work.task.retryBad ? await retryShard(work) : await backfillShard(work);
}

function isResumed({ kind }: ShardTask, config: Config, store: StateStore | null, table: string): boolean {
  if (store === null || !isUnfinished(store.summary(kind, table))) return false;
  return kind === 'backfill' || store.abandoned(table, maxAgeMs(config)) === null;
}

function keysOf(session: ShardSession): readonly KeyTemplates[] {
  return session.jobs.flatMap((job) => job.mapping.keys);
}
