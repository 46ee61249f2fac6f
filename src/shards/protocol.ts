/**
 * The messages between the supervisor and a shard's process. Events are most of them. The others are a start, a budget,
 * changed limits, a pause, a stop and an outcome.
 */
import type { Limits } from '../config/tunables.js';
import type { EventRecord } from '../core/events.js';
import type { ShardOutcome, ShardTask } from '../wiring/run/shard-task.js';

export type ToWorker =
  | {
      readonly type: 'start';
      readonly task: ShardTask;
      /** Id of the run, for the stamps of events. */
      readonly run: string;
      /** The limits that have changed since the run started. */
      readonly limits: Partial<Limits>;
    }
  /** The worker answers once it keeps to the budget. Then other shards may have what this one gave up. */
  | { readonly type: 'budget'; readonly units: number }
  /** The parent has checked them. */
  | { readonly type: 'limits'; readonly limits: Partial<Limits> }
  /** The worker answers with the events `shard.paused`, once nothing is under way, and `shard.resumed`. */
  | { readonly type: 'pause' }
  | { readonly type: 'resume' }
  | { readonly type: 'stop' };

export type FromWorker =
  | { readonly type: 'event'; readonly record: EventRecord }
  /** Once a second, unless other messages are on their way: a process that sends nothing hangs. */
  | { readonly type: 'alive' }
  /** The answer to a budget: the process spends no more than that from now on. */
  | { readonly type: 'budget'; readonly units: number }
  | { readonly type: 'outcome'; readonly outcome: ShardOutcome };
