/**
 * Reads whether a run may work on a shard's state: whether it is whole, and at home here. It does not ask for the home
 * while a process works on the shard, because that process checked when it started.
 */
import type { Fault } from '../../core/errors.js';
import { asFerryError } from '../../core/thrown.js';
import { checkWhole } from '../sqlite/database.js';
import { shardFiles } from '../sqlite/files.js';
import { copied, displaced, maySayMove } from '../home/home.js';
import { isLocked } from '../sqlite/lock.js';
import type { StateAt } from '../open.js';
import { isRecorded, readBeside } from './read-beside.js';

/**
 * Returns the E_STATE_COPIED with which a run would be refused.
 * @param moves the folder is on a volume that moves between hosts
 * @returns null: no run would be refused, or the file cannot be read, which other reads report
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

/**
 * Returns the fault of a state that no run could open, since it is damaged, or of another program or shard.
 * @returns null: a run can open it, or nothing is recorded
 */
export function readDamaged({ folder, shard }: StateAt): Fault | null {
  const files = shardFiles(folder, shard);
  try {
    // A run migrates a file of any version.
    if (isRecorded(files)) readBeside(files, (database) => checkWhole(database, files), 1);
    return null;
  } catch (thrown) {
    return asFerryError(thrown, files.subject).toFault();
  }
}
