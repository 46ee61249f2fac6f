/**
 * How fast the writer goes when the table throttles although the budget would allow more: additive-increase,
 * multiplicative-decrease on the share of the budget in use, decided once a second.
 *
 *   more than 1% of the second's items throttled          -> share x 0.7
 *   else, and something had to wait for the bucket        -> share + 2% (of itself), at most 1
 */
import type { TokenBucket } from './budget.js';

const WINDOW_MS = 1000;
const TOLERATED_SHARE = 0.01;
const DECREASE = 0.7;
const INCREASE = 1.02;
/** Never so slow that a recovery would take more than about four minutes of +2% steps. */
const LOWEST_SHARE = 0.01;

export class ThrottleFeedback {
  readonly #bucket: Pick<TokenBucket, 'setShare' | 'waits'>;
  #share = 1;
  #windowStart: number;
  #waitsAtStart: number;
  #items = 0;
  #throttled = 0;

  /** @param now monotonic ms, as in `note` */
  constructor(bucket: Pick<TokenBucket, 'setShare' | 'waits'>, now: number) {
    this.#bucket = bucket;
    this.#windowStart = now;
    this.#waitsAtStart = bucket.waits;
  }

  get share(): number {
    return this.#share;
  }

  /**
   * Tells what became of one request.
   * @param items that it carried
   * @param throttled how many of them the table refused for lack of capacity
   * @param now monotonic ms
   */
  note(items: number, throttled: number, now: number): void {
    this.#items += items;
    this.#throttled += throttled;
    if (now - this.#windowStart >= WINDOW_MS) this.#decide(now);
  }

  #decide(now: number): void {
    if (this.#throttled > this.#items * TOLERATED_SHARE) this.#set(this.#share * DECREASE);
    else if (this.#bucket.waits > this.#waitsAtStart) this.#set(this.#share * INCREASE);
    this.#windowStart = now;
    this.#waitsAtStart = this.#bucket.waits;
    this.#items = 0;
    this.#throttled = 0;
  }

  #set(share: number): void {
    const next = Math.min(1, Math.max(LOWEST_SHARE, share));
    if (next === this.#share) return;
    this.#share = next;
    this.#bucket.setShare(next);
  }
}
