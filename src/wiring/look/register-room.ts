/**
 * How much of the disk a run still takes to record item keys: a verification takes none, and what a resume has recorded
 * is on the disk already. So neither is refused for room that it does not need.
 */
import { statSync } from 'node:fs';
import { keyRegisterFiles } from '../../state/sqlite/files.js';
import { isBegun } from '../../state/status/read-bad-rows.js';

export type RegisterUse =
  /** `verify`: compares, and records no key. */
  | 'none'
  /** A dry run: records all of them in a folder of its own, from the beginning. */
  | 'anew'
  /** `backfill`, and `check` before it. */
  | 'more';

/**
 * @param estimated bytes of the keys of these shards, all of them
 * @param folder the state folder
 * @returns bytes; what the file holds of other shards, nobody tells apart, so that only counts where one of these was
 * begun
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
