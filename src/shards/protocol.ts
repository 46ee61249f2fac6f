/**
 * The messages between the supervisor and a shard's process. Events are the protocol; the rest is a start, a budget, a
 * stop and an outcome.
 */
import type { EventRecord } from '../core/events.js';
import type { ShardOutcome, ShardTask } from '../wiring/run/shard-task.js';

export type ToWorker =
  | { readonly type: 'start'; readonly task: ShardTask; readonly run: string }
  /** To be answered once it holds: others may have what this one has no more. */
  | { readonly type: 'budget'; readonly units: number }
  | { readonly type: 'stop' };

export type FromWorker =
  | { readonly type: 'event'; readonly record: EventRecord }
  /** Once a second, whatever else it says: a process that says nothing hangs. */
  | { readonly type: 'alive' }
  /** It spends no more than that by now. */
  | { readonly type: 'budget'; readonly units: number }
  | { readonly type: 'outcome'; readonly outcome: ShardOutcome };
