/**
 * The event bus hands events to listeners. A listener that throws is dropped, and cannot hurt what emits. Each event is
 * stamped when it is emitted.
 */
import type { AnyListener, Emitter, EventMap, EventName, EventRecord, Listener } from './events.js';

/** Returns an id for a run: 12 hexadecimal digits, at random. */
export function newRunId(): string {
  return crypto.randomUUID().slice(-12);
}

/** Hands events to listeners in the order of their subscription, and stamps each event when it is emitted. */
export class EventBus implements Emitter {
  readonly #byName = new Map<EventName, Set<(payload: never) => void>>();
  readonly #any = new Set<AnyListener>();

  /**
   * @param run id of the run that the events belong to
   * @param now wall clock, in ms since the epoch
   */
  constructor(
    readonly run: string = newRunId(),
    private readonly now: () => number = Date.now,
  ) {}

  /** @returns a function that ends the subscription */
  on<N extends EventName>(name: N, listener: Listener<N>): () => void {
    const set = this.#byName.get(name) ?? new Set();
    this.#byName.set(name, set);
    set.add(listener);
    return () => set.delete(listener);
  }

  /** @returns a function that ends the subscription */
  onAny(listener: AnyListener): () => void {
    this.#any.add(listener);
    return () => this.#any.delete(listener);
  }

  /** Stamps an event with this time and this run, and calls all its listeners before it returns. Never throws. */
  emit<N extends EventName>(name: N, payload: EventMap[N]): void {
    this.forward({ name, payload, at: this.now(), run: this.run } as EventRecord);
  }

  /** Calls the listeners of an event that another bus emitted: its stamp stays as it is. Never throws. */
  forward(record: EventRecord): void {
    const named = this.#byName.get(record.name);
    for (const listener of named ?? []) {
      this.#guard(
        record.name,
        () => (listener as (payload: unknown) => void)(record.payload),
        () => named?.delete(listener),
      );
    }
    for (const listener of this.#any) {
      this.#guard(
        record.name,
        () => listener(record),
        () => this.#any.delete(listener),
      );
    }
  }

  #guard(event: EventName, call: () => void, drop: () => void): void {
    try {
      call();
    } catch {
      drop();
      this.emit('listener.failed', { failedAt: event, code: 'E_INTERNAL' });
    }
  }
}
