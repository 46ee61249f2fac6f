/**
 * Counts the incidents that a shard's process recovers from, and writes the counts to the state. It writes at most once
 * a second while incidents happen, and once at the end. A killed process loses at most one second of counts, and
 * nothing else. If the disk wrote counts although it reported a failure, they count twice. Nothing resumes by these
 * counts.
 */
import type { EventBus } from '../../core/event-bus.js';
import { incidentOf, type Incident, type IncidentKind } from '../../core/incidents.js';
import type { IncidentStore } from '../../core/ports/state-ports.js';

const WRITE_EVERY_MS = 1_000;

export class IncidentRecorder {
  readonly #ofProcess = new Map<IncidentKind, number>();
  readonly #unwritten = new Map<IncidentKind, Incident>();
  readonly #unsubscribe: () => void;
  #store: IncidentStore | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(bus: EventBus) {
    this.#unsubscribe = bus.onAny((record) => {
      const kind = incidentOf(record);
      if (kind !== null) this.#count(kind, record.at);
    });
  }

  /** Writes the counts to `store` from now on, including those counted before this call. */
  keepIn(store: IncidentStore): void {
    this.#store = store;
    this.#plan();
  }

  /** Returns how many incidents of these kinds this process has counted. */
  count(...kinds: readonly IncidentKind[]): number {
    return kinds.reduce((sum, kind) => sum + (this.#ofProcess.get(kind) ?? 0), 0);
  }

  /** Writes what is left; call it before the store is closed. */
  close(): void {
    this.#unsubscribe();
    this.#write();
    // A second try: the disk may have room now, and nothing else would write these counts.
    this.#write();
    this.#store = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** @param at when it happened, in ms since the epoch */
  #count(kind: IncidentKind, at: number): void {
    this.#ofProcess.set(kind, (this.#ofProcess.get(kind) ?? 0) + 1);
    const before = this.#unwritten.get(kind);
    const { count, firstAt } = before ?? { count: 0, firstAt: at };
    this.#unwritten.set(kind, { kind, count: count + 1, firstAt, lastAt: at });
    this.#plan();
  }

  #plan(): void {
    if (this.#store === null || this.#unwritten.size === 0) return;
    this.#timer ??= setTimeout(() => this.#write(), WRITE_EVERY_MS);
  }

  /**
   * Writes the counts, and tries again later where that fails. A full disk must not end the process from here. The next
   * commit finds the full disk and ends the run with its error.
   */
  #write(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#unwritten.size === 0) return;
    try {
      this.#store?.add([...this.#unwritten.values()]);
      this.#unwritten.clear();
    } catch {
      this.#plan();
    }
  }
}
