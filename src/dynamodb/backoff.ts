/**
 * When a failed request is tried again: full jitter, so that many writers that failed together do not come back together;
 * and how long a target may fail without any progress at all before the run gives up.
 */

/** Delays start here, double with each try, and stop growing at `CAP_MS`. */
const BASE_MS = 50;
const CAP_MS = 5000;
/** A key range over its 1,000 WCU needs longer than a table that is briefly full. */
const HOT_KEY_RANGE_BASE_MS = 250;

/**
 * "Full jitter": evenly between 0 and the exponential bound, but never under 1 ms.
 * @param attempt tries without progress so far, from 1
 * @param random evenly in [0, 1)
 * @returns ms to wait
 */
export function retryDelay(attempt: number, random: () => number, hotKeyRange = false): number {
  const base = hotKeyRange ? HOT_KEY_RANGE_BASE_MS : BASE_MS;
  const bound = Math.min(CAP_MS, base * 2 ** Math.min(attempt, 16));
  return Math.max(1, Math.floor(random() * bound));
}

/** Time since the last sign of progress, counted from the first failure after it: waiting for the budget is no failure. */
export class Patience {
  readonly #limitMs: number;
  #failingSince: number | null = null;

  constructor(seconds: number) {
    this.#limitMs = seconds * 1000;
  }

  progress(): void {
    this.#failingSince = null;
  }

  /** @returns true once failures have lasted longer than the limit, without progress in between */
  exhaustedBy(now: number): boolean {
    this.#failingSince ??= now;
    return now - this.#failingSince >= this.#limitMs;
  }
}
