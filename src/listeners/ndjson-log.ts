/**
 * Every event as one JSON object on a line, for programs: `{"time": ..., "event": "shard.phase", "shard": "s01", ...}`.
 * Times are in UTC. Events of single chunks and batches come only when asked for.
 */
import { EVENTS, type EventBus, type EventRecord } from '../core/events.js';
import { shown } from '../core/text/shown-text.js';
import { LeftOut } from './left-out.js';
import { waitingBytes, type OutputStream } from './terminal.js';

export interface NdjsonOptions {
  /** Those of single chunks and batches too. */
  readonly allEvents: boolean;
  /** Wall clock. */
  readonly now?: () => Date;
}

/** @returns a function that ends the log */
export function startNdjsonLog(bus: EventBus, stream: OutputStream, options: NdjsonOptions): () => void {
  const { allEvents, now = () => new Date() } = options;
  const leftOut = new LeftOut(() => waitingBytes(stream));
  const write = ({ name, payload }: EventRecord): void => {
    stream.write(`${shown(JSON.stringify({ time: now().toISOString(), event: name, ...payload }))}\n`);
  };
  const end = bus.onAny((record) => {
    if (allEvents || EVENTS[record.name] !== 'often') leftOut.take(record).forEach(write);
  });
  return () => {
    end();
    leftOut.rest().forEach(write);
  };
}
