/** A gate at which waiters sleep until an event wakes them. Each woken waiter checks again whether it may go on. */
import { Waiters } from './waiters.js';

export class Gate {
  readonly #waiters = new Waiters();

  get waiting(): boolean {
    return this.#waiters.size > 0;
  }

  /** Resolves at the next `wake`, or when the signal aborts. It throws nothing. */
  async wait(signal?: AbortSignal): Promise<void> {
    await this.#waiters.wait(signal).catch(() => undefined);
  }

  /** Wakes the waiter that has waited longest. */
  wakeOne(): void {
    this.#waiters.wakeOne();
  }

  wake(): void {
    this.#waiters.wakeAll();
  }
}
