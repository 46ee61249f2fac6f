/**
 * Begins a shard again: what a backfill recorded is moved aside, never deleted; what a dry run recorded is discarded.
 *
 * A restart of several shards is one piece of work: what it was asked for is on disk before the first of them begins, an empty file a
 * shard, which goes when the shard's former state is aside and its item keys are given up. A run that is interrupted leaves those it had not come to, and the next
 * backfill of one of these begins it again, as it was asked to. One that was refused before it began is forgotten, unless an earlier run asked.
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { FerryError } from '../core/errors.js';
import { arrive } from './arrive.js';
import type { Clocks } from './clocks.js';
import { openDatabase } from './database.js';
import { makeFile, makeFolder, SIDE_FILES, shardFiles, syncFolderOf, type ShardFiles } from './files.js';
import { copied, displaced, maySayMove, type Displaced } from './home.js';
import { releaseItemKeys } from './key-register.js';
import { checkShard, lockShard, type StateAt } from './open.js';
import { STATE } from './schema.js';
import { guarded } from './sqlite-errors.js';
import { witnessOf } from './witness.js';

/** In the note of a restart that has begun. */
const ASIDE = 'aside';
/** How long a statement waits: a reader may recover the log. */
const BUSY_MS = 5_000;

export interface Archive extends StateAt {
  /** The folder is on a volume that moves between hosts. */
  readonly moves?: boolean;
}

/**
 * Notes that these shards are to begin again, durably.
 * @returns those of them that this was not asked for before
 * @throws FerryError E_STATE_IO
 */
export function askRestart(folder: string, shards: readonly string[]): readonly string[] {
  const asked = shards.filter((shard) => !isRestartAsked({ folder, shard }));
  for (const shard of asked) {
    const files = shardFiles(folder, shard);
    guarded(files, () => {
      makeFolder(folder);
      makeFile(files.restart);
      syncFolderOf(files.restart);
    });
  }
  return asked;
}

/** Whether a restart of the shard was asked for and has not begun. */
export function isRestartAsked({ folder, shard }: StateAt): boolean {
  return existsSync(shardFiles(folder, shard).restart);
}

/** Of one that was refused before it began: it is no piece of work that goes on. @throws FerryError E_STATE_IO */
export function forgetRestart({ folder, shard }: StateAt): void {
  const files = shardFiles(folder, shard);
  guarded(files, () => {
    if (existsSync(files.restart) && readFileSync(files.restart, 'utf8') !== ASIDE) removeRestart(files);
  });
}

/** With the former state aside it has begun, whatever refuses the rest: the item keys are still to be given up. */
function noteAside({ restart }: ShardFiles): void {
  if (existsSync(restart)) writeFileSync(restart, ASIDE);
}

function removeRestart(files: ShardFiles): void {
  if (!existsSync(files.restart)) return;
  rmSync(files.restart, { force: true });
  syncFolderOf(files.restart);
}

/**
 * Moves the state file to `<shard>.<UTC time>.db` while holding the shard's lock, and gives up the item keys that the shard
 * claimed: under another mapping they would clash with its own rows. Works on a damaged or foreign file too.
 *
 * @returns absolute path of the file that was moved; null where nothing was recorded for the shard
 * @throws FerryError E_STATE_LOCKED, E_STATE_COPIED where another one may go on, whose writes the next state would know nothing of; E_STATE_IO
 */
export function archiveState(options: Archive, clocks?: Clocks): string | null {
  const { folder, shard } = options;
  const files = shardFiles(folder, shard);
  if (!existsSync(folder)) return null;
  const lock = lockShard(files);
  try {
    // The claims go last: rows that were written without their claim would hide a shared key, a claim too many only
    // refuses. And they go even where no file is left, because a kill may have come between the two.
    const archive = existsSync(files.file) ? moveAside(files, options, clocks) : null;
    guarded(files, () => noteAside(files));
    releaseItemKeys({ folder, shard });
    guarded(files, () => removeRestart(files));
    return archive;
  } finally {
    lock.release();
  }
}

/**
 * Removes the state of a dry run: it moved nothing, and an old one says nothing of today's mapping.
 * @throws FerryError E_STATE_LOCKED, E_STATE_IO
 */
export function discardState({ folder, shard }: StateAt): void {
  const files = shardFiles(folder, shard);
  if (!existsSync(folder)) return;
  const lock = lockShard(files);
  try {
    guarded(files, () => {
      for (const side of ['', ...SIDE_FILES]) rmSync(files.file + side, { force: true });
      rmSync(witnessOf(files.file), { force: true });
    });
    releaseItemKeys({ folder, shard });
  } finally {
    lock.release();
  }
}

function moveAside(files: ShardFiles, { moves = false }: Archive, clocks: Clocks | undefined): string {
  foldLog(files, moves, clocks);
  return guarded(files, () => {
    const archive = freeName(files);
    renameSync(files.file, archive);
    for (const side of SIDE_FILES) {
      if (existsSync(files.file + side)) renameSync(files.file + side, archive + side);
    }
    // After a kill in between, the witness says that a file is gone: more is waited for than need be.
    rmSync(witnessOf(files.file), { force: true });
    syncFolderOf(archive);
    return archive;
  });
}

/**
 * Closing the last connection folds the log into the file and removes it; beside a reader, or damage, it stays and is moved.
 * @throws FerryError E_STATE_COPIED; E_STATE_LOCKED where nobody could look, since it may be a copy
 */
function foldLog(files: ShardFiles, moves: boolean, clocks: Clocks | undefined): void {
  let reason: Displaced | null = null;
  try {
    const database = openDatabase(files, STATE, BUSY_MS);
    try {
      checkShard(database, files);
      reason = guarded(files, () => displaced(files, database, clocks));
      if (reason !== null && moves && maySayMove(reason)) {
        guarded(files, () => arrive(files, database, clocks));
        reason = null;
      }
      // No reader is waited for.
      database.pragma('busy_timeout = 0');
      if (reason === null) database.pragma('wal_checkpoint(TRUNCATE)');
    } finally {
      database.close();
    }
  } catch (thrown) {
    if (thrown instanceof FerryError && thrown.code === 'E_STATE_LOCKED') throw thrown;
    // Damaged or foreign: that is what restarts are for. Its log is moved beside it.
  }
  if (reason !== null) throw copied(files, reason);
}

/** Renaming replaces silently, so a name that is taken is passed over. */
function freeName(files: ShardFiles): string {
  const stem = files.file.slice(0, -'.db'.length);
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  for (let number = 1; ; number++) {
    const name = `${stem}.${time}${number === 1 ? '' : `-${number}`}.db`;
    if (!existsSync(name)) return name;
  }
}
