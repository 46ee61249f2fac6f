/**
 * CostFactor and ReadEstimate estimate the cost of a request before the service reports it: its own units times a
 * learned factor. For a write, the factor covers indexes, larger old items and deletes. For a read, it covers what the
 * target holds beyond the mapped item.
 */
import { readUnits } from '../../core/capacity/capacity-units.js';

/** Weight of the newest batch: about seven batches learn half of a change (0.9 ** 7 is 0.48). */
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

  /** Learns from the consumption that the service reported. @param consumed units, as `computed` */
  learn(consumed: number, computed: number): void {
    if (computed > 0) this.#factor += WEIGHT * (consumed / computed - this.#factor);
  }
}

/** AWS: an item has at most 400 KB. */
const MOST_READ_UNITS = readUnits(400 * 1024);

/**
 * Estimates the read units of a key from those of the expected item. The target's item may be a hundred times larger,
 * and requests under way do not show that yet. So the estimate follows a rise at once and a fall slowly, and assumes
 * the worst before the first answer. It is never below the item itself: a missing item costs one unit, but the next one
 * may be there.
 */
export class ReadEstimate {
  #factor: number | null = null;

  /**
   * @param computed read units of the expected item
   * @returns the most read units to debit; the reader gives back what was not consumed
   */
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
