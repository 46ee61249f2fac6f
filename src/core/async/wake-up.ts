/** Waits for something that happens now and then. Each waiter that is woken looks again whether it may go on. */
import { Waiters } from './waiters.js';

export class Gate {
  readonly #waiters = new Waiters();

  get waiting(): boolean {
    return this.#waiters.size > 0;
  }

  /** Resolves at the next `wake`, or when the signal aborts. */
  async wait(signal?: AbortSignal): Promise<void> {
    await this.#waiters.wait(signal).catch(() => undefined);
  }

  /** The one that waits longest. */
  wakeOne(): void {
    this.#waiters.wakeOne();
  }

  wake(): void {
    this.#waiters.wakeAll();
  }
}
