/**
 * What an item will cost before the service says so: its own write units times a learned factor for what indexes and
 * larger old items add.
 */

const BYTES_PER_WRITE_UNIT = 1024;
const BYTES_PER_READ_UNIT = 4096;
/** Weight of the newest batch: half of a change is learned in about seven batches. */
const WEIGHT = 0.1;

/** Write units of one item in the base table: whole KB, rounded up for each item (AWS, write capacity units). */
export function writeUnits(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / BYTES_PER_WRITE_UNIT));
}

/** Read units of one strongly consistent read: 4 KB each, rounded up for each item (AWS, read capacity units). */
export function readUnits(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / BYTES_PER_READ_UNIT));
}

export class CostFactor {
  #factor: number;

  /** @param initial consumed units for each computed one: 1, or 1 + the number of indexes that items appear in */
  constructor(initial = 1) {
    this.#factor = initial;
  }

  get factor(): number {
    return this.#factor;
  }

  learn(consumed: number, computed: number): void {
    if (computed > 0) this.#factor += WEIGHT * (consumed / computed - this.#factor);
  }
}
