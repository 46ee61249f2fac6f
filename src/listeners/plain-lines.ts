/**
 * Progress where there is no terminal (a log file, CI, a service): one line for what happens, with the time and the
 * shard, and every ten seconds one line with how far each shard is.
 */
import type { EventBus, EventRecord } from '../core/events.js';
import { shownLines } from '../core/text/shown-text.js';
import { LeftOut } from './left-out.js';
import { Narration } from './narration.js';
import { progressSentence } from './progress-lines.js';
import { waitingBytes, type OutputStream } from './terminal.js';

const PROGRESS_EVERY_MS = 10_000;

/** The wall clock for what is printed, another that never jumps for what is measured. */
export interface Clocks {
  readonly now: () => Date;
  /** ms */
  readonly elapsed: () => number;
}

export const SYSTEM: Clocks = { now: () => new Date(), elapsed: () => performance.now() };

/**
 * @param dryRun whether the run writes nothing, and says so
 * @returns a function that ends the lines
 */
export function startPlainLines(
  bus: EventBus,
  stream: OutputStream,
  { now, elapsed, dryRun = false }: Clocks & { readonly dryRun?: boolean } = SYSTEM,
): () => void {
  const narration = new Narration(dryRun);
  const leftOut = new LeftOut(() => waitingBytes(stream));
  /** When each shard was last spoken of. */
  const lastProgress = new Map<string, number>();

  const print = (who: string, words: string): void => {
    stream.write(`${now().toISOString().slice(0, 19)}Z ${who} ${shownLines(words)}\n`);
  };

  const tell = (record: EventRecord): void => {
    if (record.name === 'shard.progress') {
      const { shard } = record.payload;
      const at = elapsed();
      if (at - (lastProgress.get(shard) ?? -Infinity) < PROGRESS_EVERY_MS) return;
      lastProgress.set(shard, at);
      print(shard, `${dryRun ? 'dry run: ' : ''}${progressSentence(record.payload)}`);
      return;
    }
    const words = narration.wordsOf(record, elapsed());
    if (words === null) return;
    print('shard' in record.payload ? record.payload.shard : 'dynaferry', words);
  };
  const end = bus.onAny((record) => leftOut.take(record).forEach(tell));
  return () => {
    end();
    leftOut.rest().forEach(tell);
  };
}
