/**
 * Makes a shard exclusive to one process, for as long as that process lives.
 *
 * The lock is a write lock on a small file of its own, held by SQLite (`BEGIN EXCLUSIVE`, never committed). SQLite
 * takes it with fcntl(2), and the kernel drops such locks with the process: after `kill -9` the shard is free at once,
 * with no pid file to judge stale. It is not taken on the state file itself, because `status` reads that one while a
 * run goes on. The file is empty, stays where it is, and means nothing while nobody holds it; deleting it during a run
 * would let a second process in, so nothing here deletes it.
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
 * @param waitMs how long to wait for it; `isLocked` of another process may hold a shared lock for an instant
 * @returns null where another process (or another holder in this one) keeps it
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

/** Whether a process holds the lock now. Never waits. A shared lock asks: two who ask at once do not see each other. */
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
