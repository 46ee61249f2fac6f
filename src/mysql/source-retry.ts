/**
 * Retries a failing source: full-jitter backoff, for a bounded time without progress, with one event for each try. Only
 * the time in which the source failed counts, and the pauses after it. Waits on this side (`aside`) do not count: they
 * may last hours.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SourceLimits } from '../config/model.js';
import { FerryError, interrupted } from '../core/errors.js';
import type { Emitter } from '../core/events.js';
import { factOf, isRetryable, mysqlCode, sourceError } from './errors/source-errors.js';

export interface RetryPolicy {
  /** How long tries without any progress may last, in ms. */
  readonly timeoutMs: number;
  /** The first pause is at most this long, in ms; each further one at most twice the last. */
  readonly baseMs: number;
  readonly capMs: number;
}

/** The first pause is at most BASE_MS, and no pause is longer than CAP_MS. */
const BASE_MS = 500;
const CAP_MS = 15_000;

/** Returns the policy for a source. @param limits may change: the policy reads them at each failure */
export function sourceRetry(limits: Pick<SourceLimits, 'retryTimeoutSeconds'>): RetryPolicy {
  return {
    get timeoutMs() {
      return limits.retryTimeoutSeconds * 1_000;
    },
    baseMs: BASE_MS,
    capMs: CAP_MS,
  };
}

export class Retry {
  #attempt = 0;
  /** When the first try without progress failed, moved by the waits of `aside`; performance.now(). */
  #failingSince = 0;

  /** @param doing the task, for messages: `reading messages` */
  constructor(
    private readonly shard: string,
    private readonly doing: string,
    private readonly emitter: Emitter,
    private readonly policy: RetryPolicy,
  ) {}

  /** Records progress: the count of tries starts again. */
  progressed(): void {
    this.#attempt = 0;
  }

  /**
   * Waits for something that the source does not cause: a consumer with a small budget, a permit, a pause of the
   * throttler. That time does not count towards the timeout.
   */
  readonly aside = async <T>(waiting: Promise<T>): Promise<T> => {
    const since = performance.now();
    try {
      return await waiting;
    } finally {
      this.#failingSince += performance.now() - since;
    }
  };

  /** Waits before the next try, or throws where another one would not help. @throws FerryError */
  async backOff(error: unknown, signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw interrupted();
    if (!isRetryable(error)) throw sourceError(this.shard, this.doing, error);
    const now = performance.now();
    if (this.#attempt++ === 0) this.#failingSince = now;
    const left = this.policy.timeoutMs - (now - this.#failingSince);
    if (left <= 0) throw this.#exhausted(error, now - this.#failingSince);

    const ceiling = Math.min(this.policy.capMs, this.policy.baseMs * 2 ** (this.#attempt - 1));
    // The last try comes at the timeout, not long before it.
    const delayMs = Math.round(Math.min(left, Math.random() * ceiling));
    const reason = mysqlCode(error) ?? 'unknown';
    const { shard, doing } = this;
    this.emitter.emit('source.retried', { shard, doing, fact: factOf(error), reason, attempt: this.#attempt, delayMs });
    await sleep(delayMs, undefined, { signal }).catch(() => {
      throw interrupted();
    });
  }

  #exhausted(error: unknown, elapsedMs: number): FerryError {
    const { code, message, hint } = sourceError(this.shard, this.doing, error);
    const tried = `${message}, ${this.#attempt} times in ${Math.ceil(elapsedMs / 1_000)} s`;
    const kept = code === 'E_SOURCE_QUERY' || code === 'E_TOO_MANY_FILES' ? code : 'E_SOURCE_LOST';
    return new FerryError(kept, tried, hint, { cause: error });
  }
}
