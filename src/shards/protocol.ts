/**
 * The messages between the supervisor and a shard's process. Events are the protocol; the rest is a start, a budget,
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
      /** What has changed of the limits since the run started. */
      readonly limits: Partial<Limits>;
    }
  /** The worker answers once it holds: then others may have what this one gave up. */
  | { readonly type: 'budget'; readonly units: number }
  /** Checked by the parent. */
  | { readonly type: 'limits'; readonly limits: Partial<Limits> }
  /** Answered by the events `shard.paused`, once nothing is under way, and `shard.resumed`. */
  | { readonly type: 'pause' }
  | { readonly type: 'resume' }
  | { readonly type: 'stop' };

export type FromWorker =
  | { readonly type: 'event'; readonly record: EventRecord }
  /** Once a second, whatever else it says: a process that says nothing hangs. */
  | { readonly type: 'alive' }
  /** The answer to a budget: it spends no more than that from now on. */
  | { readonly type: 'budget'; readonly units: number }
  | { readonly type: 'outcome'; readonly outcome: ShardOutcome };
