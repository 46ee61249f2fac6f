/**
 * What was granted and what was spent in the last ten seconds, in slots of 25 ms. A bucket that keeps up to one second's worth could,
 * after a pause, spend eleven seconds' worth in ten; held to `balance` as well, it spends in any ten seconds what ten
 * seconds grant, and a pause is still made up for.
 */

const SLOT_MS = 25;
/** Ten seconds whole, besides the slot that is being filled. */
const SLOTS = 10_000 / SLOT_MS + 1;

export class SpentWindow {
  /** Granted minus spent, slot by slot. */
  readonly #slots = new Float64Array(SLOTS);
  #slot: number;
  #balance = 0;

  constructor(now: number) {
    this.#slot = Math.floor(now / SLOT_MS);
  }

  /** Units granted and not spent in the window; below zero: more was spent than granted. */
  get balance(): number {
    return this.#balance;
  }

  /** `units` were granted evenly between the two times, in monotonic ms. */
  grant(units: number, from: number, to: number): void {
    if (to <= from) return;
    const perMs = units / (to - from);
    // What is older than the window would fall out of it at once.
    let at = Math.max(from, (Math.floor(to / SLOT_MS) - SLOTS) * SLOT_MS);
    this.#turnTo(Math.floor(at / SLOT_MS));
    while (at < to) {
      const end = Math.min(to, (this.#slot + 1) * SLOT_MS);
      this.#add(perMs * (end - at));
      at = end;
      if (at < to) this.#turnTo(this.#slot + 1);
    }
  }

  /** Spent in the slot that `grant` came to last; negative: given back. */
  spend(units: number): void {
    this.#add(-units);
  }

  #add(units: number): void {
    const index = this.#slot % SLOTS;
    this.#slots[index] = (this.#slots[index] ?? 0) + units;
    this.#balance += units;
  }

  #turnTo(slot: number): void {
    if (slot <= this.#slot) return;
    if (slot - this.#slot >= SLOTS) this.#slots.fill(0);
    else for (let next = this.#slot + 1; next <= slot; next++) this.#slots[next % SLOTS] = 0;
    this.#slot = slot;
    // Summed anew: differences of fractions would add up over weeks.
    this.#balance = this.#slots.reduce((sum, units) => sum + units, 0);
  }
}
