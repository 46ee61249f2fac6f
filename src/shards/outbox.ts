/**
 * Sends messages from a shard's process to its parent within bounded memory, however slow or stopped the parent is. The
 * pipe takes some kilobytes at a time. At most `IN_FLIGHT` messages are in it, and at most `WAITING` wait for it. Bad
 * rows and differences of one kind wait as one message, with the time of the last. Of progress, only the newest message
 * waits. Messages beyond that are left out and counted (`events.dropped`). The state has counted all of it, and the
 * report comes from there. The end of the shard, its outcome and warnings are never left out.
 *
 * Every message of a worker goes through here. In the other direction, a parent sends few kinds of messages, one at a
 * time. `listeners/left-out.ts` bounds what the parent prints.
 */
import { NEVER_LEFT_OUT, type EventRecord } from '../core/events.js';
import type { ShardOutcome } from '../wiring/run/shard-task.js';
import type { FromWorker } from './protocol.js';

/** The end of the pipe on the worker's side. */
export type Channel = Pick<NodeJS.Process, 'send' | 'connected'>;

/** Messages that are sent one by one: more than a chunk without faults has. */
const IN_FLIGHT = 64;
/** Messages that wait for a place in the pipe. Beyond them, most events are left out and counted. */
const WAITING = 1_000;

export class Outbox {
  /** In the order of their first event. The key is what makes two of them one. */
  readonly #waiting = new Map<string, FromWorker>();
  #inFlight = 0;
  #distinct = 0;
  #dropped = 0;
  #gone = false;
  #whenEmpty: () => void = () => undefined;

  constructor(
    private readonly channel: Channel,
    private readonly shard: string,
    private readonly run: string,
  ) {}

  event(record: EventRecord): void {
    const kind = kindOf(record) ?? this.#single();
    const before = this.#waiting.get(kind);
    if (before === undefined && this.#waiting.size >= WAITING && !NEVER_LEFT_OUT.has(record.name)) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.set(kind, {
      type: 'event',
      record: before?.type === 'event' ? together(before.record, record) : record,
    });
    this.#pump();
  }

  /**
   * Confirms a budget: the process spends no more than that from now on. It is never left out, as other shards wait for
   * it.
   */
  granted(units: number): void {
    this.#waiting.set(this.#single(), { type: 'budget', units });
    this.#pump();
  }

  /** Sends a sign of life, unless another message is on its way, which is one as well. */
  alive(): void {
    if (this.#waiting.size > 0 || this.#inFlight > 0) return;
    this.#waiting.set(this.#single(), { type: 'alive' });
    this.#pump();
  }

  /**
   * Sends the outcome and resolves once the pipe has taken all messages, or the reader is gone. When a pipe is closed,
   * Node drops what it has not taken.
   */
  async end(outcome: ShardOutcome): Promise<void> {
    this.#waiting.set(this.#single(), { type: 'outcome', outcome });
    const empty = new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
    });
    this.#pump();
    if (!this.#gone) await empty;
  }

  /** Drops all messages, since the reader is gone. */
  abandon(): void {
    this.#gone = true;
    this.#waiting.clear();
    this.#whenEmpty();
  }

  #single(): string {
    this.#distinct += 1;
    return `#${this.#distinct}`;
  }

  #pump(): void {
    while (this.#inFlight < IN_FLIGHT && !this.#gone) {
      const next = this.#next();
      if (next === null) break;
      this.#send(next);
    }
    if (this.#inFlight === 0 && this.#waiting.size === 0) this.#whenEmpty();
  }

  #next(): FromWorker | null {
    const [first] = this.#waiting;
    if (first === undefined) return null;
    // The count goes out before the outcome, at the latest.
    if (this.#dropped > 0 && (this.#waiting.size === 1 || first[1].type === 'outcome')) {
      const payload = { shard: this.shard, events: this.#dropped };
      this.#dropped = 0;
      return { type: 'event', record: { name: 'events.dropped', payload, at: Date.now(), run: this.run } };
    }
    this.#waiting.delete(first[0]);
    return first[1];
  }

  #send(message: FromWorker): void {
    if (!this.channel.connected || this.channel.send === undefined) {
      this.abandon();
      return;
    }
    this.#inFlight += 1;
    this.channel.send(message, undefined, undefined, () => {
      this.#inFlight -= 1;
      this.#pump();
    });
  }
}

/** Returns the kind of an event, since two of one kind are sent as one; null: each is sent. */
function kindOf(record: EventRecord): string | null {
  switch (record.name) {
    case 'row.rejected':
      return JSON.stringify([record.name, record.payload.table, record.payload.column, record.payload.reason]);
    case 'difference.found':
      return JSON.stringify([record.name, record.payload.table, record.payload.class, record.payload.attributes]);
    case 'shard.progress':
      return JSON.stringify([record.name, record.payload.table]);
    default:
      return null;
  }
}

function together(before: EventRecord, record: EventRecord): EventRecord {
  if (before.name === 'row.rejected' && record.name === 'row.rejected')
    return { ...record, payload: { ...record.payload, rows: before.payload.rows + record.payload.rows } };
  if (before.name === 'difference.found' && record.name === 'difference.found')
    return { ...record, payload: { ...record.payload, items: before.payload.items + record.payload.items } };
  return record;
}
