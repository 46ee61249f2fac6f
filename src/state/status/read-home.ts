/**
 * Whether a shard's state lives here, asked beside the process that works on it, if any: that process was asked when it
 * started.
 */
import type { Fault } from '../../core/errors.js';
import { shardFiles } from '../sqlite/files.js';
import { copied, displaced, maySayMove } from '../home/home.js';
import { isLocked } from '../sqlite/lock.js';
import type { StateAt } from '../open.js';
import { isRecorded, readBeside } from './read-beside.js';

/**
 * @param moves the folder is on a volume that moves between hosts
 * @returns E_STATE_COPIED as a run would be refused with; null: none would, or the file cannot be read, which others
 * say
 */
export function readCopied({ folder, shard }: StateAt, moves: boolean): Fault | null {
  const files = shardFiles(folder, shard);
  try {
    if (!isRecorded(files) || isLocked(files.lock, files)) return null;
    const reason = readBeside(files, (database) => displaced(files, database));
    return reason === null || (moves && maySayMove(reason)) ? null : copied(files, reason).toFault();
  } catch {
    return null;
  }
}
