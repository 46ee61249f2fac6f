/**
 * Reads the bad rows of a shard, also while a process works on it. A file that cannot be read becomes a fault in the
 * answer, so that other shards still show.
 */
import type { Database } from 'better-sqlite3';
import type { Fault } from '../../core/errors.js';
import { asFerryError } from '../../core/thrown.js';
import type { RecordedBadRow } from '../../core/ports/state-records.js';
import { badColumns, BadRows, type BadRowGroup } from '../tables/bad-rows.js';
import { prepared } from '../sqlite/database.js';
import { shardFiles, type ShardFiles } from '../sqlite/files.js';
import type { StateAt } from '../open.js';
import { Passes } from '../tables/passes.js';
import { isRecorded, openBeside, readBeside } from './read-beside.js';
import { guarded } from '../sqlite/errors.js';
import { BootClock } from '../home/boot-clock.js';

export interface ShardBadRows {
  readonly shard: string;
  /** All bad rows, grouped by table, column and reason; the most frequent first. */
  readonly groups: readonly BadRowGroup[];
  /** Requested tables whose backfill is not finished: more bad rows may be found in them. */
  readonly unfinished: readonly string[];
  /** Why the answer is empty; null: it is complete. */
  readonly fault: Fault | null;
}

/** An open view of the bad rows. It stays open until `close`. */
export interface BadRowLook {
  readonly known: ShardBadRows;
  /**
   * Yields, part by part, the first `limit` rows that were bad when the look began. Each part has the rows as they are
   * when the caller asks for it, and leaves out those that are no longer bad. Memory holds one part. Their keys and
   * cursors hold row values.
   * @throws FerryError E_STATE_*
   */
  parts(limit: number): Iterable<readonly RecordedBadRow[]>;
  close(): void;
}

/** Number of rows in a part: some ten kilobytes. */
const PART_ROWS = 200;

/** First version whose files have these columns. */
const COLUMNS_SINCE = 2;

/**
 * Returns the columns with bad rows, and those for which a retry accepted a change. It also reads files of earlier
 * versions. A retry on one shard depends on the columns of all shards, and migrates only its own file.
 * @returns an empty list when the state has no records for the shard, or cannot be read
 */
export function readBadColumns({
  folder,
  shard,
}: StateAt): readonly { readonly table: string; readonly column: string | null }[] {
  const files = shardFiles(folder, shard);
  try {
    if (!isRecorded(files)) return [];
    return readBeside(files, (database) => prepared(files, () => badColumns(database)), COLUMNS_SINCE);
  } catch {
    return [];
  }
}

/**
 * Opens a view of the shard's bad rows.
 * @param tables that the config names: one without bad rows is clean, or its backfill is not finished
 * @returns null where the state has no records for the shard
 */
export function lookAtBadRows({ folder, shard }: StateAt, tables: readonly string[]): BadRowLook | null {
  const files = shardFiles(folder, shard);
  let database: Database | null = null;
  try {
    if (!isRecorded(files)) return null;
    const opened = openBeside(files);
    database = opened;
    const badRows = prepared(files, () => new BadRows(opened));
    const passes = prepared(files, () => new Passes(opened, new BootClock(opened)));
    const read = opened.transaction(() => ({
      groups: badRows.groups(),
      last: badRows.last(),
      unfinished: tables.filter((table) => passes.summary('backfill', table)?.pass.finishedAt == null),
    }));
    const { last, ...found } = guarded(files, read);
    return {
      known: { shard, ...found, fault: null },
      parts: (limit) => partsOf(badRows, files, last, limit),
      close: () => void opened.close(),
    };
  } catch (error) {
    database?.close();
    const fault = asFerryError(error, files.subject).toFault();
    return { known: { shard, groups: [], unfinished: [], fault }, parts: () => [], close: () => undefined };
  }
}

/**
 * Yields the parts. No transaction lasts from one part to the next. The reader of a list may take hours, and the log of
 * a run would grow all that time.
 */
function* partsOf(
  badRows: BadRows,
  files: ShardFiles,
  last: number,
  limit: number,
): Generator<readonly RecordedBadRow[], void> {
  let after = 0;
  for (let left = limit; left > 0;) {
    const part = guarded(files, () => badRows.page(after, last, Math.min(left, PART_ROWS)));
    const end = part.at(-1);
    if (end === undefined) return;
    yield part;
    after = end.number;
    left -= part.length;
  }
}

/** Returns a bad row by its number; null: no row has it. @throws FerryError E_STATE_* when the file cannot be read */
export function readBadRow({ folder, shard }: StateAt, table: string, number: number): RecordedBadRow | null {
  const files = shardFiles(folder, shard);
  if (!isRecorded(files)) return null;
  return readBeside(files, (database) => prepared(files, () => new BadRows(database)).numbered(table, number));
}

/** Returns whether the shard has records, readable or not. */
export function isBegun({ folder, shard }: StateAt): boolean {
  try {
    return isRecorded(shardFiles(folder, shard));
  } catch {
    return true;
  }
}
