/**
 * Notes of restarts: which shards must start again. A restart of several shards is one piece of work. Before the first
 * of them starts, the request is on disk: one note for each shard. A note goes when the shard's former state is
 * archived and its item keys are given up. An interrupted run leaves the notes of the shards that it did not reach, and
 * the next backfill of such a shard starts it again. A run that is refused before it starts takes back its own
 * requests; those of other runs stay.
 *
 *   note:  `asked WHO`, a line for each run  ->  `moving NAME`: its files become NAME, one after the other
 *          ->  `aside`: claims are given up  ->  gone
 *
 * One lock guards the notes of all shards: a run that takes a note back does not hold the shard's lock, which may be
 * what refused it.
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FerryError } from '../core/errors.js';
import { makeFolder, shardFiles, syncFolderOf, type ShardFiles } from './sqlite/files.js';
import { acquireLock } from './sqlite/lock.js';
import type { StateAt } from './open.js';
import { guarded } from './sqlite/errors.js';
import { newLineage } from './home/witness.js';

/** In the note of a restart that has started. */
export const ASIDE = 'aside';
const MOVING = 'moving ';
const ASKED = 'asked ';
/** By an earlier version, which left the note empty. */
const SOMEBODY = 'before';

/** No shard has such an id. It is held for one change of one note. */
const LOCK = '.restarts.lock';
const LOCK_WAIT_MS = 5_000;

export interface AskedRestart {
  /** Shards whose restart was not requested before. */
  readonly shards: readonly string[];
  /** Which run asked. */
  readonly by: string;
}

/**
 * Notes that these shards must start again, durably: all of them, or none.
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
    // The run does not begin; the next one is not to go on with a part of it. A note that is there may not be on disk.
    for (const shard of tried) {
      try {
        forgetRestart({ folder, shard }, by);
      } catch (fault) {
        // The first fault says more. Whoever keeps the notes is waited for once, not for each of hundreds of shards.
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
 * Of one that was refused before it began: it is no piece of work that goes on.
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

/** Of a note under way. */
export function movingTo(name: string): string {
  return MOVING + name;
}

/** @returns the name that `movingTo` was given; null: nothing is being moved */
export function movedTo(noted: string | null): string | null {
  return noted?.startsWith(MOVING) === true ? noted.slice(MOVING.length) : null;
}

/** null: no restart was asked for. */
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

/** Returns who requested a restart that has not started; null: it has. */
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
 * Whole or not at all, and on disk.
 * @param to what the note says next; null: there is none
 * @returns whether it says something else than before
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
