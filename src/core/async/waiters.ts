/**
 * Waits for something that another part of the program does; an AbortSignal ends a wait at any moment. Every wait made
 * by hand uses this. Any number may wait. Each is woken or interrupted exactly once, in the order of coming. One that
 * was interrupted is gone: no wake-up is lost to it, and no listener stays behind.
 *
 * The kind was followed through `mysql` (Handoff, Gate, the pool's permits), `dynamodb` (Gate, and with it Admission
 * and the writer's end) and `engine` (the comparisons of a verification). The token bucket keeps a line of its own,
 * with the same rules: each of its waiters brings a number.
 */
import { interrupted } from '../errors.js';

interface Waiter {
  readonly wake: () => void;
  readonly fail: (error: Error) => void;
}

export class Waiters {
  readonly #waiting = new Set<Waiter>();

  get size(): number {
    return this.#waiting.size;
  }

  /** Resolves when woken. @throws FerryError E_INTERRUPTED, and what `fail` was given */
  async wait(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) throw interrupted();
    await new Promise<void>((resolve, reject) => {
      const leave = (settle: () => void): void => {
        signal?.removeEventListener('abort', onAbort);
        this.#waiting.delete(waiter);
        settle();
      };
      const onAbort = (): void => leave(() => reject(interrupted()));
      const waiter: Waiter = { wake: () => leave(resolve), fail: (error) => leave(() => reject(error)) };
      this.#waiting.add(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** The one that waits longest. @returns whether there was one */
  wakeOne(): boolean {
    const [first] = this.#waiting;
    first?.wake();
    return first !== undefined;
  }

  /** All who wait now; each has to look again whether what it waits for is there. */
  wakeAll(): void {
    for (const { wake } of [...this.#waiting]) wake();
  }

  failAll(error: Error): void {
    for (const { fail } of [...this.#waiting]) fail(error);
  }
}
