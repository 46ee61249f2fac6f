/**
 * Says how much of the budget an on-demand table is given: what it is warm for at first, and every 30 minutes twice
 * what it has shown that it takes, never more than twice what it was given before (AWS: a table takes up to twice its
 * previous peak within 30 minutes). Index writes count as well, so that with indexes it is less than the table itself
 * would take.
 */

const STEP_MS = 30 * 60_000;

export class WarmUp {
  #budget: number;
  /** What the table takes at once, as far as is known, in units a second. */
  #warm: number;
  #steppedAt: number;
  #peak = 0;

  /**
   * @param budget what it may rise to, in units a second
   * @param warmUnits null: this is no on-demand table
   * @param now monotonic ms
   */
  constructor(budget: number, warmUnits: number | null, now: number) {
    this.#budget = budget;
    this.#warm = warmUnits ?? Infinity;
    this.#steppedAt = now;
  }

  /** Capacity units a second for all shards together. */
  get units(): number {
    return Math.min(this.#budget, this.#warm);
  }

  /** Changes what it may rise to, in units a second: a higher budget is reached in the same steps. */
  setBudget(units: number): void {
    this.#budget = units;
  }

  /**
   * Takes note of what was consumed lately.
   * @param unitsPerSecond of all shards together
   * @param now monotonic ms
   * @returns whether `units` has risen
   */
  consumed(unitsPerSecond: number, now: number): boolean {
    this.#peak = Math.max(this.#peak, unitsPerSecond);
    const before = this.units;
    if (before >= this.#budget || now - this.#steppedAt < STEP_MS) return false;
    this.#steppedAt = now;
    this.#warm = Math.max(before, 2 * Math.min(before, this.#peak));
    this.#peak = 0;
    return this.units > before;
  }
}
