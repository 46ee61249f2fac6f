/**
 * Runs one shard's work from end to end, inside its own process. It opens state, source and target, and works through
 * the tables one after the other. Whatever happens becomes an outcome. It throws nothing.
 */
import { setImmediate } from 'node:timers/promises';
import { earlierBackfill } from '../../config/binding/earlier-backfill.js';
import type { Config } from '../../config/model.js';
import { interrupted, type FerryError } from '../../core/errors.js';
import { asFerryError } from '../../core/thrown.js';
import type { EventBus } from '../../core/event-bus.js';
import { LATE_WRITE_WINDOW_MS } from '../../core/time/late-writes.js';
import type { StateStore } from '../../core/ports/state-ports.js';
import { TokenBucket } from '../../dynamodb/capacity/token-bucket.js';
import { systemClock } from '../../dynamodb/capacity/clock.js';
import { replaced } from '../../dynamodb/table/target-guard.js';
import { IncidentRecorder } from '../../engine/pass/incident-recorder.js';
import { inTurn } from '../../engine/claims/register-turn.js';
import type { ShardRun } from '../../engine/verb/shard-run.js';
import { runVerb, type Verb } from '../../engine/verb/verb.js';
import { VERBS, type OptionsOf, type ResultOf, type VerbName } from '../../engine/verbs.js';
import type { KeyTemplates } from '../../mapping/key/key-uniqueness.js';
import type { Turn } from '../../state/shared/key-register.js';
import { openStateStore } from '../../state/open.js';
import { readBinding } from '../../state/status/read-binding.js';
import { archiveState, discardState, giveUpClaims } from '../../state/restart.js';
import { guardOf, recordedGuard } from './key-guard.js';
import { bindOwn, shardBinding } from '../own-binding.js';
import { acceptMapping } from './accept-mapping.js';
import { checkServer } from '../same-server.js';
import { openShardSession, type ShardSession } from './shard-session.js';
import { maxAgeMs, openShardRun, stateFolder, tablesOf } from './open-shard-run.js';
import { openControls, type ShardControls } from './shard-controls.js';
import {
  failedOutcome,
  type Ending,
  type OutcomeOf,
  type ShardOutcome,
  type ShardTask,
  type TaskOf,
} from './shard-task.js';
import { existingTarget, localIndexesOf } from '../target-facts.js';
import { watchShard, type ShardWatch } from './watch-shard.js';

/**
 * Opens the budget of a process: read or write units a second, as the supervisor assigns them.
 * @param entitled returns whether the supervisor is still there
 */
export function openBudget(unitsPerSecond: number, entitled: () => boolean = () => true): TokenBucket {
  return new TokenBucket(unitsPerSecond, systemClock, entitled);
}

/** Runs the task's verb on one shard. It never throws: the outcome contains what was thrown. */
export async function runShard(task: ShardTask, ...rest: RunArguments): Promise<ShardOutcome> {
  // The result and the name of the verb come from one task. TypeScript cannot follow that through the registry.
  const outcome = (await runVerbOf(task, ...rest)) as ShardOutcome;
  const { shard, status, toldBy, counts, elapsedMs, fault } = outcome;
  rest[1].emit('shard.finished', { shard, status, toldBy, counts, elapsedMs, fault });
  return outcome;
}

type RunArguments = readonly [
  config: Config,
  bus: EventBus,
  budget: TokenBucket,
  outer: AbortSignal,
  /** Limits and the pause, which may change during the run. */
  controls?: ShardControls,
];

async function runVerbOf<Name extends VerbName>(
  task: TaskOf<Name>,
  config: Config,
  bus: EventBus,
  budget: TokenBucket,
  outer: AbortSignal,
  controls: ShardControls = openControls(task),
): Promise<OutcomeOf<Name>> {
  const { shard } = task;
  const startedAt = performance.now();
  const verb = VERBS[task.verb];
  const incidents = new IncidentRecorder(bus);
  const opened: Opened = { store: null, session: null, reached: new Set() };
  const { watch, ...watching } = watchShard(task, config, bus, budget, outer, controls);
  let outcome: OutcomeOf<Name>;
  try {
    const run = await openRun({ task, config, bus, budget, controls, incidents, watch, watching, opened });
    const concluded = await watch.orStuck(runVerb(verb, run));
    outcome = { ...concluded, verb: task.verb, shard, toldBy: 'process', elapsedMs: 0 };
  } catch (ended) {
    const failed = failedOutcome(task, watch.reasonOf(ended)) as OutcomeOf<Name>;
    const known = whatIsKnown(verb, opened);
    outcome = known === null ? failed : { ...failed, ...known };
  } finally {
    await opened.session?.close().catch(() => undefined);
    incidents.close();
  }
  // Stuck work may still write. Until this process ends, no other process works on this shard.
  if (!watch.stuck) outcome = closeState(opened.store, outcome);
  watching.end();
  return { ...outcome, elapsedMs: Math.round(performance.now() - startedAt) };
}

/** The parts that are open so far, so that the end can close them. */
interface Opened {
  store: StateStore | null;
  session: ShardSession | null;
  readonly reached: Set<string>;
}

interface ToOpen<Name extends VerbName> {
  readonly task: TaskOf<Name>;
  readonly config: Config;
  readonly bus: EventBus;
  readonly budget: TokenBucket;
  readonly controls: ShardControls;
  readonly incidents: IncidentRecorder;
  readonly watch: ShardWatch['watch'];
  readonly watching: Omit<ShardWatch, 'watch'>;
  readonly opened: Opened;
}

/**
 * Opens state, source and target, and checks that they are still those that the shard's state is bound to.
 * @throws FerryError E_STATE_*, E_SOURCE_*, E_TABLE_*, E_MAPPING_*, E_TARGET_*; E_INTERRUPTED
 */
async function openRun<Name extends VerbName>({
  task,
  config,
  bus,
  budget,
  controls,
  incidents,
  watch,
  watching,
  opened,
}: ToOpen<Name>): Promise<ShardRun<OptionsOf<Name>>> {
  const { signal } = watch;
  const { shard } = task;
  const verb = VERBS[task.verb];
  const store = await openState(task, config, bus, signal, () => watching.stepped());
  opened.store = store;
  watching.keepsIn(store);
  incidents.keepIn(store.incidents);
  if (store.lateWrites.waitsAgain) bus.emit('shard.warning', { shard, ...WAITS_ANEW });
  // A dry run asks no target, so it knows no local index.
  const asked = task.dryRun ? Promise.resolve(null) : existingTarget(config, signal);
  const { pause, tunables } = controls;
  const source = { limits: tunables.source, pause };
  const session = await watch.orStuck(openShardSession(config, shard, bus, signal, localIndexesOf(asked), source));
  opened.session = session;
  watching.counts(session.source);
  const recorded = verb.keyGuard === 'recorded' ? recordedGuard(config.state, shard) : null;
  const guard = recorded ?? guardOf(config, keysOf(session));
  const begun = readBinding({ folder: stateFolder(config, task.dryRun), shard });
  const described = session.jobs.map((job) => job.mapping.table);
  const boundTo = await watch.orStuck(asked);
  if (task.target !== null && boundTo?.identity !== task.target) throw replaced(config.target.table);
  const fingerprint = shardBinding(config, described, boundTo?.identity ?? null, guard, begun);
  if (verb.acceptsMapping) acceptMapping(config, store, fingerprint, bus);
  else bindOwn(config, store, fingerprint);
  const tables = tablesOf(session);
  await watch.orStuck(checkServer({ ...session, store, tables, accept: task.acceptServer, bus }, signal));
  const resumed = tables.some((table) => verb.resumes(store, table, maxAgeMs(config)));
  bus.emit('shard.started', { shard, resumed, pid: process.pid });
  const { reached } = opened;
  const earlier = earlierBackfill(store.binding.formerSettings(), fingerprint);
  const bound = { session, store, guard, boundTo, reached, earlierBackfill: earlier };
  return openShardRun({ task, config, bus, budget, controls, incidents, signal, ...bound });
}

const WAITS_ANEW = {
  code: 'E_LATE_WRITES',
  message: `DynamoDB may still apply writes of an earlier run. dynaferry cannot tell how long ago they were sent: the machine was restarted since, or it is another one. Their ${LATE_WRITE_WINDOW_MS / 60_000} minutes begin now`,
  hint: 'do nothing: a verification that begins after that time can pass',
} as const;

/** Returns the known result for the report of a fault; null if the state cannot be read. */
function whatIsKnown<Name extends VerbName>(
  verb: Verb<OptionsOf<Name>, ResultOf<Name>>,
  { store, session, reached }: Opened,
): ResultOf<Name> | null {
  if (store === null || session === null) return null;
  try {
    return verb.known({ store, tables: session.jobs, reached });
  } catch {
    return null;
  }
}

/**
 * Closes the state. The reported work is on the disk already. A fault of closing still becomes the outcome, unless an
 * earlier fault is there.
 */
function closeState<O extends Ending>(store: StateStore | null, outcome: O): O {
  const failed = (error: FerryError): O => ({
    ...outcome,
    status: 'failed',
    exitCode: error.exitCode,
    fault: error.toFault(),
  });
  // What was reported as saved is lost then, after a stop by a signal too.
  const gone = store?.gone() ?? null;
  try {
    store?.close();
  } catch (thrown) {
    if (gone === null && outcome.fault === null) return failed(asFerryError(thrown, 'closing the state'));
  }
  return gone !== null && outcome.status !== 'failed' ? failed(gone) : outcome;
}

/** @param stepped is called after each step; a large register takes an hour's worth of steps */
async function openState(
  task: Pick<ShardTask, 'verb' | 'shard' | 'dryRun' | 'restart'>,
  config: Config,
  bus: EventBus,
  signal: AbortSignal,
  stepped: () => void,
): Promise<StateStore> {
  const { shard } = task;
  const place = { folder: stateFolder(config, task.dryRun), shard };
  const turn: Turn = async (action, holder) => {
    // There may be many steps, none of which waits for anything.
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
  return openStateStore({ ...place, create: VERBS[task.verb].startsState, moves: config.stateMoves });
}

function keysOf(session: ShardSession): readonly KeyTemplates[] {
  return session.jobs.flatMap((job) => job.mapping.keys);
}
