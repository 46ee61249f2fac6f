/** What a shard's state was begun with, read beside the process that works on it, if any. */
import type { Fingerprint } from '../core/state-ports.js';
import { prepared } from './database.js';
import { shardFiles } from './files.js';
import { Meta } from './meta.js';
import type { StateAt } from './open.js';
import { isRecorded, readBeside } from './read-beside.js';

/** @returns null where nothing is recorded for the shard @throws FerryError E_STATE_IO, E_STATE_CORRUPT, E_STATE_FOREIGN */
export function readBinding({ folder, shard }: StateAt): Fingerprint | null {
  const files = shardFiles(folder, shard);
  if (!isRecorded(files)) return null;
  return readBeside(files, (database) => prepared(files, () => new Meta(database)).fingerprint(files));
}
