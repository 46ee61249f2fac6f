/**
 * A counting semaphore that serves waiters in the order of their calls. An interrupted wait holds no permit and takes
 * none from others. The number of permits may change at any time: the semaphore reads it at each `take`, `give` and
 * `handOut`.
 */
import { interrupted } from '../errors.js';
import { Waiters } from './waiters.js';

export class Permits {
  readonly #waiters = new Waiters();
  readonly #limit: () => number;
  #held = 0;

  /**
   * @param limit maximum number of permits in use, 1 or more. Waiters see a higher limit at the next `take`, `give` or
   * `handOut`
   */
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
   * Hands out the permits that a higher limit has freed. Call it now and then where callers hold permits for long.
   * Waiters come first, so that a newcomer never overtakes them.
   */
  handOut(): void {
    while (this.#held < this.#limit() && this.#waiters.wakeOne()) this.#held += 1;
  }
}
