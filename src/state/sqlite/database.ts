/**
 * Makes and opens SQLite files of ours. A file appears under its name only when its schema is complete, and is used
 * only after it was found to be ours, of a known version, and whole. Every commit is on disk before it returns.
 */
import Database from 'better-sqlite3';
import { chmodSync, renameSync, rmSync, statSync } from 'node:fs';
import { FerryError } from '../../core/errors.js';
import { makeFile, removeSideFiles, syncFile, syncFolderOf, type StatePaths } from './files.js';
import type { DatabaseKind } from './schema.js';
import { corrupt, guarded, translate } from './errors.js';

/**
 * Builds the file beside its place and moves it there whole, so that a kill in between leaves either nothing or a file
 * that is complete. The caller holds the lock of `paths`.
 *
 * @param fill writes the first rows, in the transaction that makes the schema
 * @throws FerryError E_STATE_IO
 */
export function createDatabase(
  paths: StatePaths,
  kind: DatabaseKind,
  fill?: (database: Database.Database) => void,
): void {
  guarded(paths, () => {
    const building = `${paths.file}.new`;
    rmSync(building, { force: true });
    removeSideFiles(building);
    makeFile(building);
    const database = new Database(building, { fileMustExist: true });
    try {
      database.transaction(() => {
        database.pragma(`application_id = ${kind.applicationId}`);
        migrate(database, kind);
        fill?.(database);
      })();
      database.pragma('journal_mode = WAL');
    } finally {
      database.close();
    }
    // What a deleted file left behind would be replayed into the new one.
    removeSideFiles(paths.file);
    renameSync(building, paths.file);
    syncFolderOf(paths.file);
  });
}

/**
 * Opens an existing file for writing. One that is refused keeps each byte, and so does its log.
 *
 * @param busyMs how long a statement waits for another process
 * @param accept throws where the file is not to be worked on. It may be of any version, and may be looked at twice
 * @throws FerryError E_STATE_CORRUPT, E_STATE_FOREIGN, E_STATE_IO, E_STATE_LOCKED
 */
export function openDatabase(
  paths: StatePaths,
  kind: DatabaseKind,
  busyMs: number,
  accept: (database: Database.Database) => void = () => undefined,
): Database.Database {
  return guarded(paths, () => {
    // A copy that was put back may have any mode; -wal and -shm are made with the one it has now.
    chmodSync(paths.file, 0o600);
    // The last connection that may write folds the log in as it closes, whatever it found: so one looks first that may
    // not.
    if (hasLog(paths)) look(paths, kind, busyMs, accept);
    const database = new Database(paths.file, { fileMustExist: true, timeout: busyMs });
    try {
      const version = checkIdentity(database, paths, kind);
      accept(database);
      database.pragma('journal_mode = WAL');
      database.pragma('synchronous = FULL');
      // macOS alone: there, fsync(2) does not reach the platter.
      database.pragma('fullfsync = ON');
      database.pragma('checkpoint_fullfsync = ON');
      // Nobody is waited for where there is nothing to bring up to date.
      if (version < kind.migrations.length) {
        // Of a file that many open at once, nobody could tell who makes the copy; and it may be larger than all that is
        // free.
        if (kind.oneOwner) keepCopy(database, paths, version);
        bringUp(database, paths, kind);
      }
      database.pragma('foreign_keys = ON');
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

function hasLog({ file }: StatePaths): boolean {
  return (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

function look(
  paths: StatePaths,
  kind: DatabaseKind,
  busyMs: number,
  accept: (database: Database.Database) => void,
): void {
  const database = new Database(paths.file, { readonly: true, fileMustExist: true, timeout: busyMs });
  try {
    checkIdentity(database, paths, kind);
    accept(database);
  } finally {
    database.close();
  }
}

/**
 * Opens an existing file to look at it, beside a process that writes it.
 *
 * @param oldest version that whoever looks can read as it is; the present one unless given
 */
export function openReadOnly(
  paths: StatePaths,
  kind: DatabaseKind,
  busyMs: number,
  oldest = kind.migrations.length,
): Database.Database {
  return guarded(paths, () => {
    const database = new Database(paths.file, { readonly: true, fileMustExist: true, timeout: busyMs });
    try {
      const version = checkIdentity(database, paths, kind);
      if (version < oldest) throw older(paths, version, kind);
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

/** Runs SQLite's own structural check; a million chunks take about half a second. @throws FerryError E_STATE_CORRUPT */
export function checkWhole(database: Database.Database, paths: StatePaths): void {
  guarded(paths, () => {
    const found = database.pragma('quick_check(1)', { simple: true });
    if (found !== 'ok') throw corrupt(paths, 'is damaged inside');
  });
}

/** Prepares what works on `database`; a table or column that is not there means that somebody altered the file. */
export function prepared<T>(paths: StatePaths, prepare: () => T): T {
  try {
    return prepare();
  } catch (error) {
    if (error instanceof Database.SqliteError && error.code === 'SQLITE_ERROR') {
      throw corrupt(paths, 'lacks a table or a column that it was made with', error);
    }
    throw translate(error, paths);
  }
}

/** Reading the header already finds a file that is no SQLite file, or that was cut off. @returns its version */
function checkIdentity(database: Database.Database, paths: StatePaths, kind: DatabaseKind): number {
  const applicationId = database.pragma('application_id', { simple: true }) as number;
  const version = database.pragma('user_version', { simple: true }) as number;
  const empty = database.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0;
  if (applicationId === 0 && version === 0 && empty) throw corrupt(paths, 'is empty');
  if (applicationId !== kind.applicationId) {
    throw new FerryError(
      'E_STATE_FOREIGN',
      `${paths.subject}: ${paths.file} is a SQLite file of another program, not a state file`,
      'name another folder as `state` in the config, or move that file elsewhere',
    );
  }
  if (version < 1) throw corrupt(paths, 'has no version');
  if (version > kind.migrations.length) {
    throw new FerryError(
      'E_STATE_FOREIGN',
      `${paths.subject}: ${paths.file} was written by a newer dynaferry (state version ${version}, this one knows ${kind.migrations.length})`,
      `use that newer dynaferry, or ${paths.remedy}`,
    );
  }
  return version;
}

/** Whoever only looks cannot bring it up. */
function older(paths: StatePaths, version: number, kind: DatabaseKind): FerryError {
  return new FerryError(
    'E_STATE_FOREIGN',
    `${paths.subject}: ${paths.file} was written by an older dynaferry (state version ${version}, this one knows ${kind.migrations.length})`,
    'let the run that writes it end; then run backfill or verify again with this dynaferry, which brings the file up to date',
  );
}

/**
 * A migration that makes a table anew leaves the others without it for a moment (SQLite, "ALTER TABLE", its twelve
 * steps).
 */
function bringUp(database: Database.Database, paths: StatePaths, kind: DatabaseKind): void {
  database.pragma('foreign_keys = OFF');
  database
    .transaction(() => {
      migrate(database, kind);
      const [dangling] = database.pragma('foreign_key_check') as unknown[];
      if (dangling !== undefined) throw corrupt(paths, 'has records that refer to missing ones');
    })
    .immediate();
}

/**
 * `s01.db.v10` beside `s01.db`: what an earlier dynaferry can go on with. It is whole and on disk before anything is
 * changed. The caller holds the lock of `paths`.
 */
function keepCopy(database: Database.Database, paths: StatePaths, version: number): void {
  const copy = earlierCopy(paths.file, version);
  const building = `${copy}.new`;
  rmSync(building, { force: true });
  try {
    makeFile(building);
    database.prepare('VACUUM INTO ?').run(building);
    syncFile(building);
    renameSync(building, copy);
  } catch (error) {
    // Of a disk that is full, it would keep all that was free from the other shards.
    rmSync(building, { force: true });
    throw error;
  }
  syncFolderOf(copy);
}

/** The file's name as it was before `version` was brought up. */
export function earlierCopy(file: string, version: number): string {
  return `${file}.v${version}`;
}

function migrate(database: Database.Database, kind: DatabaseKind): void {
  const version = database.pragma('user_version', { simple: true }) as number;
  if (version === kind.migrations.length) return;
  for (const sql of kind.migrations.slice(version)) database.exec(sql);
  database.pragma(`user_version = ${kind.migrations.length}`);
}
