/**
 * What was granted and what was spent in the last ten seconds, in slots of 25 ms. A bucket that keeps up to one
 * second's worth could, after a pause, spend eleven seconds' worth in ten; held to `balance` as well, it spends in any
 * ten seconds what ten seconds grant, and a pause is still made up for.
 *
 * A request reaches the target at some moment between its sending and its answer: a process may be stopped or starved
 * in between, and so may the line. So it counts as spent for as long as it is under way, and for ten seconds from its
 * end on. Take any ten seconds of the target's own clock, and of the requests that it met in them the one that was sent
 * last: all others were under way then, or had ended less than ten seconds before, so they and it were counted
 * together, and are no more than ten seconds' worth.
 */

const SLOT_MS = 25;
/** Ten seconds whole, besides the slot that is being filled. */
const SLOTS = 10_000 / SLOT_MS + 1;

export class SlidingWindow {
  /** Granted minus spent, slot by slot. */
  readonly #slots = new Float64Array(SLOTS);
  #slot: number;
  #balance = 0;
  /** Spent by requests without an answer so far. */
  #underWay = 0;

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

  /** Of what was spent in this turn, so much belongs to a request that is on its way from now on. */
  sent(units: number): void {
    this.#underWay += units;
    this.#slots[this.#slot % SLOTS] = (this.#slots[this.#slot % SLOTS] ?? 0) + units;
  }

  /** Such a request has ended, however it did. */
  ended(units: number): void {
    this.#underWay = Math.max(0, this.#underWay - units);
    this.#slots[this.#slot % SLOTS] = (this.#slots[this.#slot % SLOTS] ?? 0) - units;
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
    this.#balance = this.#slots.reduce((sum, units) => sum + units, 0) - this.#underWay;
  }
}
