/**
 * The restore note, `<shard>.restore`, says that a restore moves state files now. While it exists, no run works on the
 * shard. The state file may be missing, or may not know the late writes of the other one yet.
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { FerryError } from '../../core/errors.js';
import { syncFolderOf, type ShardFiles } from '../sqlite/files.js';

export interface Restoring {
  /** Name of the archive that becomes the state file. */
  readonly from: string;
  /** Name of the archive that the present state file becomes; null: there was no present state. */
  readonly aside: string | null;
}

/** Returns the restore that is under way; null: none. @throws the file system's own error */
export function restoringOf({ restore }: ShardFiles): Restoring | null {
  return existsSync(restore) ? (JSON.parse(readFileSync(restore, 'utf8')) as Restoring) : null;
}

/** Writes the note durably. The caller holds the shard's lock. */
export function noteRestoring({ restore }: ShardFiles, restoring: Restoring): void {
  const building = `${restore}.new`;
  writeFileSync(building, JSON.stringify(restoring), { mode: 0o600, flush: true });
  renameSync(building, restore);
  syncFolderOf(restore);
}

export function removeRestoring({ restore }: ShardFiles): void {
  if (!existsSync(restore)) return;
  rmSync(restore);
  syncFolderOf(restore);
}

/** @throws FerryError E_STATE_MISSING while a restore is not finished */
export function checkNotRestoring({ restore, shard, subject }: ShardFiles): void {
  if (!existsSync(restore)) return;
  throw new FerryError(
    'E_STATE_MISSING',
    `${subject}: \`dynaferry state restore\` was interrupted while it brought a former state back`,
    `finish it with \`dynaferry state restore --shard ${shard}\``,
  );
}
