/**
 * Shards that run in processes of their own under a supervisor in the test's process: the built program, so that its
 * processes find theirs. None of them outlives the test.
 */
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../../src/config/load.js';
import { EventBus, type EventRecord } from '../../src/core/events.js';
import type { ShardStatus, Supervisor } from '../../src/shards/handle.js';
import { serverShares } from '../../src/shards/server-share.js';
import type { superviseShards as Supervise } from '../../src/shards/supervisor.js';
import type { ShardTask } from '../../src/wiring/run/shard-task.js';
import { joinBudget } from '../../src/wiring/shared-budget.js';
import type { Migration } from './migration.js';

const BUILT = fileURLToPath(new URL('../../dist/shards/supervisor.js', import.meta.url));

export interface Supervised extends AsyncDisposable {
  readonly supervisor: Supervisor;
  readonly bus: EventBus;
  /** What was heard so far. */
  readonly events: readonly EventRecord[];
  of(shard: string): ShardStatus;
}

/** @param options what a task says besides; `jobs`: processes at once; `env`: on top of what the config and AWS need */
export async function superviseMigration(
  migration: Migration,
  {
    jobs = 8,
    env = {},
    ...options
  }: Partial<ShardTask> & { readonly jobs?: number; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Supervised> {
  Object.assign(process.env, migration.env, env);
  const config = loadConfig(`${migration.folder}/dynaferry.yaml`, process.env);
  const { superviseShards } = (await import(BUILT)) as { readonly superviseShards: typeof Supervise };
  const sent = config.toSend();
  const shards = config.source.shards.map(({ id }) => id);
  const kind = options.kind ?? 'backfill';
  const bus = new EventBus();
  const events: EventRecord[] = [];
  bus.onAny((record) => events.push(record));
  const supervisor = superviseShards({
    tasks: shards.map((shard) => ({
      ...{ kind, shard, config: sent, dryRun: false, restart: false, retryBad: false, maxBadRows: 0, takenOver: {} },
      ...{ target: null, acceptServer: false, scans: 1, everyEvent: false, units: 0, ...options },
    })),
    config: sent.settings,
    jobs,
    shares: (scansPerServer) => serverShares(config, shards, jobs, scansPerServer),
    units: kind === 'backfill' ? config.target.writeCapacity : config.target.readCapacity,
    budget: joinBudget(config, kind === 'backfill' ? 'write' : 'read'),
    warmUnits: null,
    recorded: () => ({}),
    bus,
  });
  return {
    supervisor,
    bus,
    events,
    of(shard) {
      const found = supervisor.status().find((status) => status.shard === shard);
      if (found === undefined) throw new Error(`the run has no shard ${shard}`);
      return found;
    },
    async [Symbol.asyncDispose]() {
      supervisor.kill();
      await supervisor.outcomes;
    },
  };
}
