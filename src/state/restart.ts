/**
 * Starts a shard again. It archives what a backfill recorded and never deletes it; it discards what a dry run recorded.
 * The request is on disk before (`restart-note.ts`).
 *
 * A kill at any line leaves a state that the next restart goes on from (`test/integration/state/restart.test.ts`).
 */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { FerryError, type ErrorCode } from '../core/errors.js';
import { arrive } from './home/arrive.js';
import type { Clocks } from './home/clocks.js';
import { openDatabase } from './sqlite/database.js';
import { SIDE_FILES, shardFiles, syncFolderOf, type ShardFiles } from './sqlite/files.js';
import { checkHome } from './home/home.js';
import { releaseItemKeys, type Turn } from './shared/key-register.js';
import { checkShard, lockShard, type StateAt } from './open.js';
import { ASIDE, movedTo, movingTo, note, noteOf, removeNote } from './restart-note.js';
import { STATE } from './sqlite/schema.js';
import { guarded } from './sqlite/errors.js';
import { witnessOf } from './home/witness.js';

/** How long a statement waits: a reader may recover the log. */
const BUSY_MS = 5_000;

/** These faults say nothing about the file: it can be looked into later. */
const PASSING: ReadonlySet<string> = new Set([
  'E_STATE_LOCKED',
  'E_DISK_FULL',
  'E_TOO_MANY_FILES',
  'E_OUT_OF_MEMORY',
] satisfies readonly ErrorCode[]);

export interface Archive extends StateAt {
  /** The folder is on a volume that moves between hosts. */
  readonly moves?: boolean;
  /** Moves nothing when the restart is no longer requested: another run may have come to the shard first. */
  readonly onlyIfAsked?: boolean;
}

/**
 * Archives the state: moves its file to `<shard>.<UTC time>.db` while holding the shard's lock. It works on a damaged
 * or foreign file too. `giveUpClaims` ends the restart.
 *
 * @returns absolute path of the file that was moved; null: nothing was recorded for the shard, or another run started
 * it again
 * @throws FerryError E_STATE_LOCKED; E_STATE_COPIED when another copy may go on, whose writes the next state would not
 * know of; E_STATE_IO; E_DISK_FULL and other faults of the machine
 */
export function archiveState(options: Archive, clocks?: Clocks): string | null {
  const { folder, shard, onlyIfAsked = false } = options;
  const files = shardFiles(folder, shard);
  if (!existsSync(folder)) return null;
  const lock = lockShard(files);
  try {
    // Another run may have given up the former claims, and may be about to make its file.
    if (onlyIfAsked && guarded(files, () => noteOf(files)) === null) return null;
    const begun = guarded(files, () => finishMove(files));
    const archive = existsSync(files.file) ? moveAside(files, options, clocks) : begun;
    // Once the former state is archived the restart has started, whatever refuses the rest.
    guarded(files, () => note(files, ASIDE));
    return archive;
  } finally {
    lock.release();
  }
}

/**
 * Gives up the item keys that an archived state of the shard claimed: under another mapping they would clash with its
 * own rows. The claims go last. Rows that were written without their claim would hide a shared key; a claim too many
 * only refuses. They go even when there is no file, because a kill may have come between the two steps.
 * @param turn as for `releaseItemKeys`
 * @throws FerryError E_STATE_LOCKED, E_STATE_CORRUPT, E_STATE_IO; what `turn` throws. The restart stays requested then.
 */
export async function giveUpClaims({ folder, shard }: StateAt, turn: Turn): Promise<void> {
  const files = shardFiles(folder, shard);
  if (!existsSync(folder)) return;
  const lock = lockShard(files);
  try {
    // Another run may have done it and gone on: its claims stay.
    if (guarded(files, () => noteOf(files)) !== ASIDE) return;
    if (existsSync(files.file)) throw begunBetween(files);
    await releaseItemKeys({ folder, shard }, turn);
    guarded(files, () => removeNote(files));
  } finally {
    lock.release();
  }
}

/**
 * Reports that a run, which started before the restart was requested, recorded the shard again. The rows that it wrote
 * would lose their claims.
 */
function begunBetween({ subject }: ShardFiles): FerryError {
  return new FerryError(
    'E_STATE_LOCKED',
    `${subject}: another run started this shard while this run was about to start it again`,
    'let that run end, then run the same command again: it archives that progress, and starts the shard again',
  );
}

/**
 * Removes the state of a dry run: the dry run moved nothing, and its state says nothing about today's mapping.
 * @param turn as for `releaseItemKeys`
 * @throws FerryError E_STATE_LOCKED, E_STATE_IO; what `turn` throws
 */
export async function discardState({ folder, shard }: StateAt, turn: Turn): Promise<void> {
  const files = shardFiles(folder, shard);
  if (!existsSync(folder)) return;
  const lock = lockShard(files);
  try {
    guarded(files, () => {
      for (const side of ['', ...SIDE_FILES]) rmSync(files.file + side, { force: true });
      rmSync(witnessOf(files.file), { force: true });
    });
    await releaseItemKeys({ folder, shard }, turn);
  } finally {
    lock.release();
  }
}

function moveAside(files: ShardFiles, { moves = false }: Archive, clocks: Clocks | undefined): string {
  foldLog(files, moves, clocks);
  return guarded(files, () => {
    const archive = freeName(files);
    note(files, movingTo(basename(archive)));
    renameSync(files.file, archive);
    moveRest(files, archive);
    return archive;
  });
}

/**
 * A log that stayed behind would be of no file, and what it has would be lost.
 * @returns what a restart that was killed had moved, or null
 */
function finishMove(files: ShardFiles): string | null {
  const name = movedTo(noteOf(files));
  if (name === null) return null;
  const archive = join(files.folder, basename(name));
  // When the file is still there, its move has not started.
  if (existsSync(files.file) || !existsSync(archive)) return null;
  moveRest(files, archive);
  return archive;
}

/** Moves what belongs to the file. Its witness would say that the file is missing, and make the next state wait. */
function moveRest(files: ShardFiles, archive: string): void {
  for (const side of SIDE_FILES) {
    if (existsSync(files.file + side)) renameSync(files.file + side, archive + side);
  }
  rmSync(witnessOf(files.file), { force: true });
  syncFolderOf(archive);
}

/**
 * Closing the last connection folds the log into the file and removes it; beside a reader, or damage, it stays and is
 * moved.
 * @throws FerryError E_STATE_COPIED; E_STATE_LOCKED and faults of the machine where nobody could look, since it may be
 * a copy
 */
function foldLog(files: ShardFiles, moves: boolean, clocks: Clocks | undefined): void {
  try {
    const database = openDatabase(files, STATE, BUSY_MS, (opened) => {
      checkShard(opened, files);
      guarded(files, () => checkHome(files, opened, moves, clocks));
    });
    try {
      guarded(files, () => {
        if (checkHome(files, database, moves, clocks) !== null) arrive(files, database, clocks);
      });
      // No reader is waited for.
      database.pragma('busy_timeout = 0');
      database.pragma('wal_checkpoint(TRUNCATE)');
    } finally {
      database.close();
    }
  } catch (thrown) {
    if (thrown instanceof FerryError && (thrown.code === 'E_STATE_COPIED' || PASSING.has(thrown.code))) throw thrown;
    // Damaged or foreign: that is what restarts are for. Its log is moved beside it.
  }
}

/** Returns a name that is free: renaming would replace a file silently. */
function freeName(files: ShardFiles): string {
  const stem = files.file.slice(0, -'.db'.length);
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  for (let number = 1; ; number++) {
    const name = `${stem}.${time}${number === 1 ? '' : `-${number}`}.db`;
    if (!existsSync(name)) return name;
  }
}
