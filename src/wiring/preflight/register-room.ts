/**
 * Estimates how much of the disk a run still needs to record item keys. A verification needs none. A resume has its
 * earlier keys on the disk already. So neither is refused for room that it does not need.
 */
import { statSync } from 'node:fs';
import { keyRegisterFiles } from '../../state/sqlite/files.js';
import { isBegun } from '../../state/status/read-bad-rows.js';

export type RegisterUse =
  /** `verify` compares, and records no key. */
  | 'none'
  /** A dry run records all keys in a folder of its own, from the start. */
  | 'anew'
  /** `backfill`, and `check` before it, record more keys. */
  | 'more';

/**
 * @param estimated bytes of all keys of these shards
 * @param folder the state folder
 * @returns bytes. The file also holds keys of other shards, and its size does not show whose they are. So its size
 *   counts only if one of these shards has started
 */
export function registerRoom(estimated: number, folder: string, shards: readonly string[], use: RegisterUse): number {
  if (use === 'none') return 0;
  if (use === 'anew' || !shards.some((shard) => isBegun({ folder, shard }))) return estimated;
  const { file } = keyRegisterFiles(folder);
  return Math.max(0, estimated - bytesOf(file) - bytesOf(`${file}-wal`));
}

function bytesOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
