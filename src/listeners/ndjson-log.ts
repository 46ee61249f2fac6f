/**
 * Every event as one JSON object on a line, for programs: `{"time": ..., "event": "shard.phase", "shard": "s01", ...}`.
 * Times are in UTC. Events of single chunks and batches come only when asked for.
 */
import { EVENTS, type EventBus } from '../core/events.js';
import { shown } from '../core/shown-text.js';

export interface NdjsonOptions {
  /** Those of single chunks and batches too. */
  readonly allEvents: boolean;
  /** Wall clock. */
  readonly now?: () => Date;
}

/** @returns a function that ends the log */
export function startNdjsonLog(bus: EventBus, stream: NodeJS.WritableStream, options: NdjsonOptions): () => void {
  const { allEvents, now = () => new Date() } = options;
  return bus.onAny(({ name, payload }) => {
    if (!allEvents && EVENTS[name] === 'often') return;
    stream.write(`${shown(JSON.stringify({ time: now().toISOString(), event: name, ...payload }))}\n`);
  });
}
