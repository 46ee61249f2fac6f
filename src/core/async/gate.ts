/** A gate lets scans pass while it is open and holds them while it is shut. `fail` rejects the waiting scans. */
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

  /** Rejects all who wait with this error, and all later `pass` calls until the gate opens again. */
  fail(error: FerryError): void {
    this.#failure = error;
    this.#waiters.failAll(error);
  }

  /** Waits while the gate is shut. @throws FerryError E_INTERRUPTED; the error given to `fail` */
  async pass(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw interrupted();
    if (this.#failure !== null) throw this.#failure;
    if (this.#shut) await this.#waiters.wait(signal);
  }
}
