/**
 * Opens the budget ledger as a file that can be trusted. The file is written without a sync, and holds nothing that
 * outlasts its runs. If SQLite refuses the file, it is moved away. If it is from an earlier start of the machine, it is
 * removed. In both cases a new file is created.
 *
 * Processes join one at a time, from the look at the file until they hold the lock of their own run. So no process
 * replaces the file under another one, and only one of several that find it damaged replaces it. While any run is
 * alive, whose part the file may hold, no process replaces it. Otherwise the runs could spend the whole budget twice. A
 * kill at any moment leaves a file that is checked again, and never a log that SQLite takes for that of another file.
 */
import Database from 'better-sqlite3';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { FerryError } from '../../core/errors.js';
import { bootId } from '../home/clocks.js';
import { makeFile, SIDE_FILES, type StatePaths } from '../sqlite/files.js';
import { acquireLock } from '../sqlite/lock.js';
import { lockHolders } from '../sqlite/lock-holder.js';

const UNKNOWN_BOOT = 'unknown';
const SCHEMA = `
  CREATE TABLE ledger (boot TEXT NOT NULL);
  CREATE TABLE runs (run INTEGER PRIMARY KEY, resource TEXT NOT NULL, pid INTEGER NOT NULL, held REAL NOT NULL);
  CREATE TABLE resting (resource TEXT NOT NULL, held REAL NOT NULL, until REAL NOT NULL);`;
/** The columns that the statements on the ledger need. Preparing these statements shows whether the file has them. */
const ASKED = ['SELECT run, resource, pid, held FROM runs', 'SELECT resource, held, until FROM resting'] as const;

/**
 * Runs `action` while no other process joins.
 * @param waitMs how long it waits for its turn; the process does nothing else in that time
 * @throws FerryError E_STATE_LOCKED, naming the process that joins where it is visible; E_STATE_IO
 */
export function inTurn<T>(paths: StatePaths, waitMs: number, action: () => T): T {
  const file = `${paths.file}-join.lock`;
  const lock = acquireLock(file, paths, waitMs);
  if (lock === null) {
    const [pid] = lockHolders(file) ?? [];
    throw new FerryError(
      'E_STATE_LOCKED',
      `${paths.subject}: ${pid === undefined ? 'another process' : `process ${pid}`} has been joining it for ${waitMs / 1_000} s`,
      'check whether it was stopped; let it continue or end it, then run the same command again',
    );
  }
  try {
    return action();
  } finally {
    lock.release();
  }
}

/**
 * Opens the ledger or creates it. Call it in turn (`inTurn`). The connection syncs nothing.
 * @param waitMs how long a statement and the opening wait, in ms
 * @param live returns the lock files of the runs that are alive
 * @returns the connection, and the path to which a damaged file was moved, or null
 * @throws FerryError E_STATE_CORRUPT where a live run has a damaged file, or one that was removed; SqliteError
 */
export function freshLedger(
  paths: StatePaths,
  waitMs: number,
  live: () => readonly string[],
): { readonly database: Database.Database; readonly putAside: string | null } {
  const found = existsSync(paths.file) ? look(paths, waitMs) : 'missing';
  if (typeof found !== 'string') return { database: found, putAside: null };
  const users = live();
  if (users.length > 0) throw inUse(paths, found, users);
  const putAside = found === 'damaged' ? moveAside(paths) : null;
  return { database: makeNew(paths, waitMs), putAside };
}

/** Opens the file and checks it. It closes the connection unless it returns it. */
function look(paths: StatePaths, waitMs: number): Database.Database | 'damaged' | 'earlier' {
  let database: Database.Database | undefined;
  try {
    database = open(paths, waitMs);
    const isWhole = database.pragma('quick_check(1)', { simple: true }) === 'ok';
    for (const sql of ASKED) database.prepare(sql);
    const boot = database.prepare<[], string>('SELECT boot FROM ledger').pluck().get();
    const found = !isWhole ? 'damaged' : boot === thisBoot() ? 'usable' : 'earlier';
    if (found === 'usable') return database;
    database.close();
    return found;
  } catch (error) {
    database?.close();
    if (isRefused(error)) return 'damaged';
    throw error;
  }
}

/**
 * Returns whether SQLite refuses the file. `SQLITE_ERROR`: it lacks a table or column, as a file of another version or
 * program does.
 */
function isRefused(error: unknown): boolean {
  return error instanceof Database.SqliteError && /^SQLITE_(CORRUPT|NOTADB|ERROR)/.test(error.code);
}

function makeNew(paths: StatePaths, waitMs: number): Database.Database {
  // A file that exists here is from an earlier start of the machine. SQLite deletes a log that is left beside an empty
  // file.
  rmSync(paths.file, { force: true });
  makeFile(paths.file);
  const database = open(paths, waitMs);
  try {
    database.transaction(() => {
      database.exec(SCHEMA);
      database.prepare('INSERT INTO ledger (boot) VALUES (?)').run(thisBoot());
    })();
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Moves a damaged file away. The file itself goes last, so that after a kill it is still found as the damaged one. */
function moveAside({ file }: StatePaths): string {
  const name = freeName(file);
  for (const side of SIDE_FILES) if (existsSync(file + side)) renameSync(file + side, name + side);
  renameSync(file, name);
  return name;
}

function freeName(file: string): string {
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  for (let number = 1; ; number++) {
    const name = `${file}.damaged-${time}${number === 1 ? '' : `-${number}`}`;
    if (!existsSync(name)) return name;
  }
}

function open({ file }: StatePaths, waitMs: number): Database.Database {
  const database = new Database(file, { fileMustExist: true, timeout: waitMs });
  try {
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = OFF');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function thisBoot(): string {
  return bootId() ?? UNKNOWN_BOOT;
}

const FACTS = {
  missing: 'was removed',
  damaged: 'is damaged',
  earlier: 'is from before the last start of the machine',
} as const;

function inUse(paths: StatePaths, found: keyof typeof FACTS, users: readonly string[]): FerryError {
  const pids = [...new Set(users.flatMap((file) => lockHolders(file) ?? []))];
  const who = pids.length === 0 ? 'another run' : `the run of process ${pids.join(' and ')}`;
  return new FerryError(
    'E_STATE_CORRUPT',
    `${paths.subject}: ${paths.file} ${FACTS[found]}, while ${who} still uses it; both could consume the whole budget`,
    `wait until ${who} has ended, or end it, and run the same command again: it creates the file again`,
  );
}
