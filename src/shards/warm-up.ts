/**
 * Says how much of the budget an on-demand table gets. It starts with what the table is warm for. Every 30 minutes, it
 * rises to twice the peak of those minutes, and at most to twice the value before. AWS: a table takes up to twice its
 * previous peak within 30 minutes. Index writes count as well, so with indexes this is less than the table itself would
 * take.
 */

/** Time between two rises, in ms: the 30 minutes of the rule of AWS above. */
const STEP_MS = 30 * 60_000;

export class WarmUp {
  #budget: number;
  /** Units a second that the table takes at once, as far as is known. */
  #warm: number;
  #steppedAt: number;
  #peak = 0;

  /**
   * @param budget the most that it may rise to, in units a second
   * @param warmUnits null: the table is not on demand
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

  /** Changes the most that it may rise to, in units a second. It reaches a higher budget in the same steps. */
  setBudget(units: number): void {
    this.#budget = units;
  }

  /**
   * Notes what was consumed lately.
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
