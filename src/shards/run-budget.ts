/**
 * The budget of a run, shared out to its shards. Three things bound it: what the operator allows, what an on-demand
 * table is warm for (`warm-up.ts`), and the part that other runs of this machine leave (`wiring/shared-budget.ts`). The
 * least of them holds, and running shards have equal parts of it (`core/capacity/budget-shares.ts`).
 */
import { BudgetShares } from '../core/capacity/budget-shares.js';
import type { Fault } from '../core/errors.js';
import { LOOK_EVERY_MS, type SharedBudget } from '../wiring/shared-budget.js';
import { WarmUp } from './warm-up.js';

/**
 * Each process may spend one debit (0.4% of ten seconds) beyond its part: with this part of the budget in use, the run
 * stays below all of it.
 */
const SHARED_OUT = 0.995;

export interface BudgetOptions {
  /** Capacity units a second for all shards together, and for other runs of this machine. */
  readonly units: number;
  /** What an on-demand table is warm for, in the same units; null where the table is none. */
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
  /** What each shard consumed lately, in units a second. */
  readonly #consumed = new Map<H, number>();

  constructor({ units, warmUnits, shared, onWarning }: BudgetOptions) {
    this.#warmUp = new WarmUp(units, warmUnits, performance.now());
    this.#shared = shared;
    this.#onWarning = onWarning;
    this.#parts = new BudgetShares(0, () => this.#look());
    this.#look();
    this.#looking = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  /** @param give brings the holder its part, in units a second, whenever that changes; it starts with nothing */
  join(holder: H, give: (units: number) => void): void {
    this.#parts.join(holder, give);
  }

  /** The holder has confirmed its part: it spends so many units a second at most. */
  granted(holder: H, units: number): void {
    this.#parts.granted(holder, units);
  }

  /** The holder has ended: its part is free. Once is enough. */
  leave(holder: H): void {
    this.#consumed.delete(holder);
    this.#parts.leave(holder);
  }

  /** The holder is at rest: the others have its part once it has answered that it spends nothing. */
  suspend(holder: H): void {
    this.#parts.suspend(holder);
  }

  /** The holder goes on: it has an equal part again. */
  restore(holder: H): void {
    this.#parts.restore(holder);
  }

  /** The most that a holder may be spending now, in units a second. */
  partOf(holder: H): number {
    return this.#parts.heldBy(holder);
  }

  /** Changes what the operator allows, in units a second: a lower budget holds as soon as the shards have answered. */
  setUnits(units: number): void {
    this.#warmUp.setBudget(units);
    this.#look();
  }

  /** Takes note of what a holder consumed lately, in units a second: a table that takes much is given more. */
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

  #look(): void {
    const whole = SHARED_OUT * this.#warmUp.units;
    this.#parts.setTotal(whole * this.#shared.look(this.#parts.inUse / whole));
    const warning = this.#shared.warning();
    if (warning !== null) this.#onWarning(warning);
  }
}
