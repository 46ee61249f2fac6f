/**
 * A counting semaphore, first come first served. A wait that was interrupted holds no permit, and keeps none from
 * others.
 */
import { interrupted } from '../errors.js';
import { Waiters } from './waiters.js';

export class Permits {
  readonly #waiters = new Waiters();

  constructor(private free: number) {}

  /**
   * Waits for a permit; whoever got one gives it back exactly once.
   * @throws FerryError E_INTERRUPTED: then none was taken
   */
  async take(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw interrupted();
    if (this.free > 0) this.free -= 1;
    else await this.#waiters.wait(signal);
  }

  give(): void {
    // Handed on, not freed: nobody who comes now overtakes those who wait.
    if (!this.#waiters.wakeOne()) this.free += 1;
  }
}
