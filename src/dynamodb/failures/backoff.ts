/**
 * Backoff says when to try a failed request again, and NoProgressDeadline when the run gives up. Delays have full
 * jitter, so that many writers that failed together do not return together.
 */

/** Delays start at BASE_MS, double with each try, and stop growing at CAP_MS. */
const BASE_MS = 50;
const CAP_MS = 5000;
/** A key range above its 1,000 write units a second needs longer than a table that lacks capacity for a moment. */
const HOT_KEY_RANGE_BASE_MS = 250;

/**
 * Draws a delay with "full jitter": evenly between 0 and the exponential bound, but never below 1 ms.
 * @param attempt tries without progress so far, from 1
 * @param random evenly in [0, 1)
 * @returns ms to wait
 */
export function retryDelay(attempt: number, random: () => number, hotKeyRange = false): number {
  const base = hotKeyRange ? HOT_KEY_RANGE_BASE_MS : BASE_MS;
  const bound = Math.min(CAP_MS, base * 2 ** Math.min(attempt, 16));
  return Math.max(1, Math.floor(random() * bound));
}

/** From this many failed tries on, the deadline also counts the time in which they waited for the budget. */
const ENOUGH_TRIES = 10;

/**
 * Counts the time since the last progress, from the first failure after it. Time in which the budget holds everything
 * back does not count (`heldBack`, `released`). With a budget that pays for one request in minutes, two failures are
 * not minutes of failure. Many failed tries count in any case, so dynaferry gives up in time on a table that throttles
 * them all.
 */
export class NoProgressDeadline {
  readonly #seconds: () => number;
  #failingSince: number | null = null;
  #tries = 0;
  /** Milliseconds since the first failure in which the budget held everything back. */
  #heldBackMs = 0;
  #heldBackSince: number | null = null;

  /** @param seconds returns how long failures may last; the deadline reads it at each failure */
  constructor(seconds: () => number) {
    this.#seconds = seconds;
  }

  progress(): void {
    this.#failingSince = null;
    this.#tries = 0;
    this.#heldBackMs = 0;
  }

  /**
   * Notes that nothing is tried from now on, since the budget is spent. A caller may call it again. @param now
   * monotonic ms
   */
  heldBack(now: number): void {
    this.#heldBackSince ??= now;
  }

  /** Notes that something is tried again. @param now monotonic ms */
  released(now: number): void {
    if (this.#heldBackSince !== null) this.#heldBackMs += now - this.#heldBackSince;
    this.#heldBackSince = null;
  }

  /**
   * Counts a failure: call it at each one.
   * @param now monotonic ms
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
