/**
 * SlidingWindow sums what was granted and what was spent in the last ten seconds, in slots of 25 ms.
 *
 * After a pause, a bucket that keeps up to one second's worth could spend eleven seconds' worth in ten. If it also
 * keeps to `balance`, it spends in any ten seconds what ten seconds grant, and still makes up for a pause.
 *
 * A request reaches the target between its sending and its answer, and a process or a line may stop in between. So its
 * units count as spent while it is under way, and for ten seconds after its end. Proof: take the requests that the
 * target met in any ten seconds of its own clock, and the one of them that was sent last. All others were under way at
 * that time, or had ended less than ten seconds before. So they all counted together, and are at most ten seconds'
 * worth.
 */

const SLOT_MS = 25;
/** Ten whole seconds, and the slot that is being filled. */
const SLOTS = 10_000 / SLOT_MS + 1;

export class SlidingWindow {
  /** Units granted minus units spent, slot by slot. */
  readonly #slots = new Float64Array(SLOTS);
  #slot: number;
  #balance = 0;
  /** Units spent by requests without an answer so far. */
  #underWay = 0;

  constructor(now: number) {
    this.#slot = Math.floor(now / SLOT_MS);
  }

  /** Units granted and not spent in the window. Below zero, more was spent than granted. */
  get balance(): number {
    return this.#balance;
  }

  /** Adds `units`, granted evenly between two times. @param from monotonic ms, as `to` */
  grant(units: number, from: number, to: number): void {
    if (to <= from) return;
    const perMs = units / (to - from);
    // Slots older than the window would leave it at once.
    let at = Math.max(from, (Math.floor(to / SLOT_MS) - SLOTS) * SLOT_MS);
    this.#turnTo(Math.floor(at / SLOT_MS));
    while (at < to) {
      const end = Math.min(to, (this.#slot + 1) * SLOT_MS);
      this.#add(perMs * (end - at));
      at = end;
      if (at < to) this.#turnTo(this.#slot + 1);
    }
  }

  /** Takes units from the slot that `grant` reached last. A negative number gives them back. */
  spend(units: number): void {
    this.#add(-units);
  }

  /** Counts the units as those of a request that is under way from now on. */
  sent(units: number): void {
    this.#underWay += units;
    this.#slots[this.#slot % SLOTS] = (this.#slots[this.#slot % SLOTS] ?? 0) + units;
  }

  /** Notes that a request has ended that was given to `sent`. */
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
    // Computes the sum again: rounding errors of differences would add up over weeks.
    this.#balance = this.#slots.reduce((sum, units) => sum + units, 0) - this.#underWay;
  }
}
