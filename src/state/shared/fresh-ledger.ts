/**
 * Opens the ledger of the budget as a file that can be believed. It is written without a sync, and holds nothing that
 * outlasts its runs: one that SQLite refuses is put aside, and one of an earlier start of the machine is removed, and
 * both are made new.
 *
 * Whoever joins does so in turn, from its look at the file until it has its own run's lock: so nobody makes the file
 * new under another one, and of several that find it damaged one does. While any run is there, whose part the file may
 * tell, nobody makes it new: the whole budget would be spent twice. Whatever is killed in between leaves a file that is
 * looked at again, and never a log that another file is taken for.
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
/** What each statement on it asks for; preparing them says whether the file has it. */
const ASKED = ['SELECT run, resource, pid, held FROM runs', 'SELECT resource, held, until FROM resting'] as const;

/**
 * Does `action` while no other process is about to join.
 * @param waitMs how long it is waited for; meanwhile, the process does nothing else
 * @throws FerryError E_STATE_LOCKED, naming who keeps it where that can be seen; E_STATE_IO
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
 * To be called in turn. Nothing of it is synced from here on.
 * @param waitMs how long a statement waits, and the opening with it
 * @param live lock files of the runs that are there
 * @returns its connection, and where a damaged file was put, if one was
 * @throws FerryError E_STATE_CORRUPT where a run that is there has a damaged file, or one that was removed; SqliteError
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

/** Closes what it does not return. */
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

/** `SQLITE_ERROR`: it has no such table or column, as a file of another version or of another program. */
function isRefused(error: unknown): boolean {
  return error instanceof Database.SqliteError && /^SQLITE_(CORRUPT|NOTADB|ERROR)/.test(error.code);
}

function makeNew(paths: StatePaths, waitMs: number): Database.Database {
  // One that is there is of an earlier start of the machine. SQLite deletes a log that is left beside an empty file.
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

/** The file itself goes last: until then it is the damaged one, whatever is killed in between. */
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
