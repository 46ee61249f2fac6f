/**
 * A handoff passes one thing at a time from a producer to a consumer. The producer works at most one thing ahead. Any
 * number may wait on either side. For example, a paused SELECT waits for the slot while the scan already retries the
 * same range.
 */
import { Waiters } from './waiters.js';

type Outcome<T> = { readonly item: T } | { readonly end: true } | { readonly error: unknown };

export class Handoff<T> {
  #slot: Outcome<T> | null = null;
  readonly #waiters = new Waiters();

  /** Waits until the slot is empty, because the consumer has taken its content. @throws FerryError E_INTERRUPTED */
  async vacant(signal: AbortSignal): Promise<void> {
    while (this.#slot !== null) await this.#waiters.wait(signal);
  }

  /**
   * Puts a thing into the slot, which must be vacant. @throws TypeError where it is not vacant: its content would be
   * lost
   */
  put(item: T): void {
    if (this.#slot !== null) throw new TypeError('the slot is not vacant');
    this.#set({ item });
  }

  /** Marks the end: no more things follow. */
  end(): void {
    this.#set({ end: true });
  }

  /** Gives the consumer this error, after it has taken the thing in the slot. @throws FerryError E_INTERRUPTED */
  async fail(error: unknown, signal: AbortSignal): Promise<void> {
    await this.vacant(signal);
    this.#set({ error });
  }

  /**
   * Waits for the next thing and takes it. @returns null at the end @throws the producer's error; FerryError
   * E_INTERRUPTED
   */
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
