/**
 * Restart notes record which shards must start again. A restart of several shards is one piece of work. Before the
 * first of them starts, the request is on disk, as one note for each shard. The note is removed when the shard's former
 * state is archived and its item keys are released. An interrupted run leaves the notes of the shards that it did not
 * reach. The next backfill of such a shard starts it again. A run that is refused before it starts removes its own
 * requests, and those of other runs stay.
 *
 *   note:  `asked WHO`, a line for each run  ->  `moving NAME`: its files become NAME, one after the other
 *          ->  `aside`: claims are given up  ->  gone
 *
 * One lock guards the notes of all shards. A run that removes its note does not hold the shard's lock, because that
 * lock may be why the run was refused.
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FerryError } from '../core/errors.js';
import { makeFolder, shardFiles, syncFolderOf, type ShardFiles } from './sqlite/files.js';
import { acquireLock } from './sqlite/lock.js';
import type { StateAt } from './open.js';
import { guarded } from './sqlite/errors.js';
import { newLineage } from './home/witness.js';

/** The text of the note after the restart has archived the state. */
export const ASIDE = 'aside';
const MOVING = 'moving ';
const ASKED = 'asked ';
/** Stands for a run of an earlier version, which left the note empty. */
const SOMEBODY = 'before';

/** File name of the lock, which no shard id can equal. A run holds it for one change of one note. */
const LOCK = '.restarts.lock';
const LOCK_WAIT_MS = 5_000;

export interface AskedRestart {
  /** Shards whose restart was not requested before. */
  readonly shards: readonly string[];
  /** Identifies the run that requested the restart. */
  readonly by: string;
}

/**
 * Records durably that these shards must start again: all of them, or none.
 * @throws FerryError E_STATE_IO, E_STATE_LOCKED
 */
export function askRestart(folder: string, shards: readonly string[]): AskedRestart {
  const by = newLineage();
  const asked: string[] = [];
  const tried: string[] = [];
  try {
    for (const shard of shards) {
      tried.push(shard);
      const files = shardFiles(folder, shard);
      guarded(files, () => {
        makeFolder(folder);
        const isNoted = change(files, (before) => {
          const askers = askersIn(before);
          return askers === null ? before : askedBy([...askers, by]);
        });
        if (isNoted) asked.push(shard);
      });
    }
  } catch (thrown) {
    // The run does not begin, so the next one must not continue with some of the shards. A note that exists may not be
    // on disk.
    for (const shard of tried) {
      try {
        forgetRestart({ folder, shard }, by);
      } catch (fault) {
        // The first fault says more. One wait for the lock of the notes is enough: there may be hundreds of shards.
        if (fault instanceof FerryError && fault.code === 'E_STATE_LOCKED') break;
      }
    }
    throw thrown;
  }
  return { shards: asked, by };
}

/** Returns whether a restart of the shard was requested and is not finished: its records, if any, are from before. */
export function isRestartAsked({ folder, shard }: StateAt): boolean {
  return existsSync(shardFiles(folder, shard).restart);
}

/**
 * Removes the request of a run that was refused before it began.
 * @throws FerryError E_STATE_IO, E_STATE_LOCKED
 */
export function forgetRestart({ folder, shard }: StateAt, by: string): void {
  const files = shardFiles(folder, shard);
  guarded(files, () =>
    change(files, (before) => {
      const askers = askersIn(before);
      if (before === null || askers === null) return before;
      const others = askers.filter((asker) => asker !== by);
      return others.length === 0 ? null : askedBy(others);
    }),
  );
}

/** Returns the text of the note while the files are being moved. */
export function movingTo(name: string): string {
  return MOVING + name;
}

/** Reads the name from such a note. @returns the name that `movingTo` was given; null: no move is under way */
export function movedTo(noted: string | null): string | null {
  return noted?.startsWith(MOVING) === true ? noted.slice(MOVING.length) : null;
}

/** Returns the text of the note; null: no restart was requested. @throws the file system's own error */
export function noteOf({ restart }: ShardFiles): string | null {
  try {
    return readFileSync(restart, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

export function note(files: ShardFiles, text: string): void {
  change(files, () => text);
}

export function removeNote(files: ShardFiles): void {
  change(files, () => null);
}

/** Returns the runs that requested a restart that has not started; null: the restart has started. */
function askersIn(noted: string | null): readonly string[] | null {
  if (noted === null) return [];
  if (noted === '') return [SOMEBODY];
  const lines = noted.split('\n').filter((line) => line !== '');
  return lines.every((line) => line.startsWith(ASKED)) ? lines.map((line) => line.slice(ASKED.length)) : null;
}

function askedBy(askers: readonly string[]): string {
  return askers.map((asker) => `${ASKED}${asker}\n`).join('');
}

/**
 * Changes the note atomically and durably.
 * @param to returns the next text of the note; null: no note
 * @returns whether the text changed
 * @throws FerryError E_STATE_LOCKED
 */
function change(files: ShardFiles, to: (before: string | null) => string | null): boolean {
  const lock = acquireLock(join(files.folder, LOCK), files, LOCK_WAIT_MS);
  if (lock === null) throw held(files);
  try {
    const before = noteOf(files);
    const after = to(before);
    if (after === before) return false;
    if (after === null) rmSync(files.restart, { force: true });
    else {
      const building = `${files.restart}.new`;
      writeFileSync(building, after, { mode: 0o600, flush: true });
      renameSync(building, files.restart);
    }
    syncFolderOf(files.restart);
    return true;
  } finally {
    lock.release();
  }
}

function held({ subject, folder }: ShardFiles): FerryError {
  return new FerryError(
    'E_STATE_LOCKED',
    `${subject}: another process has held ${join(folder, LOCK)} for ${LOCK_WAIT_MS / 1000} s`,
    'check what the other dynaferry processes on this state folder do, then run the same command again; nothing is lost',
  );
}
