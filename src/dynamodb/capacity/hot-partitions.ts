/**
 * HotPartitions limits each partition key that is too hot for its partition to the rate that it takes, so that only
 * this key waits. AWS gives a partition 1,000 write units a second. `rate-probe.ts` finds the rate. A key that is not
 * throttled for a while is no longer hot.
 */
import { RateProbe } from './rate-probe.js';
import type { Attempt, HotKey } from './hot-key-detector.js';

interface HotPartition {
  readonly probe: RateProbe;
  /** Write units that may be sent. Below zero the key waits. */
  level: number;
  /** Monotonic ms of the last time that `level` was filled. */
  filledAt: number;
  /** Write units of the present step. */
  passed: number;
  throttled: number;
  binding: boolean;
  /** Monotonic ms at which the present step started. */
  stepAt: number;
  /** Monotonic ms: attempts that were sent earlier do not count, since their rate was higher. */
  countFrom: number;
  /** Monotonic ms. */
  lastThrottledAt: number;
}

/** A step ends after STEP_MS with STEP_UNITS counted, or after LONGEST_STEP_MS. */
const STEP_MS = 200;
const LONGEST_STEP_MS = 2_000;
const STEP_UNITS = 25;
/** The most that a key may send at once after a pause, in seconds of its rate. */
const BURST_SECONDS = 0.05;
/** Write units a second. The writer tries a key at this rate even if everything is throttled. */
const LOWEST_RATE = 20;
/** A key is no longer hot after this time without a throttle. */
const COOLED_AFTER_MS = 60_000;

export class HotPartitions {
  readonly #hot = new Map<string, HotPartition>();

  get size(): number {
    return this.#hot.size;
  }

  partitions(): Iterable<string> {
    return this.#hot.keys();
  }

  /**
   * Starts to limit a key to a rate. If nearly nothing passed, half of the tried rate is the first guess.
   * @param now monotonic ms, as in all methods
   */
  add({ partition, passedPerSecond, triedPerSecond }: HotKey, now: number): void {
    this.#hot.set(partition, {
      probe: new RateProbe(Math.max(LOWEST_RATE, passedPerSecond, triedPerSecond / 2)),
      level: 0,
      filledAt: now,
      passed: 0,
      throttled: 0,
      binding: false,
      stepAt: now,
      countFrom: now,
      lastThrottledAt: now,
    });
  }

  /** @returns ms that this partition key has to wait before its next operation; 0: it may go */
  wait(partition: string, now: number): number {
    const hot = this.#hot.get(partition);
    if (hot === undefined) return 0;
    const { rate } = hot.probe;
    const filled = hot.level + ((now - hot.filledAt) / 1000) * rate;
    hot.level = Math.min(rate * BURST_SECONDS, filled);
    hot.filledAt = now;
    if (hot.level >= 0) return 0;
    hot.binding = true;
    // The key waits until it may send a full burst: a wait for each operation would cost more than it saves.
    return ((rate * BURST_SECONDS - hot.level) / rate) * 1000;
  }

  /** Debits an operation of the key that was sent, in write units. */
  sent(partition: string, units: number): void {
    const hot = this.#hot.get(partition);
    if (hot !== undefined) hot.level -= units;
  }

  /** Counts an answered operation. @returns whether its key is a hot one */
  count({ partition, units, throttled }: Attempt, sentAt: number, now: number): boolean {
    const hot = this.#hot.get(partition);
    if (hot === undefined) return false;
    if (sentAt < hot.countFrom) return true;
    if (throttled) {
      hot.throttled += units;
      hot.lastThrottledAt = now;
    } else hot.passed += units;
    return true;
  }

  /** Adjusts each key's rate. */
  step(now: number): void {
    for (const [partition, hot] of this.#hot) {
      if (now - hot.lastThrottledAt > COOLED_AFTER_MS) this.#hot.delete(partition);
      const elapsed = now - hot.stepAt;
      if (elapsed < STEP_MS || (hot.passed + hot.throttled < STEP_UNITS && elapsed < LONGEST_STEP_MS)) continue;
      const { rate } = hot.probe;
      const { passed, throttled, binding } = hot;
      const next = hot.probe.step({ seconds: elapsed / 1000, passed, throttled, binding }, BOUNDS);
      if (next < rate) hot.countFrom = now;
      Object.assign(hot, { passed: 0, throttled: 0, binding: false, stepAt: now });
    }
  }
}

const BOUNDS = { lowest: LOWEST_RATE, highest: Infinity };
