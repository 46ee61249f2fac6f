/**
 * Progress where there is no terminal (a log file, CI, a service): one line for what happens, with the time and the shard,
 * and every ten seconds one line with how far each shard is.
 */
import type { EventBus, EventRecord } from '../core/events.js';
import { OnceAKind } from './once-a-kind.js';
import { progressSentence } from './progress-lines.js';
import { isRepetitive, wordsOf } from './wording.js';

const PROGRESS_EVERY_MS = 10_000;

/** @returns a function that ends the lines */
export function startPlainLines(
  bus: EventBus,
  stream: NodeJS.WritableStream,
  now: () => Date = () => new Date(),
): () => void {
  const kinds = new OnceAKind();
  /** When each shard was last spoken of, in ms since the epoch. */
  const lastProgress = new Map<string, number>();

  const print = (who: string, words: string): void => {
    stream.write(`${now().toISOString().slice(0, 19)}Z ${who} ${words}\n`);
  };

  return bus.onAny((record: EventRecord) => {
    if (record.name === 'shard.progress') {
      const { shard } = record.payload;
      const at = now().getTime();
      if (at - (lastProgress.get(shard) ?? -Infinity) < PROGRESS_EVERY_MS) return;
      lastProgress.set(shard, at);
      print(shard, progressSentence(record.payload));
      return;
    }
    const words = wordsOf(record);
    if (words === null) return;
    if (record.name === 'listener.failed' || record.name === 'run.stopping') print('dynaferry', words);
    else if (!isRepetitive(record) || kinds.isNew(`${record.payload.shard} ${words}`))
      print(record.payload.shard, words);
  });
}
