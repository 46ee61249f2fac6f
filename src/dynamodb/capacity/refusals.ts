/**
 * Who is refused. A table that throttles refuses whichever items come; a hot partition key is refused again and again
 * while the others pass. The service says which of the two it is only where it refuses a whole request, so it is told
 * from what comes back. Only partition keys that were refused lately are counted one by one: as long as nothing is
 * refused, nothing is counted.
 */

/** One item of an answered request, as far as this goes. */
export interface Attempt {
  readonly partition: string;
  readonly units: number;
  readonly refused: boolean;
}

/** What a step came to, without the hot partition keys. */
export interface StepCount {
  readonly passed: number;
  readonly refused: number;
}

export interface HotKey {
  readonly partition: string;
  /** Units a second that passed since it was first refused, and that were tried. */
  readonly passedPerSecond: number;
  readonly triedPerSecond: number;
}

interface Suspicion {
  readonly since: number;
  passed: number;
  refused: number;
  /** Refused items, whatever their size. */
  refusals: number;
  /** The service itself said that a key range is too hot. */
  named: boolean;
  lastRefusal: number;
}

/** So many refusals are no accident, */
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
/** More than these and it is no single key: what the table refuses. */
const MOST_SUSPICIONS = 2_000;
/** What the sums over all keep from step to step: they look back over about a second. */
const KEEP = 0.8;

export class Refusals {
  readonly #suspicions = new Map<string, Suspicion>();
  #passed = 0;
  #refused = 0;
  #passedBefore = 0;
  #refusedBefore = 0;

  /** True while single partition keys are counted: then `count` wants every attempt, else only refused ones. */
  get watching(): boolean {
    return this.#suspicions.size > 0;
  }

  /** Attempts of no interest one by one. */
  countPassed(units: number): void {
    this.#passed += units;
  }

  /** @param named the service said that key ranges are too hot @param now monotonic ms */
  count({ partition, units, refused }: Attempt, named: boolean, now: number): void {
    if (refused) this.#refused += units;
    else this.#passed += units;
    const suspicion = this.#suspicions.get(partition) ?? (refused ? this.#suspect(partition, now) : undefined);
    if (suspicion === undefined) return;
    if (!refused) {
      suspicion.passed += units;
      return;
    }
    suspicion.refused += units;
    suspicion.refusals += 1;
    suspicion.named ||= named;
    suspicion.lastRefusal = now;
  }

  /** Units counted in this step so far. */
  get counted(): number {
    return this.#passed + this.#refused;
  }

  /**
   * Ends a step.
   * @returns what it came to, and the partition keys that turned out to be hot; they are forgotten here
   */
  settle(now: number): { readonly others: StepCount; readonly hot: readonly HotKey[] } {
    const all = { passed: this.#passed + this.#passedBefore, refused: this.#refused + this.#refusedBefore };
    const hot: HotKey[] = [];
    let refused = this.#refused;
    // The most refused one first: without it the share of the others is seen as it is.
    const suspicions = [...this.#suspicions].sort(([, a], [, b]) => b.refused - a.refused);
    for (const [partition, suspicion] of suspicions) {
      const others = {
        passed: Math.max(0, all.passed - suspicion.passed),
        refused: Math.max(0, all.refused - suspicion.refused),
      };
      if (!isHot(suspicion, others)) {
        if (now - suspicion.lastRefusal > FORGET_AFTER_MS) this.#suspicions.delete(partition);
        continue;
      }
      all.passed = others.passed;
      all.refused = others.refused;
      refused = Math.max(0, refused - suspicion.refused);
      const seconds = Math.max(0.05, (now - suspicion.since) / 1000);
      const passedPerSecond = suspicion.passed / seconds;
      hot.push({ partition, passedPerSecond, triedPerSecond: passedPerSecond + suspicion.refused / seconds });
      this.#suspicions.delete(partition);
    }
    const others = { passed: this.#passed, refused };
    this.#passedBefore = all.passed * KEEP;
    this.#refusedBefore = all.refused * KEEP;
    this.#passed = 0;
    this.#refused = 0;
    return { others, hot };
  }

  #suspect(partition: string, now: number): Suspicion | undefined {
    if (this.#suspicions.size >= MOST_SUSPICIONS) return undefined;
    const suspicion = { since: now, passed: 0, refused: 0, refusals: 0, named: false, lastRefusal: now };
    this.#suspicions.set(partition, suspicion);
    return suspicion;
  }
}

function isHot(own: Suspicion, others: StepCount): boolean {
  if (own.refusals < FEW) return false;
  const sum = others.passed + others.refused;
  if (sum < ENOUGH_OTHERS) return own.named;
  const tried = own.passed + own.refused;
  const expected = (tried * others.refused) / sum;
  return own.refused > OWN_SHARE * tried && own.refused > expected + FEW + DEVIATIONS * Math.sqrt(expected);
}
