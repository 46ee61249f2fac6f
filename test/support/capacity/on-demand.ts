/**
 * The capacity of an on-demand table. It starts with what the table is warm for. Every 30 minutes it grows up to twice
 * the highest second so far, and never to more than twice what it was before.
 */

const STEP_MS = 30 * 60_000;

export class OnDemandCapacity {
  #allowed: number;
  #steppedAt: number;
  #peak = 0;
  #second = 0;
  #inSecond = 0;

  constructor(warmUnits: number, now: number) {
    this.#allowed = warmUnits;
    this.#steppedAt = now;
  }

  /** Units a second that are allowed now. */
  at(now: number): number {
    if (now - this.#steppedAt >= STEP_MS) {
      this.#allowed = Math.max(this.#allowed, 2 * Math.min(this.#allowed, this.#peak));
      this.#steppedAt = now;
    }
    return this.#allowed;
  }

  consumed(units: number, now: number): void {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#inSecond = 0;
    }
    this.#inSecond += units;
    this.#peak = Math.max(this.#peak, this.#inSecond);
  }
}
