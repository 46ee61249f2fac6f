/**
 * When a failed request is tried again: full jitter, so that many writers that failed together do not come back
 * together; and how long a target may fail without any progress at all before the run gives up.
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

/** Failed tries that prove enough, however much of the time between them was spent on waiting for the budget. */
const ENOUGH_TRIES = 10;

/**
 * Time since the last sign of progress, counted from the first failure after it. Waiting for the budget is no failure:
 * while it holds everything back and no request is under way, the time does not count (`heldBack`, `released`). So a
 * budget that pays for one request in minutes does not make two failures look like minutes of them. Many tries are
 * many, though: a table that refuses all of them is given up in time also where the rate was turned down for it.
 */
export class NoProgressDeadline {
  readonly #seconds: () => number;
  #failingSince: number | null = null;
  #tries = 0;
  /** Of the time since then, in ms. */
  #heldBackMs = 0;
  #heldBackSince: number | null = null;

  /** @param seconds how long failures may last; read at each failure */
  constructor(seconds: () => number) {
    this.#seconds = seconds;
  }

  progress(): void {
    this.#failingSince = null;
    this.#tries = 0;
    this.#heldBackMs = 0;
  }

  /** From now on nothing is tried, for want of budget; may be said again. */
  heldBack(now: number): void {
    this.#heldBackSince ??= now;
  }

  /** Something is tried again. */
  released(now: number): void {
    if (this.#heldBackSince !== null) this.#heldBackMs += now - this.#heldBackSince;
    this.#heldBackSince = null;
  }

  /**
   * To be called at each failure.
   * @returns true once failures have lasted longer than the limit, without progress in between
   */
  exhaustedBy(now: number): boolean {
    if (this.#failingSince === null) {
      this.#failingSince = now;
      this.#heldBackMs = 0;
    }
    this.#tries += 1;
    const failingMs = now - this.#failingSince;
    return failingMs - (this.#tries < ENOUGH_TRIES ? this.#heldBackMs : 0) >= this.#seconds() * 1000;
  }
}
