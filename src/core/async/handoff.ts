/**
 * A slot for one thing between a producer and a consumer: the producer works one thing ahead, never more. Any number
 * may wait on either side: a SELECT that is paused waits for the slot while the scan already tries again for the same
 * range.
 */
import { Waiters } from './waiters.js';

type Outcome<T> = { readonly item: T } | { readonly end: true } | { readonly error: unknown };

export class Handoff<T> {
  #slot: Outcome<T> | null = null;
  readonly #waiters = new Waiters();

  /** Resolves once the consumer has taken what was put. @throws FerryError E_INTERRUPTED */
  async vacant(signal: AbortSignal): Promise<void> {
    while (this.#slot !== null) await this.#waiters.wait(signal);
  }

  /** The slot must be vacant. @throws TypeError where it is not: what is there would be lost */
  put(item: T): void {
    if (this.#slot !== null) throw new TypeError('the slot is not vacant');
    this.#set({ item });
  }

  /** Nothing more comes. */
  end(): void {
    this.#set({ end: true });
  }

  /** The consumer gets this error, once it has taken what was put before. */
  async fail(error: unknown, signal: AbortSignal): Promise<void> {
    await this.vacant(signal);
    this.#set({ error });
  }

  /** @returns null at the end @throws what the producer failed with; FerryError E_INTERRUPTED */
  async take(signal: AbortSignal): Promise<T | null> {
    while (this.#slot === null) await this.#waiters.wait(signal);
    const outcome = this.#slot;
    if ('error' in outcome) throw outcome.error;
    if ('end' in outcome) return null;
    this.#set(null);
    return outcome.item;
  }

  #set(slot: Outcome<T> | null): void {
    this.#slot = slot;
    this.#waiters.wakeAll();
  }
}
