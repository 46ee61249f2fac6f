/**
 * Reads the bad rows of a shard beside the process that works on it, if any. A file that cannot be read is a fault in
 * the answer, so that other shards still show.
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
import { BootClock } from '../tables/boot-clock.js';

export interface ShardBadRows {
  readonly shard: string;
  /** All of them, by table, column and reason; the most frequent first. */
  readonly groups: readonly BadRowGroup[];
  /** Tables that were asked about and are not gone through to their end: more bad rows may be found in them. */
  readonly unfinished: readonly string[];
  /** Why nothing can be said, or null. */
  readonly fault: Fault | null;
}

/** A look at them that goes on until it is closed. */
export interface BadRowLook {
  readonly known: ShardBadRows;
  /**
   * The first `limit` of those that were there when the look began, part by part, as they are when each part is asked
   * for: one that is no longer bad by then is left out. Memory is one part's. Their keys and cursors hold row values.
   * @throws FerryError E_STATE_*
   */
  parts(limit: number): Iterable<readonly RecordedBadRow[]>;
  close(): void;
}

/** Rows at once: some ten kilobytes. */
const PART_ROWS = 200;

/** Files have their columns since that version. */
const COLUMNS_SINCE = 2;

/**
 * Returns the columns with bad rows, and those that a retry accepted a change for. It reads files of earlier versions
 * too: a retry on one shard depends on the columns of all shards, and migrates its own file alone.
 * @returns none when nothing is recorded for the shard, or nothing can be read
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
 * @param tables that the config names: without bad rows, they are either clean or not gone through yet
 * @returns null where nothing is recorded for the shard
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
 * No transaction lasts from one part to the next: the reader of a list may take hours, and the log of a run would grow
 * all the time.
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

/** Returns a bad row by its number; null: there is none. @throws FerryError E_STATE_* when the file cannot be read */
export function readBadRow({ folder, shard }: StateAt, table: string, number: number): RecordedBadRow | null {
  const files = shardFiles(folder, shard);
  if (!isRecorded(files)) return null;
  return readBeside(files, (database) => prepared(files, () => new BadRows(database)).numbered(table, number));
}

/** Returns whether anything is recorded for the shard, readable or not. */
export function isBegun({ folder, shard }: StateAt): boolean {
  try {
    return isRecorded(shardFiles(folder, shard));
  } catch {
    return true;
  }
}
