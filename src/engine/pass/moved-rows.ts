/**
 * Finds out whether two readings are one row or two. The scan key of a row may change while its table is read. The scan
 * can then meet the row at its old key and at its new one. A row that an earlier run read and did not commit can come
 * again, at its current key. If the key templates leave the scan key out, both readings map to one item key and look
 * like two rows that share it. So both places are read again before a conflict is reported. Two rows share an item key
 * only where both exist and still map to it.
 */
import { FerryError } from '../../core/errors.js';
import type { Cursor, Row } from '../../core/model.js';
import { itemsOf } from './map-chunk.js';
import type { TableJob } from './table-job.js';

/**
 * The reading of two that is in the source now. `neither`: the row was changed once more, was deleted, or became bad.
 */
export type Standing = 'both' | 'first' | 'second' | 'neither';

/**
 * Reads both places again.
 * @param keyTexts the item keys that both readings map to
 * @param cursors where they were read
 * @param now seconds since the epoch
 * @returns which reading is in the source now
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
    // Separate reads see the two places at different times. A row that moves between the reads is not at both places.
    const [before = null] = await standing([cursors[1]]);
    const [there = null] = await standing([cursors[0]]);
    const [after = null] = await standing([cursors[1]]);
    return [before === null && after !== null ? null : there, after];
  });
  // Both cursors find one row, under two readings of its key (`abc`, `ABC`). The row's own cursor decides.
  if (first !== null && first === second) return first === cursors[0] ? 'first' : 'second';
  if (first !== null && second !== null) return 'both';
  return first !== null ? 'first' : second !== null ? 'second' : 'neither';
}

function mapsToAny(job: TableJob, row: Row, keyTexts: ReadonlySet<string>, now: number): boolean {
  return itemsOf(job, row, now).some(({ keyText }) => keyTexts.has(keyText));
}

/** A time before all others: no row is expired where this is the current time. */
const BEFORE_EXPIRY = -Infinity;

/**
 * Returns the item keys that both rows map to, including those of a row that has expired since and that a run would
 * skip now. Without a shared key, neither reading would be left out, and the conflict would never end.
 */
export function sharedKeyTexts(job: TableJob, first: Row, second: Row): ReadonlySet<string> {
  const others = new Set(itemsOf(job, second, BEFORE_EXPIRY).map(({ keyText }) => keyText));
  return new Set(
    itemsOf(job, first, BEFORE_EXPIRY)
      .map(({ keyText }) => keyText)
      .filter((keyText) => others.has(keyText)),
  );
}
