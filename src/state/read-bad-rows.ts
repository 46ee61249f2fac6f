/**
 * The bad rows of a shard, read beside the process that works on it, if any. A file that cannot be read is a fault in the
 * answer, so that other shards still show.
 */
import type { Fault } from '../core/errors.js';
import { asFerryError } from '../core/thrown.js';
import type { RecordedBadRow } from '../core/state-ports.js';
import { BadRows, type BadRowGroup } from './bad-rows.js';
import { prepared } from './database.js';
import { shardFiles } from './files.js';
import type { StateAt } from './open.js';
import { Passes } from './passes.js';
import { isRecorded, readBeside } from './read-beside.js';
import { SteadyClock } from './steady-clock.js';

export interface ShardBadRows {
  readonly shard: string;
  /** All of them, by table, column and reason; the most frequent first. */
  readonly groups: readonly BadRowGroup[];
  /** The first ones. Their keys and cursors hold row values. */
  readonly rows: readonly RecordedBadRow[];
  /** Tables that were asked about and are not gone through to their end: more bad rows may be found in them. */
  readonly unfinished: readonly string[];
  /** Why nothing can be said, or null. */
  readonly fault: Fault | null;
}

/** Files have their columns since that version. */
const COLUMNS_SINCE = 2;

/**
 * The columns with bad rows, and those that a retry accepted a change for, also in a file that an earlier version left: a retry on one shard
 * goes by those of all, and brings up its own file alone.
 * @returns none where nothing is recorded for the shard, or nothing can be read
 */
export function readBadColumns({
  folder,
  shard,
}: StateAt): readonly { readonly table: string; readonly column: string | null }[] {
  const files = shardFiles(folder, shard);
  try {
    if (!isRecorded(files)) return [];
    return readBeside(files, (database) => prepared(files, () => new BadRows(database)).columns(), COLUMNS_SINCE);
  } catch {
    return [];
  }
}

/**
 * @param limit most rows to bring; the groups count all
 * @param tables that the config names: without bad rows, they are either clean or not gone through yet
 * @returns null where nothing is recorded for the shard
 */
export function readBadRows(
  { folder, shard }: StateAt,
  limit: number,
  tables: readonly string[] = [],
): ShardBadRows | null {
  const files = shardFiles(folder, shard);
  try {
    if (!isRecorded(files)) return null;
    const found = readBeside(files, (database) => {
      const badRows = prepared(files, () => new BadRows(database));
      const passes = prepared(files, () => new Passes(database, new SteadyClock(database)));
      const read = database.transaction(() => ({
        groups: badRows.groups(),
        rows: badRows.first(limit),
        unfinished: tables.filter((table) => passes.summary('backfill', table)?.pass.finishedAt == null),
      }));
      return read();
    });
    return { shard, ...found, fault: null };
  } catch (error) {
    return { shard, groups: [], rows: [], unfinished: [], fault: asFerryError(error, files.subject).toFault() };
  }
}
