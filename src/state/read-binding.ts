/** What a shard's state was begun with, read beside the process that works on it, if any. */
import { statSync } from 'node:fs';
import type { Fingerprint } from '../core/ports.js';
import { openReadOnly, prepared } from './database.js';
import { shardFiles } from './files.js';
import { Meta } from './meta.js';
import { checkShard, type StateAt } from './open.js';
import { STATE } from './schema.js';
import { guarded } from './sqlite-errors.js';

/** A reader meets a lock only while the log is being recovered or folded in, which takes milliseconds. */
const BUSY_MS = 2_000;

/** @returns null where nothing is recorded for the shard @throws FerryError E_STATE_IO, E_STATE_CORRUPT, E_STATE_FOREIGN */
export function readBinding({ folder, shard }: StateAt): Fingerprint | null {
  const files = shardFiles(folder, shard);
  if (guarded(files, () => statSync(files.file, { throwIfNoEntry: false })) === undefined) return null;
  const database = openReadOnly(files, STATE, BUSY_MS);
  try {
    checkShard(database, files);
    return guarded(files, () => prepared(files, () => new Meta(database)).fingerprint(files));
  } finally {
    database.close();
  }
}
