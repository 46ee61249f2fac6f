/**
 * Counts what a shard's process rides out, and has the counts written: once a second at most while something happens,
 * and at the end. A process that is killed loses a second of counting, never anything else; and what the disk took
 * although it reported a failure is counted twice: nothing resumes by these counts.
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

  /** From here on the counts are kept in `store`, those from before among them. */
  keepIn(store: IncidentStore): void {
    this.#store = store;
    this.#plan();
  }

  /** Of this process. */
  count(...kinds: readonly IncidentKind[]): number {
    return kinds.reduce((sum, kind) => sum + (this.#ofProcess.get(kind) ?? 0), 0);
  }

  /** Writes what is left; call it before the store is closed. */
  close(): void {
    this.#unsubscribe();
    this.#write();
    // The disk may have room by now; nothing else would write them.
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

  /** A full disk must not end the process here, beside the run: the next commit meets it, and fails in order. */
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
