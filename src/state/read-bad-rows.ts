/**
 * The bad rows of a shard, read beside the process that works on it, if any. A file that cannot be read is a fault in the
 * answer, so that other shards still show.
 */
import { asFerryError, type Fault } from '../core/errors.js';
import type { RecordedBadRow } from '../core/state-ports.js';
import { BadRows, type BadRowGroup } from './bad-rows.js';
import { prepared } from './database.js';
import { shardFiles } from './files.js';
import type { StateAt } from './open.js';
import { isRecorded, readBeside } from './read-beside.js';

export interface ShardBadRows {
  readonly shard: string;
  /** All of them, by table, column and reason; the most frequent first. */
  readonly groups: readonly BadRowGroup[];
  /** The first ones. Their keys and cursors hold row values. */
  readonly rows: readonly RecordedBadRow[];
  /** Those with bad rows, and those that a retry accepted a change of the mapping for while they had some. */
  readonly columns: readonly { readonly table: string; readonly column: string | null }[];
  /** Why nothing can be said, or null. */
  readonly fault: Fault | null;
}

/**
 * @param limit most rows to bring; the groups count all
 * @returns null where nothing is recorded for the shard
 */
export function readBadRows({ folder, shard }: StateAt, limit: number): ShardBadRows | null {
  const files = shardFiles(folder, shard);
  try {
    if (!isRecorded(files)) return null;
    const found = readBeside(files, (database) => {
      const badRows = prepared(files, () => new BadRows(database));
      const read = database.transaction(() => ({
        groups: badRows.groups(),
        rows: badRows.first(limit),
        columns: badRows.columns(),
      }));
      return read();
    });
    return { shard, ...found, fault: null };
  } catch (error) {
    return { shard, groups: [], rows: [], columns: [], fault: asFerryError(error).toFault() };
  }
}
