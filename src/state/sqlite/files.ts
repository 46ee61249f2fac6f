/**
 * The files of a state and how they are created. The folder belongs to the owner alone (0700). Files get mode 0600
 * before SQLite first opens them, because it gives `-wal` and `-shm` the mode of the main file. No code here opens and
 * closes an existing state file outside SQLite. On POSIX, closing any descriptor of a file drops all locks of the
 * process on it.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FerryError } from '../../core/errors.js';

/** The file that an error is about, with texts for the operator. */
export interface StatePaths {
  /** `shard s01`: the subject of the first sentence in a message. */
  readonly subject: string;
  readonly file: string;
  /** How the operator restores a copy of a damaged file; null: no copy is needed. */
  readonly putBack: string | null;
  /** The step with which an operator recovers from a damaged file without a copy. */
  readonly remedy: string;
}

export interface ShardFiles extends StatePaths {
  readonly shard: string;
  readonly folder: string;
  readonly lock: string;
  /** Exists while a restart of the shard is requested and has not started (`restart-note.ts`). */
  readonly restart: string;
}

const KEY_REGISTER = 'item-keys';

export function shardFiles(folder: string, shard: string): ShardFiles {
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(shard) || shard === KEY_REGISTER) {
    throw new FerryError(
      'E_CONFIG_INVALID',
      `the shard id ${JSON.stringify(shard)} cannot name a state file`,
      `use letters, digits, "_", "-" and "." for shard ids, and not "${KEY_REGISTER}"`,
    );
  }
  return {
    shard,
    folder,
    subject: `shard ${shard}`,
    file: join(folder, `${shard}.db`),
    lock: join(folder, `${shard}.lock`),
    restart: join(folder, `${shard}.restart`),
    putBack: `put back a copy of it (with the -wal file of that copy, or none), adopt it with \`dynaferry state adopt --shard ${shard}\` and resume`,
    remedy: `start this shard again with \`${restartCommand(shard)}\`: writes are idempotent, so that is safe, but you pay for every write again`,
  };
}

export function keyRegisterFiles(folder: string): StatePaths & { readonly folder: string; readonly lock: string } {
  return {
    folder,
    subject: 'the register of item keys',
    file: join(folder, `${KEY_REGISTER}.db`),
    lock: join(folder, `${KEY_REGISTER}.lock`),
    putBack: 'put back the whole state folder from one backup, adopt it with `dynaferry state adopt --all` and resume',
    remedy:
      'move it and item-keys.seen elsewhere, and start every shard that uses it again with `dynaferry backfill --restart --shard ID`',
  };
}

export function restartCommand(...shards: readonly string[]): string {
  return `dynaferry backfill --restart --shard ${shards.join(' ')}`;
}

/**
 * Creates the folder and its parents for the owner alone, and syncs them, so that they survive a power failure. An
 * existing folder keeps its mode.
 */
export function makeFolder(folder: string): void {
  const first = mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  // A sync of a new folder does not sync its own name in its parent.
  for (let made = folder; made.length >= first.length; made = dirname(made)) syncFolderOf(made);
}

/** Creates an empty file of mode 0600. It does not open or change an existing one. */
export function makeFile(file: string): void {
  if (existsSync(file)) return;
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/**
 * The suffixes of a SQLite file's side files. SQLite would replay a `-wal` that outlives its main file into the next
 * one.
 */
export const SIDE_FILES = ['-wal', '-shm', '-journal'] as const;

export function removeSideFiles(file: string): void {
  for (const side of SIDE_FILES) rmSync(file + side, { force: true });
}

/** Syncs the folder of `file`, so that created and renamed files in it survive a power failure. */
export function syncFolderOf(file: string): void {
  syncFile(dirname(file));
}

/** Syncs a folder, or a file that SQLite has not opened in this process. */
export function syncFile(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
