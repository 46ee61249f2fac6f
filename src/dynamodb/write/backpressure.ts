/**
 * Who may bring items to the writer next: whoever has waited longest, one at a time, since each brings thousands of
 * them; the next one once the first has brought his, or has none.
 */
import { Gate } from '../../core/async/wake-up.js';

export class Backpressure {
  readonly #hasCapacity: () => boolean;
  readonly #gate = new Gate();
  #next: NodeJS.Immediate | null = null;

  constructor(hasCapacity: () => boolean) {
    this.#hasCapacity = hasCapacity;
  }

  /** Resolves when it is worth looking whether there is room, or when the signal aborts. */
  async wait(signal: AbortSignal): Promise<void> {
    await this.#gate.wait(signal);
  }

  /** Items have gone: there may be room. */
  admit(): void {
    if (!this.#hasCapacity()) return;
    this.#gate.wakeOne();
    if (this.#next !== null) return;
    this.#next = setImmediate(() => {
      this.#next = null;
      if (this.#gate.waiting) this.admit();
    });
  }

  /** All who wait may see that it is over. */
  end(): void {
    this.#gate.wake();
  }
}
