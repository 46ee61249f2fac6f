/**
 * Who is throttled. A table that throttles throttles whichever items come; a hot partition key is throttled again and again
 * while the others pass. The service says which of the two it is only where it throttles a whole request, so it is told
 * from what comes back. Only partition keys that were throttled lately are counted one by one: as long as nothing is
 * throttled, nothing is counted.
 */

/** One item of an answered request, as far as this goes. */
export interface Attempt {
  readonly partition: string;
  readonly units: number;
  readonly throttled: boolean;
}

/** What a step came to, without the hot partition keys. */
export interface StepCount {
  readonly passed: number;
  readonly throttled: number;
}

export interface HotKey {
  readonly partition: string;
  /** Units a second that passed since it was first throttled, and that were tried. */
  readonly passedPerSecond: number;
  readonly triedPerSecond: number;
}

interface Suspicion {
  readonly since: number;
  passed: number;
  throttled: number;
  /** Refused items, whatever their size. */
  throttles: number;
  /** The service itself said that a key range is too hot. */
  named: boolean;
  lastThrottledAt: number;
}

/** So many throttles are no accident, */
const FEW = 3;
/** and such a share of its own attempts, */
const OWN_SHARE = 0.1;
/**
 * and so many standard deviations more than it would have at the others' share: a table has thousands of keys, and
 * chance hits some.
 */
const DEVIATIONS = 5;
/** With fewer units of others nothing can be compared. */
const ENOUGH_OTHERS = 20;
const FORGET_AFTER_MS = 2_000;
/** More than these and it is no single key: what the table throttles. */
const MOST_SUSPICIONS = 2_000;
/** What the sums over all keep from step to step: they look back over about a second. */
const KEEP = 0.8;

export class HotKeyDetector {
  readonly #suspicions = new Map<string, Suspicion>();
  #passed = 0;
  #throttled = 0;
  #passedBefore = 0;
  #refusedBefore = 0;

  /** True while single partition keys are counted: then `count` wants every attempt, else only throttled ones. */
  get watching(): boolean {
    return this.#suspicions.size > 0;
  }

  /** Attempts of no interest one by one. */
  countPassed(units: number): void {
    this.#passed += units;
  }

  /** @param named the service said that key ranges are too hot @param now monotonic ms */
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
   * @returns what it came to, and the partition keys that turned out to be hot; they are forgotten here
   */
  settle(now: number): { readonly others: StepCount; readonly hot: readonly HotKey[] } {
    const all = { passed: this.#passed + this.#passedBefore, throttled: this.#throttled + this.#refusedBefore };
    const hot: HotKey[] = [];
    let throttled = this.#throttled;
    // The most throttled one first: without it the share of the others is seen as it is.
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
