/**
 * WriteFeedback turns throttled writes into lower rates. It slows a hot partition key alone. For any other cause it
 * lowers the share of the budget.
 *
 * If an index or the table lacks capacity, the service throttles whichever items come, and mostly does not say why. The
 * share then follows the scarcest of them.
 */
import type { TokenBucket } from '../capacity/token-bucket.js';
import { HotPartitions } from '../capacity/hot-partitions.js';
import type { QueuedOperation } from './queued-operation.js';
import { HotKeyDetector } from '../capacity/hot-key-detector.js';
import { ThrottleFeedback } from '../capacity/throttle-feedback.js';

/** One request, after its answer. */
export interface AnsweredBatch {
  readonly batch: readonly QueuedOperation[];
  /** Write units of the batch. */
  readonly units: number;
  /** Operations that were throttled. */
  readonly throttled: ReadonlySet<QueuedOperation>;
  /** The service named only key ranges as the reason. */
  readonly hotKeyRange: boolean;
  /** Monotonic ms. */
  readonly sentAt: number;
}

export class WriteFeedback {
  readonly hot = new HotPartitions();
  readonly #detector = new HotKeyDetector();
  readonly #share: ThrottleFeedback;

  /** @param now monotonic ms, as in `note` */
  constructor(bucket: Pick<TokenBucket, 'setShare' | 'waits' | 'limit'>, now: number) {
    this.#share = new ThrottleFeedback(bucket, now);
  }

  note({ batch, units, throttled, hotKeyRange, sentAt }: AnsweredBatch, now: number): void {
    const counts = this.#share.counts(sentAt);
    if (throttled.size === 0 && this.hot.size === 0 && !this.#detector.watching) {
      if (counts) this.#detector.countPassed(units);
    } else {
      for (const queued of batch) {
        const { partition } = queued.operation;
        const attempt = { partition, units: queued.units, throttled: throttled.has(queued) };
        const hot = this.hot.count(attempt, sentAt, now);
        if (!hot && counts) this.#detector.count(attempt, hotKeyRange, now);
      }
    }
    if (!this.#share.due(this.#detector.counted, now)) return;
    this.hot.step(now);
    const { others, hot } = this.#detector.settle(now);
    for (const key of hot) this.hot.add(key, now);
    this.#share.step(others.passed, others.throttled, now);
  }
}
