/** Opens the ports that a verb may ask for while it works on one shard, with the adapters of the config behind them. */
import { join } from 'node:path';
import type { Config } from '../../config/model.js';
import type { EventBus } from '../../core/event-bus.js';
import { defect } from '../../core/defect.js';
import { NO_TARGET } from '../../core/ports/target-ports.js';
import type { KeyRegister } from '../../core/ports/key-register.js';
import type { StateStore } from '../../core/ports/state-ports.js';
import type { TokenBucket } from '../../dynamodb/capacity/token-bucket.js';
import type { TableFacts } from '../../dynamodb/table/describe-table.js';
import { inTurn } from '../../engine/claims/register-turn.js';
import { DiscardingWriter } from '../../engine/discarding-writer.js';
import type { IncidentRecorder } from '../../engine/pass/incident-recorder.js';
import type { PassGauges } from '../../engine/pass/progress.js';
import type { ShardContext } from '../../engine/pass/table-job.js';
import { RecordedWriter } from '../../engine/verb/recorded-writer.js';
import { secondsNow, type OpenRegisters, type ShardRun, type TargetSide } from '../../engine/verb/shard-run.js';
import type { OptionsOf, VerbName } from '../../engine/verbs.js';
import { holderOfRegister, openKeyRegister } from '../../state/shared/key-register.js';
import { openTargetSession } from '../target-session.js';
import type { KeyGuard } from './key-guard.js';
import type { ShardControls } from './shard-controls.js';
import type { ShardSession } from './shard-session.js';
import type { TaskOf } from './shard-task.js';

export interface ShardRunDeps<Name extends VerbName> {
  readonly task: TaskOf<Name>;
  readonly config: Config;
  readonly bus: EventBus;
  readonly session: ShardSession;
  readonly store: StateStore;
  readonly budget: TokenBucket;
  /** Limits and the pause, which may change during the run. */
  readonly controls: ShardControls;
  readonly guard: KeyGuard;
  /** The target table as the shard is bound to it; null: a dry run has none. */
  readonly boundTo: TableFacts | null;
  readonly incidents: IncidentRecorder;
  /** As in `ShardRecord`. */
  readonly reached: Set<string>;
  readonly signal: AbortSignal;
}

export function openShardRun<Name extends VerbName>(deps: ShardRunDeps<Name>): ShardRun<OptionsOf<Name>> {
  const { task, config, bus, session, store, signal } = deps;
  const { tunables, pause } = deps.controls;
  const context: ShardContext = {
    shard: task.shard,
    store,
    emitter: bus,
    get scans() {
      return tunables.source.scansPerServer;
    },
    pause,
    ranges: config.source.limits.rangesPerTable,
    signal,
  };
  return {
    ...context,
    // A getter: a spread would copy the present number.
    get scans() {
      return context.scans;
    },
    options: task.options,
    dryRun: task.dryRun,
    acceptServer: task.acceptServer,
    tables: session.jobs,
    source: session.source,
    maxAgeMs: maxAgeMs(config),
    gauges: gaugesOf(deps),
    reached: deps.reached,
    openTarget: () => openTargetSide(deps),
    openRegisters: () => openRegisters(deps, context),
  };
}

async function openTargetSide({
  task,
  config,
  bus,
  store,
  budget,
  controls,
  boundTo,
}: ShardRunDeps<VerbName>): Promise<TargetSide> {
  const { table } = config.target;
  if (task.dryRun || boundTo === null) return dryTarget(table);
  const target = await openTargetSession(config, bus, controls.tunables);
  const cost = { budget, indexes: boundTo.indexes.length };
  return {
    table,
    guard: target.openGuard(task.shard, boundTo),
    openWriter: () => new RecordedWriter(store, (onSuspects) => target.openWriter(task.shard, cost, onSuspects)),
    openReader: () => target.openReader(task.shard, budget),
    lookAtTtl: (signal) => target.lookAtTtl(signal),
    close: () => target.close(),
  };
}

/** Makes a target that nothing is sent to and nothing is asked of, for a dry run. */
function dryTarget(table: string): TargetSide {
  return {
    table,
    guard: NO_TARGET,
    openWriter: () => new DiscardingWriter(),
    openReader() {
      throw defect('a dry run reads no items');
    },
    lookAtTtl: () => Promise.resolve({ deletesBy: null, seconds: secondsNow, denied: false }),
    close: () => undefined,
  };
}

/** Opens the registers that the shard's guard asks for. @throws FerryError E_STATE_*; E_INTERRUPTED */
async function openRegisters(
  { task, config, guard }: ShardRunDeps<VerbName>,
  context: ShardContext,
): Promise<OpenRegisters> {
  const folder = stateFolder(config, task.dryRun);
  const holder = (): number | null => holderOfRegister(folder);
  const open = (): KeyRegister => openKeyRegister({ folder });
  const register = guard === 'none' ? null : await inTurn(context, { holder }, open, context.signal);
  const itemKeys = guard === 'item-keys' ? register : null;
  return { itemKeys, shardValues: register, close: () => register?.close() };
}

function gaugesOf({ budget, incidents }: Pick<ShardRunDeps<VerbName>, 'budget' | 'incidents'>): PassGauges {
  return {
    unitsConsumed: () => budget.consumed,
    unitsLimit: () => budget.limit,
    throttles: () => incidents.count('throttled'),
    retries: () => incidents.count('failed', 'unanswered', 'source-retried'),
  };
}

/** Returns where a run keeps its state. A dry run has its own folder, since its findings are not progress. */
export function stateFolder(config: Config, dryRun: boolean): string {
  return dryRun ? join(config.state, 'dry-run') : config.state;
}

/** Returns how old comparisons may be, in ms, before a verification repeats them. */
export function maxAgeMs(config: Config): number {
  return config.verify.maxAgeSeconds * 1_000;
}

/** Returns the names of the tables, in the order of the config. */
export function tablesOf({ jobs }: Pick<ShardSession, 'jobs'>): readonly string[] {
  return jobs.map((job) => job.mapping.table.name);
}
