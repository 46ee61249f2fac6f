/**
 * Partition keys that are too hot for their partition, each held to the rate that it is found to take
 * (`rate-probe.ts`), so that it waits alone: 1,000 write units a second on AWS. One that is throttled nothing for a while
 * is like all others again.
 */
import { RateProbe } from './rate-probe.js';
import type { Attempt, HotKey } from './hot-key-detector.js';

interface HotPartition {
  readonly probe: RateProbe;
  /** Units that may be sent; below zero it waits. */
  level: number;
  filledAt: number;
  /** Of the present step. */
  passed: number;
  throttled: number;
  binding: boolean;
  stepAt: number;
  /** Attempts sent before do not count: they went out at a rate that was given up. */
  countFrom: number;
  lastThrottledAt: number;
}

const STEP_MS = 200;
const LONGEST_STEP_MS = 2_000;
const STEP_UNITS = 25;
/** What a key may send at once after it was silent, in seconds' worth. */
const BURST_SECONDS = 0.05;
/** Units a second: a single key is tried so often whatever it throttles. */
const LOWEST_RATE = 20;
const COOLED_AFTER_MS = 60_000;

export class HotPartitions {
  readonly #hot = new Map<string, HotPartition>();

  get size(): number {
    return this.#hot.size;
  }

  partitions(): Iterable<string> {
    return this.#hot.keys();
  }

  /** Where next to nothing passed, half of what was tried is as good a guess as any. */
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

  /** ms that this partition key has to wait before its next item; 0: it may go. */
  wait(partition: string, now: number): number {
    const hot = this.#hot.get(partition);
    if (hot === undefined) return 0;
    const { rate } = hot.probe;
    const filled = hot.level + ((now - hot.filledAt) / 1000) * rate;
    hot.level = Math.min(rate * BURST_SECONDS, filled);
    hot.filledAt = now;
    if (hot.level >= 0) return 0;
    hot.binding = true;
    // To a full burst again: a wait for each item would cost more than it spares.
    return ((rate * BURST_SECONDS - hot.level) / rate) * 1000;
  }

  /** An item of it was sent. */
  sent(partition: string, units: number): void {
    const hot = this.#hot.get(partition);
    if (hot !== undefined) hot.level -= units;
  }

  /** An item of it was answered. @returns whether it is one of the hot ones */
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

  /** Looks whether rates are to change. */
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
