/**
 * A look into a shard's state beside the process that works on it, if any: a read-only snapshot, which neither takes
 * the shard's lock nor delays a commit.
 */
import type { Database } from 'better-sqlite3';
import { statSync } from 'node:fs';
import { openReadOnly } from '../sqlite/database.js';
import type { ShardFiles } from '../sqlite/files.js';
import { checkShard } from '../open.js';
import { STATE } from '../sqlite/schema.js';
import { guarded } from '../sqlite/errors.js';

/** A reader meets a lock only while the log is being recovered or folded in, which takes milliseconds. */
const BUSY_MS = 250;

/** Returns whether the file exists; a file that may not be looked at is a fault. @throws FerryError E_STATE_IO */
export function isRecorded(files: ShardFiles): boolean {
  return guarded(files, () => statSync(files.file, { throwIfNoEntry: false })) !== undefined;
}

/**
 * @param oldest version of the file that `read` can read; the present one unless given
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
 * Opens the file for several looks. The caller closes it, and keeps no transaction open between two looks.
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
