/**
 * Every event as one JSON object on a line, for programs: `{"time": ..., "event": "shard.phase", "shard": "s01", ...}`.
 * Times are in UTC. Events of single chunks and batches come only when asked for.
 */
import type { EventBus, EventName } from '../core/events.js';

/** Thousands a second in a fast run; their sums are in `shard.progress`. */
const FREQUENT: ReadonlySet<EventName> = new Set<EventName>([
  'chunk.read',
  'chunk.done',
  'watermark.advanced',
  'batch.sent',
  'batch.acknowledged',
]);

export interface NdjsonOptions {
  /** The events of single chunks and batches too. */
  readonly verbose: boolean;
  /** Wall clock. */
  readonly now?: () => Date;
}

/** @returns a function that ends the log */
export function startNdjsonLog(bus: EventBus, stream: NodeJS.WritableStream, options: NdjsonOptions): () => void {
  const { verbose, now = () => new Date() } = options;
  return bus.onAny(({ name, payload }) => {
    if (!verbose && FREQUENT.has(name)) return;
    stream.write(`${JSON.stringify({ time: now().toISOString(), event: name, ...payload })}\n`);
  });
}
