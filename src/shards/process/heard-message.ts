/**
 * Checks what a shard's process sends before its parent acts on it. Any library in that process can send a message too,
 * and what does not fit must neither end the run nor change a budget.
 */
import { ERROR_CODES } from '../../core/errors.js';
import { EVENTS } from '../../core/events.js';
import type { ShardTask } from '../../wiring/run/shard-task.js';
import type { FromWorker } from '../protocol.js';

type Unchecked = Readonly<Record<string, unknown>>;

const STATUSES: ReadonlySet<unknown> = new Set(['done', 'differences', 'failed', 'interrupted']);

/** Returns the message; null where it does not have the shape of one, or is about another shard or verb. */
export function heardMessage(said: unknown, task: Pick<ShardTask, 'shard' | 'verb'>): FromWorker | null {
  return isObject(said) && fits(said, task) ? (said as FromWorker) : null;
}

function fits({ type, ...message }: Unchecked, task: Pick<ShardTask, 'shard' | 'verb'>): boolean {
  switch (type as FromWorker['type']) {
    case 'alive':
      return true;
    case 'budget':
      return isNumber(message['units']) && message['units'] >= 0;
    case 'event':
      return isObject(message['record']) && isEvent(message['record'], task.shard);
    case 'outcome':
      return isObject(message['outcome']) && isOutcome(message['outcome'], task);
    default:
      return false;
  }
}

function isEvent({ name, payload, at, run }: Unchecked, shard: string): boolean {
  if (typeof name !== 'string' || !Object.hasOwn(EVENTS, name)) return false;
  if (!isObject(payload) || !isNumber(at) || typeof run !== 'string') return false;
  return payload['shard'] === undefined || payload['shard'] === shard;
}

function isOutcome(outcome: Unchecked, { shard, verb }: Pick<ShardTask, 'shard' | 'verb'>): boolean {
  const { status, exitCode, fault, counts, elapsedMs } = outcome;
  if (outcome['shard'] !== shard || outcome['verb'] !== verb || !STATUSES.has(status)) return false;
  return isNumber(exitCode) && isNumber(elapsedMs) && isObject(counts) && (fault === null || isFault(fault));
}

function isFault(fault: unknown): boolean {
  if (!isObject(fault)) return false;
  const { code, message, hint } = fault;
  return typeof code === 'string' && Object.hasOwn(ERROR_CODES, code) && [message, hint].every(isText);
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isNumber(value: unknown): value is number {
  return Number.isFinite(value);
}

function isObject(value: unknown): value is Unchecked {
  return typeof value === 'object' && value !== null;
}
