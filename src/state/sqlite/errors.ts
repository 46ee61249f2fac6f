/**
 * Turns every error of SQLite and of the file system into a FerryError, so that none leaks out of `state/`. Only the
 * error's code goes into the message: SQLite's own text may quote what was being stored.
 */
import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import Database from 'better-sqlite3';
import { FerryError } from '../../core/errors.js';
import { machineFault } from '../../core/machine-faults.js';
import { asFerryError, defectHint } from '../../core/thrown.js';
import type { StatePlace } from './files.js';
import { writerOf } from './lock-holder.js';

/** Runs `action` on the files of `place`; whatever it throws comes out as a FerryError. */
export function guarded<T>(place: StatePlace, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw translate(error, place);
  }
}

/** True where another connection holds a lock that this one waited for in vain. */
export function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && /^SQLITE_(BUSY|LOCKED)/.test(error.code);
}

export function corrupt(place: StatePlace, found: string, cause?: unknown): FerryError {
  return new FerryError(
    'E_STATE_CORRUPT',
    `${place.subject}: the state file ${place.file} ${found}`,
    place.putBack === null ? place.remedy : `${place.putBack}, or ${place.remedy}`,
    { cause },
  );
}

export function translate(error: unknown, place: StatePlace): FerryError {
  if (error instanceof FerryError) return error;
  const doing = `${place.subject}: the state file ${place.file}`;
  const code = (error as { readonly code?: unknown } | null)?.code;
  if (typeof code !== 'string' || machineFault(doing, error) !== null) return asFerryError(error, doing);
  if (error instanceof Database.SqliteError) return fromSqlite(error, code, place);
  return /^E[A-Z0-9]+$/.test(code) ? fromFileSystem(error, code, place) : asFerryError(error, doing);
}

// Extended codes (SQLITE_IOERR_WRITE) begin with their primary one (https://www.sqlite.org/rescode.html).
function fromSqlite(error: unknown, code: string, place: StatePlace): FerryError {
  const primary = /^SQLITE_[A-Z]+/.exec(code)?.[0];
  switch (primary) {
    case 'SQLITE_CORRUPT':
      return corrupt(place, `is damaged (${code})`, error);
    case 'SQLITE_NOTADB':
      return corrupt(place, 'is not a SQLite file, or its header is damaged', error);
    case 'SQLITE_CANTOPEN':
      // SQLite says no more of it (https://www.sqlite.org/rescode.html#cantopen).
      return noFilesLeft(place) ?? notWritable(error, code, place);
    case 'SQLITE_READONLY':
    case 'SQLITE_PERM':
    case 'SQLITE_AUTH':
      return notWritable(error, code, place);
    case 'SQLITE_IOERR':
    case 'SQLITE_NOLFS':
    case 'SQLITE_PROTOCOL':
      return diskFailed(error, code, place);
    case 'SQLITE_BUSY':
    case 'SQLITE_LOCKED':
      return locked(error, place);
    default:
      return internal(error, code, place);
  }
}

/** By whom is for the kernel to say, not to guess. */
function locked(cause: unknown, place: StatePlace): FerryError {
  const pid = writerOf(place.file);
  return new FerryError(
    'E_STATE_LOCKED',
    `${place.subject}: ${pid === null ? 'another process' : `process ${pid}`} keeps the state file ${place.file} locked`,
    pid === null
      ? 'see who has it open (`lsof`): a dynaferry that stands still, an sqlite3 shell, a backup; let that go on or end it, then run again; nothing is lost'
      : `see what it is and whether it was stopped (\`ps -o pid,stat,args -p ${pid}\`); let it go on or end it, then run again; nothing is lost`,
    { cause },
  );
}

function fromFileSystem(error: unknown, code: string, place: StatePlace): FerryError {
  switch (code) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOENT':
    case 'ENOTDIR':
    case 'EISDIR':
      return notWritable(error, code, place);
    default:
      return diskFailed(error, code, place);
  }
}

/** Whether this process may open no file at all, now. */
function noFilesLeft(place: StatePlace): FerryError | null {
  try {
    closeSync(openSync(devNull, 'r'));
    return null;
  } catch (error) {
    return machineFault(`${place.subject}: the state file ${place.file}`, error);
  }
}

function notWritable(cause: unknown, code: string, place: StatePlace): FerryError {
  return new FerryError(
    'E_STATE_IO',
    `${place.subject}: the state file ${place.file} cannot be opened for writing (${code})`,
    'run as the user who owns it, or make the state folder writable (`state` in the config names it), then run again',
    { cause },
  );
}

function diskFailed(cause: unknown, code: string, place: StatePlace): FerryError {
  return new FerryError(
    'E_STATE_IO',
    `${place.subject}: reading or writing the state file ${place.file} failed (${code})`,
    'check the disk, and that the state folder is on a local one (network file systems lose locks); then run again',
    { cause },
  );
}

function internal(cause: unknown, code: string, place: StatePlace): FerryError {
  return new FerryError(
    'E_INTERNAL',
    `${place.subject}: SQLite refused a statement on ${place.file} (${code})`,
    defectHint(cause),
    { cause },
  );
}
