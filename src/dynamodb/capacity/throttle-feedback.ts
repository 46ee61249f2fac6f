/**
 * How fast one goes when the table throttles although the budget would allow more: a few times a second, what was
 * throttled turns the share of the budget in use, as `rate-probe.ts` finds the rate that is taken. What was throttled must
 * stay debited: else attempts for nothing would go out at any rate, and the share of throttles would say nothing of it.
 */
import type { TokenBucket } from './token-bucket.js';
import { RateProbe } from './rate-probe.js';

/**
 * Long enough for answers to come back, short enough to be throttled little meanwhile; longer where there is little to
 * count.
 */
const STEP_MS = 200;
const LONGEST_STEP_MS = 2_000;
const STEP_UNITS = 100;

type Bucket = Pick<TokenBucket, 'setShare' | 'waits' | 'limit'>;

export class ThrottleFeedback {
  readonly #bucket: Bucket;
  readonly #probe = new RateProbe(1);
  #stepAt: number;
  #waitsAtStep: number;
  #countFrom = 0;
  #passed = 0;
  #throttled = 0;

  /** @param now monotonic ms, as in all methods */
  constructor(bucket: Bucket, now: number) {
    this.#bucket = bucket;
    this.#stepAt = now;
    this.#waitsAtStep = bucket.waits;
  }

  get share(): number {
    return this.#probe.rate;
  }

  /** False for a request that went out at a rate that was given up since. */
  counts(sentAt: number): boolean {
    return sentAt >= this.#countFrom;
  }

  /** What became of one request, in units. */
  note(passed: number, throttled: number, sentAt: number, now: number): void {
    if (this.counts(sentAt)) {
      this.#passed += passed;
      this.#throttled += throttled;
    }
    if (!this.due(this.#passed + this.#throttled, now)) return;
    this.step(this.#passed, this.#throttled, now);
    this.#passed = 0;
    this.#throttled = 0;
  }

  /** @param counted units since the last step */
  due(counted: number, now: number): boolean {
    const elapsed = now - this.#stepAt;
    return elapsed >= LONGEST_STEP_MS || (elapsed >= STEP_MS && counted >= STEP_UNITS);
  }

  /** Ends a step with what was counted in it. */
  step(passed: number, throttled: number, now: number): void {
    const before = this.#probe.rate;
    const seconds = (now - this.#stepAt) / 1000;
    const binding = this.#bucket.waits > this.#waitsAtStep;
    // At least a unit a second: from there it is found how much more is taken.
    const bounds = { lowest: Math.min(1, 1 / Math.max(1, this.#bucket.limit)), highest: 1 };
    const share = this.#probe.step({ seconds, passed, throttled, binding }, bounds);
    if (share !== before) this.#bucket.setShare(share);
    if (share < before) this.#countFrom = now;
    this.#stepAt = now;
    this.#waitsAtStep = this.#bucket.waits;
  }
}
