/**
 * Capacity that fills evenly and saves up what was not used, for so many seconds. It serves a request whole, or not at
 * all.
 */
export class CapacityBucket {
  #rate: number;
  readonly #burstSeconds: number;
  #level: number;
  #filledAt: number;

  /** @param saved at the start, in seconds' worth */
  constructor(rate: number, burstSeconds: number, saved: number, now: number) {
    this.#rate = rate;
    this.#burstSeconds = burstSeconds;
    this.#level = rate * saved;
    this.#filledAt = now;
  }

  get rate(): number {
    return this.#rate;
  }

  setRate(rate: number, now: number): void {
    this.#fill(now);
    this.#rate = rate;
  }

  has(units: number, now: number): boolean {
    this.#fill(now);
    // An item larger than a whole second's worth passes when the bucket is full.
    return this.#level >= Math.min(units, this.#rate * this.#burstSeconds) - 1e-9;
  }

  take(units: number): void {
    this.#level -= units;
  }

  #fill(now: number): void {
    const filled = this.#level + ((now - this.#filledAt) / 1000) * this.#rate;
    this.#level = Math.min(this.#rate * this.#burstSeconds, filled);
    this.#filledAt = now;
  }
}
