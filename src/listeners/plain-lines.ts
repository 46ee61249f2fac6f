/**
 * Progress where there is no terminal (a log file, CI, a service): one line for what happens, with the time and the
 * shard, and every ten seconds one line with how far each shard is.
 */
import type { EventBus } from '../core/event-bus.js';
import type { EventRecord } from '../core/events.js';
import { shownLines } from '../core/text/shown-text.js';
import { LeftOut } from './left-out.js';
import { EventThrottle } from './event-throttle.js';
import { progressSentence } from './progress-lines.js';
import { waitingBytes, type OutputStream } from './terminal.js';

const PROGRESS_EVERY_MS = 10_000;

export interface PlainLinesOptions {
  /** Whether the run writes nothing, and says so. */
  readonly dryRun?: boolean;
  /** A clock that never jumps, in ms: it says when the next line of progress is due. */
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
  /** When each shard was last spoken of. */
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
