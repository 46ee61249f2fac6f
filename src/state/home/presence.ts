/**
 * Finds out whether open files are still in their places. SQLite works on a deleted or replaced file as before, since
 * the process has it open. Its commits are then lost with the process, and the lock keeps nobody out. Device and inode
 * tell, and neither a backup, a log of SQLite nor another mode changes them.
 */
import { statSync } from 'node:fs';
import { FerryError } from '../../core/errors.js';
import type { ShardFiles } from '../sqlite/files.js';

/** What stands at a path, as `device:inode`; null: nothing does. */
type Place = string | null;

export class Presence {
  readonly #places: readonly (readonly [path: string, place: Place | undefined])[];

  /** Call it once the files are open and written to, because a container may copy a file before its first write. */
  constructor(paths: readonly string[]) {
    this.#places = paths.map((path) => [path, placeOf(path)] as const);
  }

  /** Returns the first path that has lost its file, and whether something else stands there; null: all are there. */
  lost(): { readonly path: string; readonly replaced: boolean } | null {
    for (const [path, place] of this.#places) {
      const now = placeOf(path);
      if (now !== place && now !== undefined && place !== undefined) return { path, replaced: now !== null };
    }
    return null;
  }
}

/** Returns undefined where the system does not say: a moment later it may. */
function placeOf(path: string): Place | undefined {
  try {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false });
    return found === undefined ? null : `${found.dev}:${found.ino}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOTDIR' ? null : undefined;
  }
}

/** Returns the paths of a shard's state whose loss ends its run, the folder first. */
export function placesOf({ folder, file, lock }: ShardFiles): readonly string[] {
  return [folder, file, lock];
}

/**
 * Returns the fault of a state that is gone.
 * @param subject of the message, such as `shard s01`
 * @param again the command that starts without the state
 */
export function stateGone(
  subject: string,
  { path, replaced }: { readonly path: string; readonly replaced: boolean },
  adopt: string,
  again: string,
): FerryError {
  return new FerryError(
    'E_STATE_GONE',
    `${subject}: ${path} was ${replaced ? 'replaced' : 'deleted or moved away'} while the run worked on it. The target has what the run wrote, but its last progress may not be recorded, so the run stopped`,
    `if it was moved, move it back and run the same command again. Else put the newest copy of the state folder in place (with the -wal file of that copy, or none) and adopt it with \`${adopt}\`. The resume writes again what that copy lacks, which is safe. Without a copy, \`${again}\` starts from the first row`,
  );
}
