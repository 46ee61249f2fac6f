/**
 * WriteCost and ReadEstimate estimate the cost of a request before the service reports it, by what earlier requests
 * cost. Puts cost their own units times a factor, for indexes and larger old items. A delete costs the units of the
 * deleted item, whose size is unknown. A read costs its own units times a factor, for what the target holds beyond the
 * mapped item.
 */
import { readUnits } from '../../core/capacity/capacity-units.js';

/** Weight of the newest batch: about seven batches learn half of a change (0.9 ** 7 is 0.48). */
const WEIGHT = 0.1;

/**
 * The service reports one sum for a batch. A batch of puts alone, or of deletes alone, shows what its kind costs. In a
 * batch of both, the costs of puts are known better: so the deletes learn from what the puts do not explain. A delete
 * costs one unit at least, so what remains then is the most that the puts can have cost. If the estimate for puts is
 * higher, it is wrong, and the puts learn too.
 */
export class WriteCost {
  #put: number;
  #delete: number;
  #sawDeletes = false;

  /** @param initial consumed units for each unit: 1, or 1 + the number of indexes that items appear in */
  constructor(initial = 1) {
    this.#put = initial;
    this.#delete = initial;
  }

  /** Consumed units for each unit of a put's own item. */
  get ofPutUnit(): number {
    return this.#put;
  }

  /** Consumed units of a delete. */
  get ofDelete(): number {
    return this.#delete;
  }

  /**
   * Estimates what operations consume.
   * @param putUnits units of the items of the puts
   * @param deletes number of deletes
   */
  of(putUnits: number, deletes: number): number {
    return putUnits * this.#put + deletes * this.#delete;
  }

  /**
   * Learns from the consumption that the service reported for such operations.
   * @param consumed units of the table and its indexes
   */
  learn(consumed: number, putUnits: number, deletes: number): void {
    const most = consumed - deletes;
    const explained = deletes === 0 ? consumed : Math.min(putUnits * this.#put, most);
    if (deletes > 0) this.#learnDelete((consumed - explained) / deletes);
    if (putUnits > 0 && (deletes === 0 || explained === most)) this.#put += WEIGHT * (explained / putUnits - this.#put);
  }

  /** Follows the first answer at once, since nothing was known before it. */
  #learnDelete(units: number): void {
    this.#delete += (this.#sawDeletes ? WEIGHT : 1) * (units - this.#delete);
    this.#sawDeletes = true;
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
