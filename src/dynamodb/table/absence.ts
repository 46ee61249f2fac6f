/**
 * Asks again when the service answers that a table is not there, since that answer may be old. AWS (DescribeTable): it
 * is "an eventually consistent query, and the metadata for your table might not be available at that moment. Wait for a
 * few seconds, and then try the DescribeTable request again".
 *
 * Three callers ask here, since they know that the table was there a moment ago. They are the guard, a shard that
 * starts within a run, and TTL during a verification. `check`, `plan`, `diff` and the start of a run do not. They
 * report that the table is not there, not that somebody deleted it. `--create-table` waits for its table by itself.
 * Requests for items go to the table's partitions, not to its metadata.
 */
import { pause } from '../../core/async/sleep.js';

/** How long the table has to stay absent, in ms: the "few seconds" of AWS. */
const BELIEVED_AFTER_MS = 5_000;
/** Pause between two requests, in ms. */
const AGAIN_AFTER_MS = 500;

/**
 * Asks again for some seconds, as long as the answer is that the table is absent.
 * @param absent is called after each such answer
 * @returns null if the table stayed absent
 * @throws what `ask` throws; FerryError E_INTERRUPTED
 */
export async function askedAgain<T>(
  ask: () => Promise<T | null>,
  signal: AbortSignal,
  { believedAfterMs = BELIEVED_AFTER_MS, absent = (): void => undefined } = {},
): Promise<T | null> {
  const until = performance.now() + believedAfterMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    absent();
    const left = until - performance.now();
    if (left <= 0) return null;
    await pause(Math.min(AGAIN_AFTER_MS, left), signal);
  }
}
