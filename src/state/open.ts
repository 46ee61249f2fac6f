/**
 * Opens one shard's state for the one process that works on it. It takes the lock first, then the file. It creates a
 * missing file, and refuses one that is foreign, newer or damaged.
 */
import { existsSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import { FerryError } from '../core/errors.js';
import type { StateStore } from '../core/ports/state-ports.js';
import type { Clocks } from './home/clocks.js';
import { checkWhole, createDatabase, openDatabase, openReadOnly, prepared } from './sqlite/database.js';
import { arrive } from './home/arrive.js';
import { checkHome, homeHere, mayBeElsewhere } from './home/home.js';
import { newLineage, readSeen } from './home/witness.js';
import { makeFolder, shardFiles, type ShardFiles } from './sqlite/files.js';
import { acquireLock, type Lock } from './sqlite/lock.js';
import { lockHolders } from './sqlite/lock-holder.js';
import { eachOnce, inheritanceOf } from './archives/archived-states.js';
import { LateWrites } from './tables/late-writes.js';
import { StoredBinding } from './tables/binding.js';
import { Meta } from './tables/meta.js';
import { STATE } from './sqlite/schema.js';
import { guarded } from './sqlite/errors.js';
import { BootClock } from './home/boot-clock.js';
import { SqliteStateStore } from './store.js';

/**
 * How long a start waits for the lock in ms: `status` may hold it briefly, and the previous process may still be
 * ending.
 */
const LOCK_WAIT_MS = 2_000;
/** How long a statement waits in ms. Only a foreign program, or a reader that recovers the log, makes it wait. */
const BUSY_MS = 5_000;

export interface StateAt {
  /** Absolute path of the state folder. */
  readonly folder: string;
  readonly shard: string;
}

export interface OpenState extends StateAt {
  readonly create: boolean;
  /** The folder is on a volume that moves between hosts: the same files on another machine are no copy. */
  readonly moves?: boolean;
}

/**
 * Opens the state of a shard, and locks the shard until `close`.
 * @param options.create creates the folder and the file if they are missing
 * @throws FerryError E_STATE_MISSING, E_STATE_LOCKED, E_STATE_COPIED, E_STATE_CORRUPT, E_STATE_FOREIGN, E_STATE_IO,
 * E_CONFIG_INVALID
 */
export function openStateStore(options: OpenState, clocks?: Clocks): StateStore {
  const files = shardFiles(options.folder, options.shard);
  if (!options.create && !existsSync(files.file)) throw missing(files);
  guarded(files, () => makeFolder(files.folder));
  const lock = lockShard(files);
  try {
    if (!existsSync(files.file)) {
      if (!options.create) throw missing(files);
      createDatabase(files, STATE, (database) => beginFile(database, files, clocks));
    }
    return openLocked(files, lock, options.moves ?? false, clocks);
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Locks the shard. @throws FerryError E_STATE_LOCKED, naming the process that holds the shard where that is known */
export function lockShard(files: ShardFiles): Lock {
  const lock = acquireLock(files.lock, files, LOCK_WAIT_MS);
  if (lock !== null) return lock;
  const seen = lockHolders(files.lock);
  const pid = seen === null ? recordedHolder(files) : (seen[0] ?? null);
  const elsewhere =
    seen === null ? 'another process' : 'a process that is not visible from here (in another container?)';
  throw new FerryError(
    'E_STATE_LOCKED',
    `${files.subject}: ${pid === null ? elsewhere : `process ${pid}`} works on this shard`,
    `let it finish (\`dynaferry status\` shows how far it is)${pid === null ? '' : `, or stop it with \`kill ${pid}\`, which saves its checkpoint`}; the lock ends with that process: delete no file`,
  );
}

export function missing(files: ShardFiles): FerryError {
  return new FerryError(
    'E_STATE_MISSING',
    `${files.subject}: nothing is recorded; there is no ${files.file}`,
    `start it with \`dynaferry backfill --shard ${files.shard}\`; if it was started before, check that \`state\` in the config names that folder`,
  );
}

/**
 * Checks that the file belongs to this shard.
 * @throws FerryError E_STATE_FOREIGN where the file was made for another shard, E_STATE_CORRUPT
 */
export function checkShard(database: Database, files: ShardFiles): void {
  const shard = prepared(files, () => new StoredBinding(database).shard());
  if (shard === files.shard) return;
  throw new FerryError(
    'E_STATE_FOREIGN',
    `${files.subject}: ${files.file} is the state of ${shard === null ? 'no shard' : `shard ${shard}`}`,
    `put back the file that belongs here, or ${files.remedy}`,
  );
}

function beginFile(database: Database, files: ShardFiles, clocks: Clocks | undefined): void {
  Meta.begin(database, files.shard);
  const clock = new BootClock(database, clocks);
  clock.anchor();
  const { sentAgo, archives, former } = inheritanceOf(files, clocks);
  // A witness without a file: somebody removed the file without archiving it, so its records are lost.
  const isLost = readSeen(files.file) !== null;
  const ago = isLost ? 0 : sentAgo;
  const inherited = { archives, former: isLost ? eachOnce([...former, null]) : former };
  new LateWrites(database).inherit(ago === null ? null : clock.now() - ago, inherited);
  database.prepare('UPDATE meta SET lineage = ?').run(newLineage());
}

/** Takes up a state from elsewhere, on a volume that moves. @returns whether it came from elsewhere */
function takeUp(files: ShardFiles, database: Database, moves: boolean, clocks: Clocks | undefined): boolean {
  return guarded(files, () => {
    const arrived = checkHome(files, database, moves, clocks) !== null || (moves && mayBeElsewhere(database, clocks));
    if (arrived) database.transaction(() => arrive(files, database, clocks)).immediate();
    return arrived;
  });
}

function openLocked(files: ShardFiles, lock: Lock, moves: boolean, clocks: Clocks | undefined): StateStore {
  const database = openDatabase(files, STATE, BUSY_MS, (opened) => {
    checkShard(opened, files);
    guarded(files, () => checkHome(files, opened, moves, clocks));
  });
  try {
    checkWhole(database, files);
    const arrived = takeUp(files, database, moves, clocks);
    const clock = prepared(files, () => new BootClock(database, clocks));
    const store = prepared(files, () => new SqliteStateStore(files, database, lock, clock));
    guarded(files, () => {
      const waitsAgain = clock.anchor() || arrived;
      new LateWrites(database).find(clock.now());
      new Meta(database).hold({ pid: process.pid, since: Date.now() });
      store.settle(homeHere(files, clocks), waitsAgain);
    });
    return store;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Returns the pid in the state file if that process is alive. A holder that just started may not have written its own.
 */
function recordedHolder(files: ShardFiles): number | null {
  try {
    const database = openReadOnly(files, STATE, 0);
    try {
      const pid = new Meta(database).holder()?.pid ?? null;
      return pid !== null && isAlive(pid) ? pid : null;
    } finally {
      database.close();
    }
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
