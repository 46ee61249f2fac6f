/**
 * The handle on a run that goes on: what it is started with, what can be done to it, and what it says of its shards. A
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
  /** Their `units` are overruled by shares of `units` here, their `scans` by `shares`. */
  readonly tasks: readonly ShardTask[];
  /** What the tasks were made from. */
  readonly config: SentConfig['settings'];
  /** Processes at once. */
  readonly jobs: number;
  /** By shard: how many on its server may run at once, where so many SELECTs at once are allowed there. */
  readonly shares: (scansPerServer: number) => ReadonlyMap<string, ServerShare>;
  /** Capacity units per second for all shards together, and for other runs of this machine. */
  readonly units: number;
  /** This run's part of them. */
  readonly budget: SharedBudget;
  /** What an on-demand table is warm for, in the same units; null where the table is none. */
  readonly warmUnits: number | null;
  /** Reads what the state says of a shard whose process gave no outcome. */
  readonly recorded: (task: ShardTask) => Partial<ShardOutcome>;
  readonly bus: EventBus;
}

export interface ShardStatus {
  readonly shard: string;
  /** `paused` with no `pid`: it has not started, and does not. */
  readonly state: 'waiting' | RunningState | 'ended';
  /** Process id; null: it has not started, or has ended. */
  readonly pid: number | null;
  /** null: it has said nothing yet. */
  readonly progress: LastProgress | null;
  /** The most that it may be spending now, in capacity units a second. */
  readonly units: number;
  /** null: it has not ended. */
  readonly outcome: ShardOutcome | null;
}

/** A call without a `shard` is for all of them. It may come at any time, and does nothing to a shard that has ended. */
export interface Supervisor {
  /** In the order of the tasks; resolves once all shards have ended. Never rejects. */
  readonly outcomes: Promise<readonly ShardOutcome[]>;
  /** Limits as they are now; `scansPerServer` is that of a whole server. */
  readonly limits: Limits;
  /**
   * Changes the budget of the run. What an on-demand table is warm for, and the part of other runs, bound it as before.
   * Shards have answered a lower one within a moment; one that hangs keeps its part, and the others get less for it.
   * @param unitsPerSecond capacity units, a whole number of 1 or more
   * @throws FerryError E_LIMIT_INVALID: the budget stays as it is
   */
  setBudget(unitsPerSecond: number): void;
  /**
   * Changes limits of all shards, those that have not started included. A process that hangs has them when it goes on.
   * @param limits what is absent stays as it is
   * @throws FerryError E_LIMIT_INVALID: all limits stay as they are
   */
  setLimits(limits: Partial<Limits>): void;
  /**
   * Pauses: what is under way finishes and is committed, nothing further is read, and the shard is `paused`. One that
   * has not started does not start. One that hangs stays `pausing`, with its part of the budget, until it goes on or is
   * ended as hung.
   * @throws FerryError E_SHARD_UNKNOWN
   */
  pause(shard?: string): void;
  /** Lets shards go on that were paused, or start. @throws FerryError E_SHARD_UNKNOWN */
  resume(shard?: string): void;
  /**
   * Stops in order: the checkpoint is saved. A paused shard stops as well. One that has not started ends at once, and
   * the others go on. One that has not ended after 30 s is killed.
   * @throws FerryError E_SHARD_UNKNOWN
   */
  stop(shard?: string): void;
  /** Kills what runs, at once; what has not started does not start. The state keeps what it has. */
  kill(): void;
  /** In the order of the tasks. */
  status(): readonly ShardStatus[];
}
