/**
 * Waits for something that another part of the program does. An AbortSignal ends a wait at any moment. Every wait made
 * by hand uses this class. Any number may wait. Each waiter is woken or interrupted exactly once, in the order of
 * arrival. An interrupted waiter is removed, so it consumes no wake-up and leaves no listener behind.
 *
 * We checked all such waits. In `mysql`, they are in Handoff, Gate and the pool's permits. In `dynamodb`, they are in
 * Gate, and through it in Admission and the writer's end. In `engine`, they are in the comparisons of a verification.
 * The token bucket has its own queue with the same rules, because each of its waiters brings a number of units.
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

  /** Waits until it is woken. @throws FerryError E_INTERRUPTED; the error given to `failAll` */
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

  /** Wakes the waiter that has waited longest. @returns whether there was one */
  wakeOne(): boolean {
    const [first] = this.#waiting;
    first?.wake();
    return first !== undefined;
  }

  /** Wakes all current waiters. Each must check its condition again. */
  wakeAll(): void {
    for (const { wake } of [...this.#waiting]) wake();
  }

  failAll(error: Error): void {
    for (const { fail } of [...this.#waiting]) fail(error);
  }
}
