/**
 * What is said while nobody reads: a pager that was stopped, a pipe that is full, a terminal behind a dead line. Node
 * keeps whatever such a stream has not taken in memory, and a run lasts for weeks. So, of what is told behind a
 * backlog, only what the end of the run cannot be understood without is added to it; the rest is left out and counted,
 * as a shard's process does (`shards/outbox.ts`). Of progress, the next says more. The state has counted all of it,
 * where the report comes from.
 */
import { NEVER_LEFT_OUT, type EventRecord, type EventStamp } from '../core/events.js';

/** Bytes that wait for a reader before anything is left out: of a reader that is slow, and comes back, nothing is. */
export const MOST_WAITING = 256 * 1_024;

export class LeftOut {
  /** By shard. */
  readonly #events = new Map<string, EventStamp & { readonly events: number }>();

  /** @param waiting bytes that wait for the reader */
  constructor(private readonly waiting: () => number) {}

  /** @returns what is to be told now, in order */
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

  /** What was left out, a record for each shard, once. Its time is that of the last event that was left out. */
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
