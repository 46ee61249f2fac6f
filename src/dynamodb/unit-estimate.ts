/**
 * What an item will cost before the service says so: its own write units times a learned factor for what indexes and
 * larger old items add.
 */

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

  learn(consumed: number, computed: number): void {
    if (computed > 0) this.#factor += WEIGHT * (consumed / computed - this.#factor);
  }
}
