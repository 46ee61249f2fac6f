/**
 * Patience with a source that breaks: full-jitter backoff, bounded tries without progress, one event a try.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { FerryError, interrupted } from '../core/errors.js';
import type { Emitter } from '../core/events.js';
import { factOf, isRetryable, mysqlCode, sourceError } from './errors.js';

export interface RetryPolicy {
  /** Tries without any progress, the first one included. */
  readonly tries: number;
  /** The first pause is at most this long, in ms; each further one at most twice the last. */
  readonly baseMs: number;
  readonly capMs: number;
}

/** About a minute in all: longer than a restart of MySQL or the failover of a managed one usually takes. */
export const SOURCE_RETRY: RetryPolicy = { tries: 9, baseMs: 500, capMs: 30_000 };

export class Retry {
  #attempt = 0;

  /** @param doing what is tried, for messages: `reading messages` */
  constructor(
    private readonly shard: string,
    private readonly doing: string,
    private readonly emit: Emitter,
    private readonly policy: RetryPolicy = SOURCE_RETRY,
  ) {}

  /** Something was read: the count of tries begins anew. */
  progressed(): void {
    this.#attempt = 0;
  }

  /** Waits before the next try, or throws where another one would not help. @throws FerryError */
  async backOff(error: unknown, signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw interrupted();
    if (!isRetryable(error)) throw sourceError(this.shard, this.doing, error);
    this.#attempt++;
    if (this.#attempt >= this.policy.tries) throw this.#exhausted(error);

    const ceiling = Math.min(this.policy.capMs, this.policy.baseMs * 2 ** (this.#attempt - 1));
    const delayMs = Math.round(Math.random() * ceiling);
    const reason = mysqlCode(error) ?? 'unknown';
    const { shard, doing } = this;
    this.emit.emit('source.retried', { shard, doing, fact: factOf(error), reason, attempt: this.#attempt, delayMs });
    await sleep(delayMs, undefined, { signal }).catch(() => {
      throw interrupted();
    });
  }

  #exhausted(error: unknown): FerryError {
    const last = sourceError(this.shard, this.doing, error);
    if (last.code === 'E_SOURCE_QUERY') return last;
    return new FerryError('E_SOURCE_LOST', `${last.message}, ${this.#attempt} times in a row`, last.hint, {
      cause: error,
    });
  }
}
