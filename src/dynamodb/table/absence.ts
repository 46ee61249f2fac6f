/**
 * Asks again where the service says that a table is not there, since that answer may be an old one. AWS
 * (DescribeTable): it is "an eventually consistent query, and the metadata for your table might not be available at
 * that moment. Wait for a few seconds, and then try the DescribeTable request again".
 *
 * Callers that know that the table was there a moment ago ask here: the guard, a shard that starts within a run, and
 * TTL during a verification. `check`, `plan`, `diff` and the start of a run do not: they report that it is not there,
 * not that it was deleted. `--create-table` waits for its table by itself. The table's partitions answer requests for
 * items, not its metadata.
 */
import { pause } from '../../core/async/sleep.js';

const BELIEVED_AFTER_MS = 5_000;
const AGAIN_AFTER_MS = 500;

/**
 * Asks again while the answer is that there is none, for some seconds.
 * @param absent called where it is so, each time
 * @returns null where it stayed so @throws what `ask` throws; FerryError E_INTERRUPTED
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
