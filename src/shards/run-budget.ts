/**
 * The budget of a run, shared out to its shards. Three bounds apply, and the least of them holds. They are what the
 * operator allows, what an on-demand table is warm for (`warm-up.ts`), and the part that other runs of this machine
 * leave (`wiring/shared-budget.ts`). Running shards have equal parts of it (`core/capacity/budget-shares.ts`). While no
 * shard runs, or all that run are paused, other runs of this machine get the part of this run.
 */
import { BudgetShares } from '../core/capacity/budget-shares.js';
import type { Fault } from '../core/errors.js';
import { LOOK_EVERY_MS, type SharedBudget } from '../wiring/shared-budget.js';
import { WarmUp } from './warm-up.js';

/**
 * Each process may spend one debit (0.4% of ten seconds) beyond its part. With this part of the budget in use, the run
 * stays below the whole budget.
 */
const SHARED_OUT = 0.995;

export interface BudgetOptions {
  /** Capacity units a second for all shards together, and for other runs of this machine. */
  readonly units: number;
  /** The warm throughput of an on-demand table, in the same units; null: the table is not on demand. */
  readonly warmUnits: number | null;
  /** This run's part of them. */
  readonly shared: SharedBudget;
  readonly onWarning: (fault: Fault) => void;
}

export class RunBudget<H> {
  readonly #warmUp: WarmUp;
  readonly #shared: SharedBudget;
  readonly #onWarning: (fault: Fault) => void;
  readonly #parts: BudgetShares<H>;
  readonly #looking: NodeJS.Timeout;
  /** The recent consumption of each shard, in units a second. */
  readonly #consumed = new Map<H, number>();

  constructor({ units, warmUnits, shared, onWarning }: BudgetOptions) {
    this.#warmUp = new WarmUp(units, warmUnits, performance.now());
    this.#shared = shared;
    this.#onWarning = onWarning;
    this.#parts = new BudgetShares(0, () => this.#look());
    this.#look();
    this.#looking = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  /**
   * @param give brings the holder its part, in units a second, whenever that changes; the holder starts with nothing
   */
  join(holder: H, give: (units: number) => void): void {
    this.#change(() => this.#parts.join(holder, give));
  }

  /** Notes that the holder has confirmed its part: it spends at most that many units a second. */
  granted(holder: H, units: number): void {
    this.#parts.granted(holder, units);
  }

  /** Frees the part of a holder that has ended. A second call does nothing. */
  leave(holder: H): void {
    this.#consumed.delete(holder);
    this.#parts.leave(holder);
  }

  /** Notes that the holder is at rest. The others get its part once it has confirmed that it spends nothing. */
  suspend(holder: H): void {
    this.#parts.suspend(holder);
  }

  /** Gives a holder that continues an equal part again. */
  restore(holder: H): void {
    this.#change(() => this.#parts.restore(holder));
  }

  /** Returns the most that a holder may be spending now, in units a second. */
  partOf(holder: H): number {
    return this.#parts.heldBy(holder);
  }

  /**
   * Changes what the operator allows, in units a second. A lower budget holds as soon as the shards have confirmed it.
   */
  setUnits(units: number): void {
    this.#warmUp.setBudget(units);
    this.#look();
  }

  /** Notes what a holder consumed lately, in units a second. A table that takes much gets more. */
  consumed(holder: H, unitsPerSecond: number): void {
    this.#consumed.set(holder, unitsPerSecond);
    const all = [...this.#consumed.values()].reduce((sum, part) => sum + part, 0);
    if (this.#warmUp.consumed(all, performance.now())) this.#look();
  }

  end(): void {
    clearInterval(this.#looking);
    this.#parts.end();
    this.#shared.leave();
  }

  /** Looks at once if the change makes the run want a part again, so that a shard does not wait for the next look. */
  #change(change: () => void): void {
    const wanted = this.#parts.wanted;
    change();
    if (this.#parts.wanted && !wanted) this.#look();
  }

  #look(): void {
    const whole = SHARED_OUT * this.#warmUp.units;
    this.#parts.setTotal(whole * this.#shared.look(this.#parts.inUse / whole, this.#parts.wanted));
    const warning = this.#shared.warning();
    if (warning !== null) this.#onWarning(warning);
  }
}
