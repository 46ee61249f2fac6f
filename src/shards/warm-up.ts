/**
 * How much of the budget an on-demand table is given: what it is warm for at first, and every 30 minutes as much as it
 * has shown that it takes twice over, never more than twice what it was given before (AWS: a table takes up to twice
 * its previous peak within 30 minutes). Index writes count as well, so that with indexes it is less than the table
 * itself would take.
 */

const STEP_MS = 30 * 60_000;

export class WarmUp {
  readonly #budget: number;
  #units: number;
  #steppedAt: number;
  #peak = 0;

  /** @param budget what it may rise to @param warmUnits null: this is no on-demand table @param now monotonic ms */
  constructor(budget: number, warmUnits: number | null, now: number) {
    this.#budget = budget;
    this.#units = Math.min(budget, warmUnits ?? budget);
    this.#steppedAt = now;
  }

  /** Capacity units per second for all shards together. */
  get units(): number {
    return this.#units;
  }

  /** Tells what was consumed lately, units per second of all shards. @returns whether `units` has risen */
  consumed(unitsPerSecond: number, now: number): boolean {
    this.#peak = Math.max(this.#peak, unitsPerSecond);
    if (this.#units >= this.#budget || now - this.#steppedAt < STEP_MS) return false;
    this.#steppedAt = now;
    const before = this.#units;
    this.#units = Math.min(this.#budget, Math.max(before, 2 * Math.min(before, this.#peak)));
    this.#peak = 0;
    return this.#units > before;
  }
}
