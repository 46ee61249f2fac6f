/**
 * Creates and opens dynaferry's SQLite files. A file appears under its name only when its schema is complete. It is
 * used only after a check that it is dynaferry's, of a known version, and whole. Every commit is on disk before it
 * returns.
 */
import Database from 'better-sqlite3';
import { chmodSync, renameSync, rmSync, statSync } from 'node:fs';
import { FerryError } from '../../core/errors.js';
import { makeFile, removeSideFiles, syncFile, syncFolderOf, type StatePaths } from './files.js';
import type { DatabaseKind } from './schema.js';
import { corrupt, guarded, translate } from './errors.js';

/**
 * Builds the file under another name and then renames it, so that a kill leaves either no file or a complete one. The
 * caller holds the lock of `paths`.
 *
 * @param fill writes the first rows, in the transaction that creates the schema
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
    // SQLite would replay the log of a deleted file into the new one.
    removeSideFiles(paths.file);
    renameSync(building, paths.file);
    syncFolderOf(paths.file);
  });
}

/**
 * Opens an existing file for writing. A refused file keeps each byte, and so does its log.
 *
 * @param busyMs how long a statement waits for another process
 * @param accept throws where no run may work on the file. The file may be of any version, and `accept` may run twice
 * @throws FerryError E_STATE_CORRUPT, E_STATE_FOREIGN, E_STATE_IO, E_STATE_LOCKED
 */
export function openDatabase(
  paths: StatePaths,
  kind: DatabaseKind,
  busyMs: number,
  accept: (database: Database.Database) => void = () => undefined,
): Database.Database {
  return guarded(paths, () => {
    // A restored copy may have any mode, and SQLite creates -wal and -shm with the mode that the file has now.
    chmodSync(paths.file, 0o600);
    // The last writable connection folds the log into the file when it closes, even after a refusal. So a read-only
    // connection checks the file first.
    if (hasLog(paths)) look(paths, kind, busyMs, accept);
    const database = new Database(paths.file, { fileMustExist: true, timeout: busyMs });
    try {
      const version = checkIdentity(database, paths, kind);
      accept(database);
      database.pragma('journal_mode = WAL');
      database.pragma('synchronous = FULL');
      // These two lines matter on macOS alone: there, fsync(2) does not reach the platter.
      database.pragma('fullfsync = ON');
      database.pragma('checkpoint_fullfsync = ON');
      // Waits for other processes only where the file needs a migration.
      if (version < kind.migrations.length) {
        // Where many processes open a file at once, none of them can tell which one makes the copy. And the copy may be
        // larger than the free space.
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
 * Opens an existing file read-only, beside a process that writes it.
 *
 * @param oldest oldest version that the caller can read; by default the current one
 * @throws FerryError E_STATE_CORRUPT, E_STATE_FOREIGN, E_STATE_IO, E_STATE_LOCKED
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

/**
 * Prepares objects that work on `database`. A missing table or column means that somebody altered the file.
 * @throws FerryError E_STATE_CORRUPT, E_STATE_IO, E_STATE_LOCKED
 */
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

/**
 * Checks that the file is dynaferry's, and of a known version. Reading the header already finds a file that is no
 * SQLite file, or that is truncated. @returns its version
 */
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

/** Returns the fault for an older file: a read-only connection cannot migrate it. */
function older(paths: StatePaths, version: number, kind: DatabaseKind): FerryError {
  return new FerryError(
    'E_STATE_FOREIGN',
    `${paths.subject}: ${paths.file} was written by an older dynaferry (state version ${version}, this one knows ${kind.migrations.length})`,
    'let the run that writes it end; then run backfill or verify again with this dynaferry, which brings the file up to date',
  );
}

/**
 * Migrates the file in one transaction, without foreign keys. A migration that rebuilds a table leaves references to it
 * open for a moment (SQLite, "ALTER TABLE", its twelve steps).
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
 * Keeps a copy of the file before a migration: `s01.db.v10` beside `s01.db`. An earlier dynaferry can continue with it.
 * The copy is whole and on disk before the migration starts. The caller holds the lock of `paths`.
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
    // On a full disk, the partial copy would take the free space from the other shards.
    rmSync(building, { force: true });
    throw error;
  }
  syncFolderOf(copy);
}

/** Returns the name of the copy that was made before the migration from `version`. */
export function earlierCopy(file: string, version: number): string {
  return `${file}.v${version}`;
}

function migrate(database: Database.Database, kind: DatabaseKind): void {
  const version = database.pragma('user_version', { simple: true }) as number;
  if (version === kind.migrations.length) return;
  for (const sql of kind.migrations.slice(version)) database.exec(sql);
  database.pragma(`user_version = ${kind.migrations.length}`);
}
