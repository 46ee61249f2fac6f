/**
 * One row met twice. Where the scan key of a row is changed while its table is read, the row can come at its old key
 * and at its new one; and a row that was read by a run that ended before it was committed comes again, at the key that
 * it has by then. Both readings map to one item key where the key templates leave the scan key out, and look like two
 * rows that share it. Before that is said, both places are read again: two rows share an item key only where both are
 * there and still map to it.
 */
import { FerryError } from '../../core/errors.js';
import type { Cursor, Row } from '../../core/model.js';
import { itemsOf } from './map-chunk.js';
import type { TableJob } from './table-job.js';

/**
 * Which of two readings is what the source has now. `neither`: the row was changed once more, deleted, or became bad.
 */
export type Standing = 'both' | 'first' | 'second' | 'neither';

/**
 * @param keyTexts the item keys that both readings map to
 * @param cursors where they were read
 * @param now seconds since the epoch
 * @throws FerryError E_SOURCE_*, E_INTERRUPTED
 */
export async function whichStands(
  job: TableJob,
  keyTexts: ReadonlySet<string>,
  cursors: readonly [first: Cursor, second: Cursor],
  now: number,
  signal: AbortSignal,
): Promise<Standing> {
  const standing = async (at: readonly Cursor[]): Promise<readonly (Cursor | null)[]> =>
    (await job.source.at(at, signal)).map((row) =>
      row !== null && mapsToAny(job, row, keyTexts, now) ? job.source.cursorOf(row) : null,
    );
  const [first = null, second = null] = await standing(cursors).catch(async (error: unknown) => {
    if (!(error instanceof FerryError) || error.code !== 'E_ROW_TOO_LARGE') throw error;
    // One after the other, they are not read at one moment: a row that moves on in between is not at both.
    const [before = null] = await standing([cursors[1]]);
    const [there = null] = await standing([cursors[0]]);
    const [after = null] = await standing([cursors[1]]);
    return [before === null && after !== null ? null : there, after];
  });
  // One row, found under both readings of its key (`abc`, `ABC`): it is where it says.
  if (first !== null && first === second) return first === cursors[0] ? 'first' : 'second';
  if (first !== null && second !== null) return 'both';
  return first !== null ? 'first' : second !== null ? 'second' : 'neither';
}

function mapsToAny(job: TableJob, row: Row, keyTexts: ReadonlySet<string>, now: number): boolean {
  return itemsOf(job, row, now).some(({ keyText }) => keyTexts.has(keyText));
}

/** Before any time: a row that is mapped by it is not expired. */
const BEFORE_EXPIRY = -Infinity;

/**
 * Item keys that two rows both mapped to, whenever that was: one that has expired since and would be skipped by now had
 * them all the same. Without a key that they share, nothing of either would ever be left out, and they would meet again
 * for ever.
 */
export function sharedKeyTexts(job: TableJob, first: Row, second: Row): ReadonlySet<string> {
  const others = new Set(itemsOf(job, second, BEFORE_EXPIRY).map(({ keyText }) => keyText));
  return new Set(
    itemsOf(job, first, BEFORE_EXPIRY)
      .map(({ keyText }) => keyText)
      .filter((keyText) => others.has(keyText)),
  );
}
