/**
 * A gate at which everything that reads waits while an operator has paused it. It also knows when nothing reads any
 * longer: when all readers that are at work wait, here or for something else that they report with `idleWhile`.
 */
import { interrupted } from '../errors.js';
import { Waiters } from './waiters.js';

export class PauseGate {
  readonly #waiters = new Waiters();
  #paused = false;
  #readers = 0;
  #idle = 0;
  /** Called after each change of what `paused` and `quiet` say. */
  onChange: () => void = () => undefined;

  get paused(): boolean {
    return this.#paused;
  }

  /** True while it is paused, a reader is at work, and none reads. */
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

  /** Counts a reader from now on. @returns what it calls when it ends, once */
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

  /** To be called before each read. Waits while it is paused. @throws FerryError E_INTERRUPTED */
  async pass(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw interrupted();
    while (this.#paused) await this.idleWhile(this.#waiters.wait(signal));
  }

  /** Counts a reader as idle while it waits for something else that keeps it from reading. */
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
