/**
 * Reads which shards have a state in a folder, and the settings that each was started with, also while a process works
 * on it. Other shards must have the same settings, so this reads a file of any version. Only a run of its own shard
 * migrates an older file, and until then another shard could overwrite its rows. Every check of one shard against
 * another asks here.
 */
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Fingerprint } from '../../core/ports/state-records.js';
import { prepared } from '../sqlite/database.js';
import { keyRegisterFiles, removeSideFiles, shardFiles, SIDE_FILES } from '../sqlite/files.js';
import { StoredBinding } from '../tables/binding.js';
import type { StateAt } from '../open.js';
import { isRecorded, readBeside } from './read-beside.js';
import { guarded } from '../sqlite/errors.js';

/**
 * Returns the settings that the shard was started with; null: it has no records.
 * @throws FerryError E_STATE_IO, E_STATE_CORRUPT, E_STATE_FOREIGN
 */
export function readBinding({ folder, shard }: StateAt): Fingerprint | null {
  const files = shardFiles(folder, shard);
  if (!isRecorded(files)) return null;
  return readBeside(files, (database) => prepared(files, () => new StoredBinding(database)).fingerprint(files), 1);
}

/**
 * Returns the shards of the folder, whether the config has them or not. Archived states have a time in their names and
 * do not count, because their shards start again.
 * @throws FerryError E_STATE_IO
 */
export function recordedShards(folder: string): readonly string[] {
  const register = keyRegisterFiles(folder);
  if (!existsSync(folder)) return [];
  const names = guarded(register, () => readdirSync(folder));
  return names
    .filter((name) => /^[A-Za-z0-9][A-Za-z0-9_-]*\.db$/.test(name) && name !== basename(register.file))
    .map((name) => name.slice(0, -'.db'.length))
    .sort();
}

/**
 * Returns the settings of the states that restarts put aside. `unread`: the shards of archives that cannot be read. A
 * restart also puts a damaged state aside. Such an archive proves nothing.
 * @throws FerryError E_STATE_IO
 */
export function archivedBindings(folder: string): {
  readonly bindings: readonly Fingerprint[];
  readonly unread: ReadonlySet<string>;
} {
  const unread = new Set<string>();
  if (!existsSync(folder)) return { bindings: [], unread };
  const bindings = guarded(keyRegisterFiles(folder), () => readdirSync(folder)).flatMap((name) => {
    const shard = /^(.+)\.\d{8}T\d{6}Z(?:-\d+)?\.db$/.exec(name)?.[1];
    if (shard === undefined) return [];
    const binding = readArchive({ folder, shard }, name);
    if (binding === 'unreadable') unread.add(shard);
    return binding === 'unreadable' || binding === null ? [] : [binding];
  });
  return { bindings, unread };
}

function readArchive({ folder, shard }: StateAt, name: string): Fingerprint | 'unreadable' | null {
  try {
    const files = { ...shardFiles(folder, shard), file: join(folder, name) };
    const log = SIDE_FILES.some((side) => existsSync(files.file + side));
    try {
      return readBeside(files, (database) => new StoredBinding(database).fingerprint(files), 1);
    } finally {
      // Reading creates an empty log, and leaves it.
      if (!log) removeSideFiles(files.file);
    }
  } catch {
    return 'unreadable';
  }
}
