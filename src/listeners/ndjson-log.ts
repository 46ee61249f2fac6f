/**
 * Prints every event as one JSON object on a line, for programs: `{"time": ..., "run": ..., "event": "shard.phase",
 * "shard": "s01", ...}`. The time is in UTC, and is when the process of the shard emitted the event, not when this
 * printed it. Events of single chunks and batches come only on request.
 */
import type { EventBus } from '../core/event-bus.js';
import { EVENTS, type EventRecord } from '../core/events.js';
import { shown } from '../core/text/shown-text.js';
import { LeftOut } from './left-out.js';
import { waitingBytes, type OutputStream } from './terminal.js';

export interface NdjsonOptions {
  /**
   * Returns whether events of single chunks and batches are wanted too. The log asks at each event, as the answer may
   * change.
   */
  readonly everyEvent: () => boolean;
}

/** @returns a function that ends the log */
export function startNdjsonLog(bus: EventBus, stream: OutputStream, options: NdjsonOptions): () => void {
  const { everyEvent } = options;
  const leftOut = new LeftOut(() => waitingBytes(stream));
  const write = ({ name, payload, at, run }: EventRecord): void => {
    const time = new Date(at).toISOString();
    stream.write(`${shown(JSON.stringify({ time, run, event: name, ...payload }))}\n`);
  };
  const end = bus.onAny((record) => {
    if (everyEvent() || EVENTS[record.name] !== 'verbose') leftOut.take(record).forEach(write);
  });
  return () => {
    end();
    leftOut.rest().forEach(write);
  };
}
