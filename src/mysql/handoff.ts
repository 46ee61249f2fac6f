/**
 * A slot for one thing between one producer and one consumer: the producer works one thing ahead, never more.
 */
import { interrupted } from '../core/errors.js';

type Outcome<T> = { readonly item: T } | { readonly end: true } | { readonly error: unknown };

export class Handoff<T> {
  #slot: Outcome<T> | null = null;
  #changed: () => void = () => undefined;

  /** Resolves once the consumer has taken what was put. @throws FerryError E_INTERRUPTED */
  async vacant(signal: AbortSignal): Promise<void> {
    while (this.#slot !== null) await this.#change(signal);
  }

  /** The slot must be vacant. */
  put(item: T): void {
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
    while (this.#slot === null) await this.#change(signal);
    const outcome = this.#slot;
    if ('error' in outcome) throw outcome.error;
    if ('end' in outcome) return null;
    this.#set(null);
    return outcome.item;
  }

  #set(slot: Outcome<T> | null): void {
    this.#slot = slot;
    const changed = this.#changed;
    this.#changed = () => undefined;
    changed();
  }

  /** Producer and consumer never wait at the same time: one waits for a full slot, the other for an empty one. */
  async #change(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw interrupted();
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => reject(interrupted());
      signal.addEventListener('abort', onAbort, { once: true });
      this.#changed = () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
    });
  }
}
