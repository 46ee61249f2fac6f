/** Lets scans pass while it is open, holds them while it is shut, and fails those that wait once waiting is over. */
import { interrupted, type FerryError } from '../errors.js';
import { Waiters } from './waiters.js';

export class Gate {
  #shut = false;
  #failure: FerryError | null = null;
  readonly #waiters = new Waiters();

  get isShut(): boolean {
    return this.#shut;
  }

  open(): void {
    this.#shut = false;
    this.#failure = null;
    this.#waiters.wakeAll();
  }

  shut(): void {
    this.#shut = true;
  }

  /** Gives this error to all who wait, and to all who come before it is opened again. */
  fail(error: FerryError): void {
    this.#failure = error;
    this.#waiters.failAll(error);
  }

  /** @throws FerryError E_INTERRUPTED, and what it was failed with */
  async pass(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw interrupted();
    if (this.#failure !== null) throw this.#failure;
    if (this.#shut) await this.#waiters.wait(signal);
  }
}
