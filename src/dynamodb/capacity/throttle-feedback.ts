/**
 * ThrottleFeedback adjusts the share of the budget in use, a few times a second, if the table throttles below the
 * budget. `rate-probe.ts` finds the rate that the table takes. Throttled requests stay debited: otherwise attempts that
 * fail could go out at any rate.
 */
import type { TokenBucket } from './token-bucket.js';
import { RateProbe } from './rate-probe.js';

/**
 * A step ends after STEP_MS with STEP_UNITS counted, or after LONGEST_STEP_MS. That is long enough for answers, and
 * short enough to limit what is throttled.
 */
const STEP_MS = 200;
const LONGEST_STEP_MS = 2_000;
const STEP_UNITS = 100;

type Bucket = Pick<TokenBucket, 'setShare' | 'waits' | 'limit'>;

export class ThrottleFeedback {
  readonly #bucket: Bucket;
  readonly #probe = new RateProbe(1);
  /** Monotonic ms at which the present step started. */
  #stepAt: number;
  #waitsAtStep: number;
  /** Monotonic ms: requests that were sent earlier do not count. */
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

  /** @returns false for a request that was sent at a higher rate than the present one */
  counts(sentAt: number): boolean {
    return sentAt >= this.#countFrom;
  }

  /** Counts one request. @param passed write units, as `throttled` */
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
    // The share stays at one unit a second at least. From there, the probe finds how much more the table takes.
    const bounds = { lowest: Math.min(1, 1 / Math.max(1, this.#bucket.limit)), highest: 1 };
    const share = this.#probe.step({ seconds, passed, throttled, binding }, bounds);
    if (share !== before) this.#bucket.setShare(share);
    if (share < before) this.#countFrom = now;
    this.#stepAt = now;
    this.#waitsAtStep = this.#bucket.waits;
  }
}
