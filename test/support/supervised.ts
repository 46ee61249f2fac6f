/**
 * Runs shards in processes of their own under a supervisor in the test's process. It uses the built program, so that
 * its processes find theirs. No process outlives the test.
 */
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../../src/config/load.js';
import { EventBus } from '../../src/core/event-bus.js';
import type { EventRecord } from '../../src/core/events.js';
import type { ShardStatus, Supervisor } from '../../src/shards/handle.js';
import { serverShares } from '../../src/shards/server-share.js';
import type { superviseShards as Supervise } from '../../src/shards/supervisor.js';
import type { ShardTask } from '../../src/wiring/run/shard-task.js';
import { joinBudget } from '../../src/wiring/shared-budget.js';
import { VERBS, type VerbName } from '../../src/engine/verbs.js';
import type { Migration } from './migration.js';
import { taskOf } from './shard-task.js';

const BUILT = fileURLToPath(new URL('../../dist/shards/supervisor.js', import.meta.url));

export interface Supervised extends AsyncDisposable {
  readonly supervisor: Supervisor;
  readonly bus: EventBus;
  /** What was heard so far. */
  readonly events: readonly EventRecord[];
  of(shard: string): ShardStatus;
}

export interface SupervisedOptions {
  /** Processes at once. */
  readonly jobs?: number;
  /** On top of what the config and AWS need. */
  readonly env?: Readonly<Record<string, string>>;
  readonly verb?: VerbName;
  readonly everyEvent?: boolean;
}

export async function superviseMigration(
  migration: Migration,
  { jobs = 8, env = {}, verb = 'backfill', everyEvent = false }: SupervisedOptions = {},
): Promise<Supervised> {
  Object.assign(process.env, migration.env, env);
  const config = loadConfig(`${migration.folder}/dynaferry.yaml`, process.env);
  const { superviseShards } = (await import(BUILT)) as { readonly superviseShards: typeof Supervise };
  const sent = config.toSend();
  const shards = config.source.shards.map(({ id }) => id);
  const { consumes } = VERBS[verb];
  const bus = new EventBus();
  const events: EventRecord[] = [];
  bus.onAny((record) => events.push(record));
  const supervisor = superviseShards({
    tasks: shards.map((shard) => taskOf(verb, sent, { shard, everyEvent, units: 0 }) as ShardTask),
    config: sent.settings,
    jobs,
    shares: (scansPerServer) => serverShares(config, shards, jobs, scansPerServer),
    units: consumes === 'write' ? config.target.writeCapacity : config.target.readCapacity,
    budget: joinBudget(config, consumes),
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
