/**
 * What refusals of writes lead to: single partition keys that are too hot are slowed alone, all else turns the share of
 * the budget.
 *
 * Where an index or the table lacks capacity, the service refuses whichever items come, and mostly does not say why:
 * what the scarcest of them allows is what the share comes to.
 */
import type { TokenBucket } from '../capacity/budget.js';
import { HotPartitions } from '../capacity/hot-partitions.js';
import type { QueuedOperation } from './queued-operation.js';
import { Refusals } from '../capacity/refusals.js';
import { ThrottleFeedback } from '../capacity/throttle-feedback.js';

/** What became of one request. */
export interface AnsweredBatch {
  readonly batch: readonly QueuedOperation[];
  /** Write units of the batch. */
  readonly units: number;
  /** Items that were refused for lack of capacity. */
  readonly refused: ReadonlySet<QueuedOperation>;
  /** The service gave key ranges as the only reason. */
  readonly hotKeyRange: boolean;
  /** Monotonic ms. */
  readonly sentAt: number;
}

export class WriteFeedback {
  readonly hot = new HotPartitions();
  readonly #refusals = new Refusals();
  readonly #share: ThrottleFeedback;

  /** @param now monotonic ms, as in `note` */
  constructor(bucket: Pick<TokenBucket, 'setShare' | 'waits' | 'limit'>, now: number) {
    this.#share = new ThrottleFeedback(bucket, now);
  }

  note({ batch, units, refused, hotKeyRange, sentAt }: AnsweredBatch, now: number): void {
    const counts = this.#share.counts(sentAt);
    if (refused.size === 0 && this.hot.size === 0 && !this.#refusals.watching) {
      if (counts) this.#refusals.countPassed(units);
    } else {
      for (const queued of batch) {
        const { partition } = queued.operation;
        const attempt = { partition, units: queued.units, refused: refused.has(queued) };
        const hot = this.hot.count(attempt, sentAt, now);
        if (!hot && counts) this.#refusals.count(attempt, hotKeyRange, now);
      }
    }
    if (!this.#share.due(this.#refusals.counted, now)) return;
    this.hot.step(now);
    const { others, hot } = this.#refusals.settle(now);
    for (const key of hot) this.hot.add(key, now);
    this.#share.step(others.passed, others.refused, now);
  }
}
