/**
 * Starts a shard again. It archives the records of a backfill and never deletes them, and it discards those of a dry
 * run. The request is on disk before that (`restart-note.ts`).
 *
 * After a kill at any line, the next restart can continue (`test/integration/state/restart.test.ts`).
 */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { FerryError, type ErrorCode } from '../core/errors.js';
import { arrive } from './home/arrive.js';
import type { Clocks } from './home/clocks.js';
import { freeArchive } from './archives/archived-states.js';
import { openDatabase, prepared } from './sqlite/database.js';
import { SIDE_FILES, shardFiles, syncFolderOf, type ShardFiles } from './sqlite/files.js';
import { checkHome } from './home/home.js';
import { releaseItemKeys, type Turn } from './shared/key-register.js';
import { LateWrites } from './tables/late-writes.js';
import { checkShard, lockShard, type StateAt } from './open.js';
import { ASIDE, movedTo, movingTo, note, noteOf, removeNote } from './restart-note.js';
import { STATE } from './sqlite/schema.js';
import { guarded } from './sqlite/errors.js';
import { witnessOf } from './home/witness.js';

/** How long a statement waits in ms: a reader may be recovering the log. */
const BUSY_MS = 5_000;

/** Faults that say nothing about the file, so a later restart can open it. */
const PASSING: ReadonlySet<string> = new Set([
  'E_STATE_LOCKED',
  'E_DISK_FULL',
  'E_TOO_MANY_FILES',
  'E_OUT_OF_MEMORY',
] satisfies readonly ErrorCode[]);

export interface Archive extends StateAt {
  /** The folder is on a volume that moves between hosts. */
  readonly moves?: boolean;
  /** Moves nothing if the restart is no longer requested, because another run may have started the shard first. */
  readonly onlyIfAsked?: boolean;
}

/**
 * Archives the state: moves its file to `<shard>.<UTC time>.db` while it holds the shard's lock. It also archives a
 * damaged or foreign file. `giveUpClaims` ends the restart.
 *
 * @returns absolute path of the archive; null: the state had no records for the shard, or another run started it again
 * @throws FerryError E_STATE_LOCKED; E_STATE_COPIED when another copy may continue, whose writes the next state would
 * not know; E_STATE_IO; E_DISK_FULL and other faults of the machine
 */
export function archiveState(options: Archive, clocks?: Clocks): string | null {
  const { folder, shard, onlyIfAsked = false } = options;
  const files = shardFiles(folder, shard);
  if (!existsSync(folder)) return null;
  const lock = lockShard(files);
  try {
    // Another run may have released the former claims, and may be about to create its file.
    if (onlyIfAsked && guarded(files, () => noteOf(files)) === null) return null;
    const begun = guarded(files, () => finishMove(files));
    const archive = existsSync(files.file) ? moveAside(files, options, clocks) : begun;
    // Once the former state is archived, the restart has started, even if a later step fails.
    guarded(files, () => note(files, ASIDE));
    return archive;
  } finally {
    lock.release();
  }
}

/**
 * Releases the item keys that an archived state of the shard claimed: under another mapping they would conflict with
 * the shard's own rows. The claims are released last. Rows that were written without their claim would hide a shared
 * key, while a surplus claim only causes a refusal. They are released even without a state file, because a kill may
 * have come between the two steps.
 * @param turn as for `releaseItemKeys`
 * @throws FerryError E_STATE_LOCKED, E_STATE_CORRUPT, E_STATE_IO; what `turn` throws. Then the restart stays requested.
 */
export async function giveUpClaims({ folder, shard }: StateAt, turn: Turn): Promise<void> {
  const files = shardFiles(folder, shard);
  if (!existsSync(folder)) return;
  const lock = lockShard(files);
  try {
    // Another run may have finished the restart and claimed keys since: those claims stay.
    if (guarded(files, () => noteOf(files)) !== ASIDE) return;
    if (existsSync(files.file)) throw begunBetween(files);
    await releaseItemKeys({ folder, shard }, turn);
    guarded(files, () => removeNote(files));
  } finally {
    lock.release();
  }
}

/**
 * Returns the fault for a run that started before the restart was requested, and has recorded the shard again. The rows
 * that it wrote would lose their claims.
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
  const own = foldLog(files, moves, clocks);
  return guarded(files, () => {
    const archive = freeArchive(files, own, clocks);
    note(files, movingTo(basename(archive)));
    renameSync(files.file, archive);
    moveRest(files, archive);
    return archive;
  });
}

/**
 * Finishes the move of a restart that was killed. A log that stayed behind would belong to no file, and its content
 * would be lost.
 * @returns the path of the archive; null: no move was under way
 */
function finishMove(files: ShardFiles): string | null {
  const name = movedTo(noteOf(files));
  if (name === null) return null;
  const archive = join(files.folder, basename(name));
  // If the file still exists, its move has not started.
  if (existsSync(files.file) || !existsSync(archive)) return null;
  moveRest(files, archive);
  return archive;
}

/**
 * Moves the log and other side files to the archive, and removes the witness. A remaining witness would mean that the
 * file is missing, and would make the next state wait.
 */
function moveRest(files: ShardFiles, archive: string): void {
  for (const side of SIDE_FILES) {
    if (existsSync(files.file + side)) renameSync(files.file + side, archive + side);
  }
  rmSync(witnessOf(files.file), { force: true });
  syncFolderOf(archive);
}

/**
 * Folds the log into the file: SQLite does so and removes the log when the last connection closes. Beside a reader, or
 * in a damaged file, the log stays and is moved.
 * @returns names of archives that the file has inherited; empty if it cannot be read
 * @throws FerryError E_STATE_COPIED; E_STATE_LOCKED and faults of the machine where the file could not be opened, since
 * it may be a copy
 */
function foldLog(files: ShardFiles, moves: boolean, clocks: Clocks | undefined): readonly string[] {
  try {
    const database = openDatabase(files, STATE, BUSY_MS, (opened) => {
      checkShard(opened, files);
      guarded(files, () => checkHome(files, opened, moves, clocks));
    });
    try {
      guarded(files, () => {
        if (checkHome(files, database, moves, clocks) !== null) arrive(files, database, clocks);
      });
      // Does not wait for readers.
      database.pragma('busy_timeout = 0');
      database.pragma('wal_checkpoint(TRUNCATE)');
      return prepared(files, () => new LateWrites(database).inherited().archives);
    } finally {
      database.close();
    }
  } catch (thrown) {
    if (thrown instanceof FerryError && (thrown.code === 'E_STATE_COPIED' || PASSING.has(thrown.code))) throw thrown;
    // The file is damaged or foreign, and a restart is the remedy for that. Its log is moved with it.
    return [];
  }
}
