/**
 * Suspects: item keys whose last write ended ambiguously and may still land. One is closed when verification sees the right
 * item at its key after the request can no longer be accepted: AWS refuses signatures older than 15 minutes (Signature
 * Version 4, "Elements of a request: time stamp"). While one is open, verification does not pass.
 */
import type { StateStore, Suspect } from '../core/ports.js';

export const LATE_WRITE_WINDOW_MS = 15 * 60_000;

export class SuspectCheck {
  readonly #open: Map<string, Suspect>;

  constructor(
    private readonly store: StateStore,
    private readonly clock: () => number = Date.now,
  ) {
    this.#open = new Map(store.suspects().map((suspect) => [suspect.keyText, suspect]));
  }

  /** The item at this key was just read and is right. */
  foundEqual(keyText: string): void {
    if (this.#open.size === 0) return;
    const suspect = this.#open.get(keyText);
    if (suspect === undefined || this.clock() < suspect.since + LATE_WRITE_WINDOW_MS) return;
    this.store.closeSuspects([keyText]);
    this.#open.delete(keyText);
  }

  get open(): number {
    return this.#open.size;
  }

  /** ms since the epoch after which a verification can close all that are open; null where none is. */
  get closableAt(): number | null {
    if (this.#open.size === 0) return null;
    return Math.max(...[...this.#open.values()].map((suspect) => suspect.since)) + LATE_WRITE_WINDOW_MS;
  }
}
