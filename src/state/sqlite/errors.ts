/**
 * Turns every error of SQLite and of the file system into a FerryError, so that no other error leaves `state/`. The
 * message holds only the error's code, because SQLite's own text may quote stored values.
 */
import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import Database from 'better-sqlite3';
import { FerryError } from '../../core/errors.js';
import { machineFault } from '../../core/machine/machine-faults.js';
import { asFerryError, defectHint } from '../../core/thrown.js';
import type { StatePaths } from './files.js';
import { writerOf } from './lock-holder.js';

/** Runs `action` on the files of `paths`, and turns every error into a FerryError. */
export function guarded<T>(paths: StatePaths, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw translate(error, paths);
  }
}

/** Returns whether another connection kept its lock for longer than this one waited. */
export function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && /^SQLITE_(BUSY|LOCKED)/.test(error.code);
}

export function corrupt(paths: StatePaths, found: string, cause?: unknown): FerryError {
  return new FerryError(
    'E_STATE_CORRUPT',
    `${paths.subject}: the state file ${paths.file} ${found}`,
    paths.putBack === null ? paths.remedy : `${paths.putBack}, or ${paths.remedy}`,
    { cause },
  );
}

export function translate(error: unknown, paths: StatePaths): FerryError {
  if (error instanceof FerryError) return error;
  const doing = `${paths.subject}: the state file ${paths.file}`;
  const code = (error as { readonly code?: unknown } | null)?.code;
  if (typeof code !== 'string' || machineFault(doing, error) !== null) return asFerryError(error, doing);
  if (error instanceof Database.SqliteError) return fromSqlite(error, code, paths);
  return /^E[A-Z0-9]+$/.test(code) ? fromFileSystem(error, code, paths) : asFerryError(error, doing);
}

// Extended codes (SQLITE_IOERR_WRITE) begin with their primary one (https://www.sqlite.org/rescode.html).
function fromSqlite(error: unknown, code: string, paths: StatePaths): FerryError {
  const primary = /^SQLITE_[A-Z]+/.exec(code)?.[0];
  switch (primary) {
    case 'SQLITE_CORRUPT':
      return corrupt(paths, `is damaged (${code})`, error);
    case 'SQLITE_NOTADB':
      return corrupt(paths, 'is not a SQLite file, or its header is damaged', error);
    case 'SQLITE_CANTOPEN':
      // SQLite gives no more detail (https://www.sqlite.org/rescode.html#cantopen).
      return noFilesLeft(paths) ?? notWritable(error, code, paths);
    case 'SQLITE_READONLY':
    case 'SQLITE_PERM':
    case 'SQLITE_AUTH':
      return notWritable(error, code, paths);
    case 'SQLITE_IOERR':
    case 'SQLITE_NOLFS':
    case 'SQLITE_PROTOCOL':
      return diskFailed(error, code, paths);
    case 'SQLITE_BUSY':
    case 'SQLITE_LOCKED':
      return locked(error, paths);
    default:
      return internal(error, code, paths);
  }
}

/** Returns the fault for a locked file. Only the kernel names the process: dynaferry does not guess. */
function locked(cause: unknown, paths: StatePaths): FerryError {
  const pid = writerOf(paths.file);
  return new FerryError(
    'E_STATE_LOCKED',
    `${paths.subject}: ${pid === null ? 'another process' : `process ${pid}`} has locked the state file ${paths.file}`,
    pid === null
      ? 'check which process has it open (`lsof`): a stopped dynaferry, an sqlite3 shell or a backup. Let it continue or end it, then run the same command again; nothing is lost'
      : `check what it is and whether it was stopped (\`ps -o pid,stat,args -p ${pid}\`). Let it continue or end it, then run the same command again; nothing is lost`,
    { cause },
  );
}

function fromFileSystem(error: unknown, code: string, paths: StatePaths): FerryError {
  switch (code) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOENT':
    case 'ENOTDIR':
    case 'EISDIR':
      return notWritable(error, code, paths);
    default:
      return diskFailed(error, code, paths);
  }
}

/** Returns the fault where this process cannot open any file now; else null. */
function noFilesLeft(paths: StatePaths): FerryError | null {
  try {
    closeSync(openSync(devNull, 'r'));
    return null;
  } catch (error) {
    return machineFault(`${paths.subject}: the state file ${paths.file}`, error);
  }
}

function notWritable(cause: unknown, code: string, paths: StatePaths): FerryError {
  return new FerryError(
    'E_STATE_IO',
    `${paths.subject}: the state file ${paths.file} cannot be opened for writing (${code})`,
    'run as the user who owns it, or make the state folder writable (`state` in the config names it), then run the same command again',
    { cause },
  );
}

function diskFailed(cause: unknown, code: string, paths: StatePaths): FerryError {
  return new FerryError(
    'E_STATE_IO',
    `${paths.subject}: reading or writing the state file ${paths.file} failed (${code})`,
    'check the disk, and that the state folder is on a local disk (network file systems lose locks); then run the same command again',
    { cause },
  );
}

function internal(cause: unknown, code: string, paths: StatePaths): FerryError {
  return new FerryError(
    'E_INTERNAL',
    `${paths.subject}: SQLite refused a statement on ${paths.file} (${code})`,
    defectHint(cause),
    { cause },
  );
}
