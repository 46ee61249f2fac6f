/**
 * What may still land, and so holds verification back: suspects (item keys whose last write ended without an answer),
 * and all that a process had sent that was killed in the midst of writing, of which nobody knows the keys. A suspect is
 * closed by a comparison that began after its window; its finding is final then, equal or not. A broken-off run holds
 * back every verification that began within its window.
 */
import { LATE_WRITE_WINDOW_MS } from '../../core/time/late-writes.js';
import type { StateStore } from '../../core/ports/state-ports.js';
import type { AmbiguousWrite } from '../../core/ports/state-records.js';

export class SuspectCheck {
  readonly #open: Map<string, AmbiguousWrite>;

  constructor(
    private readonly store: Pick<StateStore, 'ambiguousWrites' | 'clock' | 'lateWrites'>,
    private readonly clock: () => number = () => store.clock.now(),
  ) {
    this.#open = new Map(store.ambiguousWrites.all().map((suspect) => [suspect.itemKey, suspect]));
  }

  /** Call it before items are read. @returns call it with those that were compared, whatever came of it */
  beforeReading(): (keyTexts: Iterable<string>) => void {
    const readAt = this.clock();
    return (keyTexts) => {
      if (this.#open.size === 0) return;
      const final: string[] = [];
      for (const keyText of keyTexts) {
        const suspect = this.#open.get(keyText);
        if (suspect !== undefined && readAt >= closableAt(suspect)) final.push(keyText);
      }
      this.#close(final);
    };
  }

  /**
   * All tables were gone through by verifications of which the first began at that time. A suspect of before that none
   * of them met has no row any more: nothing says what its item should be.
   */
  allCompared(beganAt: number): void {
    this.#close([...this.#open.values()].filter((suspect) => beganAt >= closableAt(suspect)).map((s) => s.itemKey));
  }

  get open(): number {
    return this.#open.size;
  }

  /** ms since the epoch after which a verification can close all that are open; null where none is. */
  get closableAt(): number | null {
    if (this.#open.size === 0) return null;
    return Math.max(...[...this.#open.values()].map(closableAt));
  }

  /**
   * ms since the epoch before which a verification proves nothing, because what a broken-off run had sent may land
   * until then; null where one that began at `beganAt` is not concerned.
   */
  lateWritesUntil(beganAt: number): number | null {
    const crashedAt = this.store.lateWrites.crashedAt();
    if (crashedAt === null || beganAt >= crashedAt + LATE_WRITE_WINDOW_MS) return null;
    return crashedAt + LATE_WRITE_WINDOW_MS;
  }

  #close(keyTexts: readonly string[]): void {
    if (keyTexts.length === 0) return;
    this.store.ambiguousWrites.close(keyTexts);
    for (const keyText of keyTexts) this.#open.delete(keyText);
  }
}

function closableAt(suspect: AmbiguousWrite): number {
  return suspect.since + LATE_WRITE_WINDOW_MS;
}
