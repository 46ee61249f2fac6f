/**
 * A pause gate holds all readers while an operator has paused the shard. It also knows when nothing reads any longer.
 * That is so when every reader at work waits, here or for something else that it reports with `idleWhile`.
 */
import { interrupted } from '../errors.js';
import { Waiters } from './waiters.js';

export class PauseGate {
  readonly #waiters = new Waiters();
  #paused = false;
  #readers = 0;
  #idle = 0;
  /** Called after each change of `paused` or `quiet`. */
  onChange: () => void = () => undefined;

  get paused(): boolean {
    return this.#paused;
  }

  /** True while the gate is paused, at least one reader is at work, and none of them reads. */
  get quiet(): boolean {
    return this.#paused && this.#readers > 0 && this.#idle === this.#readers;
  }

  pause(): void {
    this.#paused = true;
    this.onChange();
  }

  resume(): void {
    this.#paused = false;
    this.#waiters.wakeAll();
    this.onChange();
  }

  /** Counts a reader from now on. @returns a function that the reader calls once when it ends */
  enter(): () => void {
    this.#readers += 1;
    let inside = true;
    return () => {
      if (!inside) return;
      inside = false;
      this.#readers -= 1;
      this.onChange();
    };
  }

  /** Waits while the gate is paused. A reader calls it before each read. @throws FerryError E_INTERRUPTED */
  async pass(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw interrupted();
    while (this.#paused) await this.idleWhile(this.#waiters.wait(signal));
  }

  /** Counts a reader as idle while it waits for something else. @throws what `waiting` rejects with */
  async idleWhile<T>(waiting: Promise<T>): Promise<T> {
    this.#idle += 1;
    this.onChange();
    try {
      return await waiting;
    } finally {
      this.#idle -= 1;
    }
  }
}
