/**
 * CostFactor and ReadEstimate say what a request will cost before the service does: its own units times a learned
 * factor. The factor covers what indexes and larger old items add to a write, what a delete takes, and what the target
 * holds beyond the mapped item at a read.
 */
import { readUnits } from '../../core/capacity/capacity-units.js';

/** Weight of the newest batch: half of a change is learned in about seven batches. */
const WEIGHT = 0.1;

export class CostFactor {
  #factor: number;

  /** @param initial consumed units for each computed one: 1, or 1 + the number of indexes that items appear in */
  constructor(initial = 1) {
    this.#factor = initial;
  }

  get factor(): number {
    return this.#factor;
  }

  /** Takes in what the service reported. @param consumed units, as `computed` */
  learn(consumed: number, computed: number): void {
    if (computed > 0) this.#factor += WEIGHT * (consumed / computed - this.#factor);
  }
}

/** AWS: an item has 400 KB at most. */
const MOST_READ_UNITS = readUnits(400 * 1024);

/**
 * Read units of a key, by those of the item that is expected there. What the target holds may be a hundred times
 * larger, and requests under way tell nothing yet. So the estimate follows a rise at once and a fall slowly, and
 * assumes the worst before the first answer. It is never below the item itself: a missing item costs one unit, but the
 * next one may be there.
 */
export class ReadEstimate {
  #factor: number | null = null;

  /** @param computed read units of the expected item @returns read units to debit, at most; the rest comes back */
  most(computed: number): number {
    return Math.min(MOST_READ_UNITS, computed * (this.#factor ?? MOST_READ_UNITS));
  }

  /** @returns the read units that are likely */
  likely(computed: number): number {
    return Math.min(MOST_READ_UNITS, computed * (this.#factor ?? 1));
  }

  learn(consumed: number, computed: number): void {
    if (computed <= 0) return;
    const ratio = Math.max(1, consumed / computed);
    if (this.#factor === null || ratio > this.#factor) this.#factor = ratio;
    else this.#factor += WEIGHT * (ratio - this.#factor);
  }
}
