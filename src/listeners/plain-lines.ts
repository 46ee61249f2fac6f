/**
 * Prints progress as lines where there is no terminal (a log file, CI, a service). Each event is one line, with its
 * time and shard. Every ten seconds, one line says how far each shard is.
 */
import type { EventBus } from '../core/event-bus.js';
import type { EventRecord } from '../core/events.js';
import { shownLines } from '../core/text/shown-text.js';
import { LeftOut } from './left-out.js';
import { EventThrottle } from './event-throttle.js';
import { progressSentence } from './progress-lines.js';
import { waitingBytes, type OutputStream } from './terminal.js';

/** Time between two lines of progress of a shard, in ms. */
const PROGRESS_EVERY_MS = 10_000;

export interface PlainLinesOptions {
  /** The run writes nothing, and the lines say so. */
  readonly dryRun?: boolean;
  /** ms of a clock that never jumps. It decides when the next line of progress is due. */
  readonly elapsed?: () => number;
}

/** @returns a function that ends the lines */
export function startPlainLines(
  bus: EventBus,
  stream: OutputStream,
  { dryRun = false, elapsed = () => performance.now() }: PlainLinesOptions = {},
): () => void {
  const throttle = new EventThrottle(dryRun);
  const leftOut = new LeftOut(() => waitingBytes(stream));
  /** When each shard last had a line of progress. */
  const lastProgress = new Map<string, number>();

  const print = (at: number, who: string, words: string): void => {
    stream.write(`${new Date(at).toISOString().slice(0, 19)}Z ${who} ${shownLines(words)}\n`);
  };

  const show = (record: EventRecord): void => {
    if (record.name === 'shard.progress') {
      const { shard } = record.payload;
      const now = elapsed();
      if (now - (lastProgress.get(shard) ?? -Infinity) < PROGRESS_EVERY_MS) return;
      lastProgress.set(shard, now);
      print(record.at, shard, `${dryRun ? 'dry run: ' : ''}${progressSentence(record.payload)}`);
      return;
    }
    const words = throttle.wordsOf(record, elapsed());
    if (words === null) return;
    print(record.at, 'shard' in record.payload ? record.payload.shard : 'dynaferry', words);
  };
  const end = bus.onAny((record) => leftOut.take(record).forEach(show));
  return () => {
    end();
    leftOut.rest().forEach(show);
  };
}
