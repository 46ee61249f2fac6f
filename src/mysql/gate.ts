/** Lets scans pass while it is open, holds them while it is shut, and fails those that wait once waiting is over. */
import { interrupted, type FerryError } from '../core/errors.js';

interface Waiting {
  readonly pass: () => void;
  readonly fail: (error: FerryError) => void;
}

export class Gate {
  #shut = false;
  #failure: FerryError | null = null;
  readonly #waiting = new Set<Waiting>();

  open(): void {
    this.#shut = false;
    this.#failure = null;
    for (const { pass } of this.#waiting) pass();
  }

  shut(): void {
    this.#shut = true;
  }

  /** Whoever waits, or comes before it is opened again, gets this error. */
  fail(error: FerryError): void {
    this.#failure = error;
    for (const { fail } of this.#waiting) fail(error);
  }

  /** @throws FerryError E_INTERRUPTED, and what it was failed with */
  async pass(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw interrupted();
    if (this.#failure !== null) throw this.#failure;
    if (!this.#shut) return;
    await new Promise<void>((resolve, reject) => {
      const leave = (settle: () => void): void => {
        signal.removeEventListener('abort', onAbort);
        this.#waiting.delete(waiting);
        settle();
      };
      const onAbort = (): void => leave(() => reject(interrupted()));
      const waiting = { pass: () => leave(resolve), fail: (error: FerryError) => leave(() => reject(error)) };
      this.#waiting.add(waiting);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}
