/**
 * Makes a shard exclusive to one process for as long as that process lives.
 *
 * The lock is a write lock on a small separate file, which SQLite holds (`BEGIN EXCLUSIVE`, never committed). SQLite
 * takes it with fcntl(2), and the kernel drops such locks with the process. So the shard is free immediately after
 * `kill -9`, and there is no pid file that could be stale. The lock is not on the state file itself, because `status`
 * reads that file during a run. The lock file is empty, stays in place, and means nothing while no process holds it.
 * Deleting it during a run would let a second process in, so dynaferry never deletes it.
 */
import Database from 'better-sqlite3';
import { existsSync } from 'node:fs';
import { FerryError } from '../../core/errors.js';
import { makeFile, type StatePaths } from './files.js';
import { isBusy, translate } from './errors.js';

export interface Lock {
  release(): void;
}

/**
 * Takes the lock.
 * @param waitMs how long to wait for it; `isLocked` of another process may hold a shared lock for an instant
 * @returns null where another process, or another holder in this process, keeps it
 * @throws FerryError E_STATE_IO, E_STATE_CORRUPT
 */
export function acquireLock(file: string, paths: StatePaths, waitMs: number): Lock | null {
  let database: Database.Database | undefined;
  try {
    makeFile(file);
    database = new Database(file, { fileMustExist: true, timeout: waitMs });
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database?.close();
    if (isBusy(error)) return null;
    throw lockFault(error, file, paths);
  }
  const held = database;
  return { release: () => void held.close() };
}

/**
 * Returns whether a process holds the lock now, and never waits. It asks with a shared lock, so two simultaneous calls
 * do not see each other. @throws FerryError E_STATE_IO, E_STATE_CORRUPT
 */
export function isLocked(file: string, paths: StatePaths): boolean {
  if (!existsSync(file)) return false;
  let database: Database.Database | undefined;
  try {
    database = new Database(file, { readonly: true, timeout: 0 });
    database.prepare('SELECT 1 FROM sqlite_schema').get();
    return false;
  } catch (error) {
    if (isBusy(error)) return true;
    throw lockFault(error, file, paths);
  } finally {
    database?.close();
  }
}

function lockFault(error: unknown, file: string, paths: StatePaths): FerryError {
  const fault = translate(error, { ...paths, file });
  if (fault.code !== 'E_STATE_CORRUPT') return fault;
  return new FerryError(
    'E_STATE_CORRUPT',
    `${paths.subject}: something else was written into the lock file ${file}`,
    'make sure that no dynaferry works on this shard, delete that file, and run the same command again; the file holds nothing',
    { cause: error },
  );
}
