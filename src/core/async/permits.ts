/**
 * A counting semaphore, first come first served. A wait that was interrupted holds no permit, and keeps none from
 * others. The number of permits may change while they are in use: it is read whenever one is taken or given back.
 */
import { interrupted } from '../errors.js';
import { Waiters } from './waiters.js';

export class Permits {
  readonly #waiters = new Waiters();
  readonly #limit: () => number;
  #held = 0;

  /** @param limit permits at once, 1 or more. A higher one reaches those who wait at the next `take`, `give` or
   *   `handOut`. */
  constructor(limit: number | (() => number)) {
    this.#limit = typeof limit === 'number' ? () => limit : limit;
  }

  /**
   * Waits for a permit. The caller gives it back exactly once.
   * @throws FerryError E_INTERRUPTED: then the caller has none
   */
  async take(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) throw interrupted();
    this.handOut();
    if (this.#held < this.#limit()) this.#held += 1;
    else await this.#waiters.wait(signal);
  }

  give(): void {
    this.#held -= 1;
    this.handOut();
  }

  /**
   * Hands out what a higher limit leaves free: to be called now and then where permits are held for long. Those who
   * wait come first, so that a newcomer never overtakes them.
   */
  handOut(): void {
    while (this.#held < this.#limit() && this.#waiters.wakeOne()) this.#held += 1;
  }
}
