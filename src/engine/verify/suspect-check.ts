/**
 * Writes that may still land keep a verification from passing. There are two kinds: suspects and writes of a killed
 * process. A suspect is an item key whose last write ended without an answer. Nobody knows the keys that a killed
 * process had under way. A comparison that began after a suspect's window closes the suspect, and its finding, equal or
 * not, is final. A broken-off run keeps every verification that began within its window from passing.
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

  /**
   * Notes the time; call it before items are read.
   * @returns a function to call with the keys that were compared, whatever the result
   */
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
   * Closes the suspects that no verification met. Call it after verifications of all tables, the first of which began
   * at `beganAt`. Such a suspect has no row any longer: nothing says what its item should be.
   */
  allCompared(beganAt: number): void {
    this.#close([...this.#open.values()].filter((suspect) => beganAt >= closableAt(suspect)).map((s) => s.itemKey));
  }

  get open(): number {
    return this.#open.size;
  }

  /**
   * The time after which a verification can close all open suspects, in ms since the epoch by `StateClock.now`; null:
   * no suspect is open.
   */
  get closableAt(): number | null {
    if (this.#open.size === 0) return null;
    return Math.max(...[...this.#open.values()].map(closableAt));
  }

  /**
   * Returns the time before which a verification proves nothing, because writes of a broken-off run may land until
   * then. It is in ms since the epoch by `StateClock.now`. null: a verification that began at `beganAt` is not
   * affected.
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
