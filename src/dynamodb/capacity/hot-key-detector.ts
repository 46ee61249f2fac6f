/**
 * HotKeyDetector distinguishes hot partition keys from a table that throttles as a whole.
 *
 * A table that lacks capacity throttles whichever items come. A hot partition key is throttled again and again while
 * the others pass. The service names the cause only if it throttles a whole request, so the counts decide. The detector
 * counts only partition keys that were throttled lately, one by one. While nothing is throttled, it counts nothing.
 */

/** An attempt is one operation of an answered request. */
export interface Attempt {
  readonly partition: string;
  readonly units: number;
  readonly throttled: boolean;
}

/** A step count is the write units of a step, without those of hot partition keys. */
export interface StepCount {
  readonly passed: number;
  readonly throttled: number;
}

export interface HotKey {
  readonly partition: string;
  /** Write units a second that passed, and that the writer tried, since the first throttle of the key. */
  readonly passedPerSecond: number;
  readonly triedPerSecond: number;
}

/** A suspicion counts the write units of one partition key from its first throttle on. */
interface Suspicion {
  /** Monotonic ms of the first throttle. */
  readonly since: number;
  passed: number;
  throttled: number;
  /** Throttled operations, whatever their size. */
  throttles: number;
  /** The service itself named a key range as too hot. */
  named: boolean;
  /** Monotonic ms. */
  lastThrottledAt: number;
}

/** A key with fewer throttled operations than this is not hot: they may be chance. */
const FEW = 3;
/** A hot key has more than this share of its own attempts throttled. */
const OWN_SHARE = 0.1;
/**
 * A hot key is throttled by so many standard deviations more than at the share of the others. A table has thousands of
 * keys, so chance hits some of them.
 */
const DEVIATIONS = 5;
/** With fewer write units of other keys, there is nothing to compare with. */
const ENOUGH_OTHERS = 20;
/** After this long without a throttle, the detector stops counting a key by itself. */
const FORGET_AFTER_MS = 2_000;
/** With more throttled keys than this, the table is the cause, not a single key. */
const MOST_SUSPICIONS = 2_000;
/**
 * This part of the sums over all keys stays from step to step. So they look back over about a second (five steps of 200
 * ms).
 */
const KEEP = 0.8;

export class HotKeyDetector {
  readonly #suspicions = new Map<string, Suspicion>();
  #passed = 0;
  #throttled = 0;
  #passedBefore = 0;
  #refusedBefore = 0;

  /** True while single partition keys are counted. Then `count` needs every attempt, else only throttled ones. */
  get watching(): boolean {
    return this.#suspicions.size > 0;
  }

  /** Counts attempts of keys that need no count of their own. */
  countPassed(units: number): void {
    this.#passed += units;
  }

  /**
   * Counts one attempt.
   * @param named the service named key ranges as too hot
   * @param now monotonic ms
   */
  count({ partition, units, throttled }: Attempt, named: boolean, now: number): void {
    if (throttled) this.#throttled += units;
    else this.#passed += units;
    const suspicion = this.#suspicions.get(partition) ?? (throttled ? this.#suspect(partition, now) : undefined);
    if (suspicion === undefined) return;
    if (!throttled) {
      suspicion.passed += units;
      return;
    }
    suspicion.throttled += units;
    suspicion.throttles += 1;
    suspicion.named ||= named;
    suspicion.lastThrottledAt = now;
  }

  /** Units counted in this step so far. */
  get counted(): number {
    return this.#passed + this.#throttled;
  }

  /**
   * Ends a step.
   * @param now monotonic ms
   * @returns its counts, and the partition keys that turned out to be hot; they are forgotten here
   */
  settle(now: number): { readonly others: StepCount; readonly hot: readonly HotKey[] } {
    const all = { passed: this.#passed + this.#passedBefore, throttled: this.#throttled + this.#refusedBefore };
    const hot: HotKey[] = [];
    let throttled = this.#throttled;
    // The most throttled key comes first: without it, the share of the others is right.
    const suspicions = [...this.#suspicions].sort(([, a], [, b]) => b.throttled - a.throttled);
    for (const [partition, suspicion] of suspicions) {
      const others = {
        passed: Math.max(0, all.passed - suspicion.passed),
        throttled: Math.max(0, all.throttled - suspicion.throttled),
      };
      if (!isHot(suspicion, others)) {
        if (now - suspicion.lastThrottledAt > FORGET_AFTER_MS) this.#suspicions.delete(partition);
        continue;
      }
      all.passed = others.passed;
      all.throttled = others.throttled;
      throttled = Math.max(0, throttled - suspicion.throttled);
      const seconds = Math.max(0.05, (now - suspicion.since) / 1000);
      const passedPerSecond = suspicion.passed / seconds;
      hot.push({ partition, passedPerSecond, triedPerSecond: passedPerSecond + suspicion.throttled / seconds });
      this.#suspicions.delete(partition);
    }
    const others = { passed: this.#passed, throttled };
    this.#passedBefore = all.passed * KEEP;
    this.#refusedBefore = all.throttled * KEEP;
    this.#passed = 0;
    this.#throttled = 0;
    return { others, hot };
  }

  #suspect(partition: string, now: number): Suspicion | undefined {
    if (this.#suspicions.size >= MOST_SUSPICIONS) return undefined;
    const suspicion = { since: now, passed: 0, throttled: 0, throttles: 0, named: false, lastThrottledAt: now };
    this.#suspicions.set(partition, suspicion);
    return suspicion;
  }
}

function isHot(own: Suspicion, others: StepCount): boolean {
  if (own.throttles < FEW) return false;
  const sum = others.passed + others.throttled;
  if (sum < ENOUGH_OTHERS) return own.named;
  const tried = own.passed + own.throttled;
  const expected = (tried * others.throttled) / sum;
  return own.throttled > OWN_SHARE * tried && own.throttled > expected + FEW + DEVIATIONS * Math.sqrt(expected);
}
