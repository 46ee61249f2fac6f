/**
 * The handle on an active run: what it starts with, what can be done to it, and what it reports of its shards. A
 * command line, a signal or a control socket uses nothing else.
 */
import type { SentConfig } from '../config/model.js';
import type { Limits } from '../config/tunables.js';
import type { EventBus } from '../core/event-bus.js';
import type { ShardOutcome, ShardTask } from '../wiring/run/shard-task.js';
import type { SharedBudget } from '../wiring/shared-budget.js';
import type { LastProgress, RunningState } from './process/running-shard.js';
import type { ServerShare } from './server-share.js';

export interface Supervision {
  /** Shares of `units` here replace their `units`, and `shares` replaces their `scans`. */
  readonly tasks: readonly ShardTask[];
  /** The config that the tasks were made from. */
  readonly config: SentConfig['settings'];
  /** The most processes at once. */
  readonly jobs: number;
  /** Returns by shard how many shards may run at once on its server, for a number of SELECTs at once there. */
  readonly shares: (scansPerServer: number) => ReadonlyMap<string, ServerShare>;
  /** Capacity units a second for all shards together, and for other runs of this machine. */
  readonly units: number;
  /** This run's part of them. */
  readonly budget: SharedBudget;
  /** The warm throughput of an on-demand table, in the same units; null: the table is not on demand. */
  readonly warmUnits: number | null;
  /** Reads the state of a shard whose process gave no outcome. */
  readonly recorded: (task: ShardTask) => Partial<ShardOutcome>;
  readonly bus: EventBus;
}

export interface ShardStatus {
  readonly shard: string;
  /** `paused` with no `pid`: it has not started, and does not start. */
  readonly state: 'waiting' | RunningState | 'ended';
  /** Process id; null: it has not started, or has ended. */
  readonly pid: number | null;
  /** null: it has reported no progress yet. */
  readonly progress: LastProgress | null;
  /** The most that it may be spending now, in capacity units a second. */
  readonly units: number;
  /** null: it has not ended. */
  readonly outcome: ShardOutcome | null;
}

/** A call without a `shard` is for all shards. It may come at any time, and does nothing to a shard that has ended. */
export interface Supervisor {
  /** In the order of the tasks. It resolves once all shards have ended, and never rejects. */
  readonly outcomes: Promise<readonly ShardOutcome[]>;
  /** The present limits. `scansPerServer` is that of a whole server. */
  readonly limits: Limits;
  /**
   * Changes the budget of the run. The warm throughput of an on-demand table and the part of other runs still bound it.
   * Shards confirm a lower budget within a moment. A shard that hangs keeps its part, and the others get less for it.
   * @param unitsPerSecond capacity units, a whole number of 1 or more
   * @throws FerryError E_LIMIT_INVALID: the budget stays as it is
   */
  setBudget(unitsPerSecond: number): void;
  /**
   * Changes limits of all shards, also of those that have not started. A process that hangs applies them when it
   * continues.
   * @param limits an absent limit stays as it is
   * @throws FerryError E_LIMIT_INVALID: all limits stay as they are. A limit is also invalid if this machine does not
   *   allow the files or the memory for it
   */
  setLimits(limits: Partial<Limits>): void;
  /**
   * Pauses shards. Work that is under way finishes and is committed, the shard reads nothing more, and it is `paused`.
   * A shard that has not started does not start. A shard that hangs stays `pausing`, with its part of the budget, until
   * it continues or is killed as hung.
   * @throws FerryError E_SHARD_UNKNOWN
   */
  pause(shard?: string): void;
  /** Lets paused shards continue, or start. @throws FerryError E_SHARD_UNKNOWN */
  resume(shard?: string): void;
  /**
   * Stops shards in order, with the checkpoint saved. A paused shard stops as well. A shard that has not started ends
   * at once, and the others continue. A shard that has not ended after 30 s is killed.
   * @throws FerryError E_SHARD_UNKNOWN
   */
  stop(shard?: string): void;
  /** Kills running shards at once. Waiting shards do not start. The state keeps what it has. */
  kill(): void;
  /** Returns the state of each shard, in the order of the tasks. */
  status(): readonly ShardStatus[];
}
