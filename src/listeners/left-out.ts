/**
 * Leaves events out while the reader of a stream stands still: a stopped pager, a full pipe, a terminal behind a dead
 * line. Node keeps in memory what such a stream has not taken, and a run lasts for weeks. So behind a backlog, only
 * the events that the end of the run needs are written. The rest is counted, as a shard's process does
 * (`shards/outbox.ts`). The state has counted all of it, and the report comes from there.
 */
import { NEVER_LEFT_OUT, type EventRecord, type EventStamp } from '../core/events.js';

/** Bytes that may wait for a reader before events are left out. A slow reader that comes back misses nothing. */
export const MOST_WAITING = 256 * 1_024;

export class LeftOut {
  /** By shard: how many events were left out, with the stamp of the last one. */
  readonly #events = new Map<string, EventStamp & { readonly events: number }>();

  /** @param waiting bytes that wait for the reader */
  constructor(private readonly waiting: () => number) {}

  /** @returns the events to write now, in order */
  take(record: EventRecord): readonly EventRecord[] {
    if (this.waiting() <= MOST_WAITING) return [...this.rest(), record];
    if (NEVER_LEFT_OUT.has(record.name)) return [record];
    if (record.name !== 'shard.progress' && 'shard' in record.payload) {
      const { shard } = record.payload;
      const { at, run } = record;
      this.#events.set(shard, { at, run, events: (this.#events.get(shard)?.events ?? 0) + 1 });
    }
    return [];
  }

  /**
   * Returns a record for each shard of what was left out, once. Its time is that of the last event that was left out.
   */
  rest(): readonly EventRecord[] {
    const records = [...this.#events].map(([shard, { at, run, events }]) => ({
      name: 'events.dropped' as const,
      payload: { shard, events },
      at,
      run,
    }));
    this.#events.clear();
    return records;
  }
}
