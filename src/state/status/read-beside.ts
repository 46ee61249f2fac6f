/**
 * Reads a shard's state while another process may work on it. It is a read-only snapshot, which neither takes the
 * shard's lock nor delays a commit.
 */
import type { Database } from 'better-sqlite3';
import { statSync } from 'node:fs';
import { openReadOnly } from '../sqlite/database.js';
import type { ShardFiles } from '../sqlite/files.js';
import { checkShard } from '../open.js';
import { STATE } from '../sqlite/schema.js';
import { guarded } from '../sqlite/errors.js';

/**
 * How long a reader waits in ms. It meets a lock only while the log is being recovered or folded in, which takes
 * milliseconds.
 */
const BUSY_MS = 250;

/** Returns whether the file exists. It throws where this user may not look. @throws FerryError E_STATE_IO */
export function isRecorded(files: ShardFiles): boolean {
  return guarded(files, () => statSync(files.file, { throwIfNoEntry: false })) !== undefined;
}

/**
 * Opens the file for one read.
 * @param oldest oldest version of the file that `read` can read; by default the current one
 * @throws FerryError E_STATE_*
 */
export function readBeside<T>(files: ShardFiles, read: (database: Database) => T, oldest?: number): T {
  const database = openBeside(files, oldest);
  try {
    return guarded(files, () => read(database));
  } finally {
    database.close();
  }
}

/**
 * Opens the file for several reads. The caller closes it, and keeps no transaction open between two reads.
 * @throws FerryError E_STATE_*
 */
export function openBeside(files: ShardFiles, oldest?: number): Database {
  const database = openReadOnly(files, STATE, BUSY_MS, oldest);
  try {
    checkShard(database, files);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
