/**
 * Backpressure decides which caller may bring operations next: the one that has waited longest. It admits one caller at
 * a time, since each brings thousands. The next one comes once the first has brought its operations, or has none.
 */
import { Gate } from '../../core/async/wake-up.js';

export class Backpressure {
  readonly #hasCapacity: () => boolean;
  readonly #gate = new Gate();
  #next: NodeJS.Immediate | null = null;

  constructor(hasCapacity: () => boolean) {
    this.#hasCapacity = hasCapacity;
  }

  /** Waits until the caller should look whether there is room, or until the signal aborts. */
  async wait(signal: AbortSignal): Promise<void> {
    await this.#gate.wait(signal);
  }

  /** Wakes the next caller if there is room. */
  admit(): void {
    if (!this.#hasCapacity()) return;
    this.#gate.wakeOne();
    if (this.#next !== null) return;
    this.#next = setImmediate(() => {
      this.#next = null;
      if (this.#gate.waiting) this.admit();
    });
  }

  /** Wakes every caller: the writer has ended. */
  end(): void {
    this.#gate.wake();
  }
}
