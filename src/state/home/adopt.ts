/**
 * Adopts a state that another machine or folder last worked on. The operator says that no run continues with the other
 * copy. Writes of the other run may still land. Their window starts now, and no verification that started before its
 * end can pass. The age of comparisons that the other copy made is unknown.
 */
import type { Database } from 'better-sqlite3';
import { existsSync } from 'node:fs';
import { LATE_WRITE_WINDOW_MS } from '../../core/time/late-writes.js';
import { arrive } from './arrive.js';
import type { Clocks } from './clocks.js';
import { checkWhole, openDatabase } from '../sqlite/database.js';
import { shardFiles, type ShardFiles } from '../sqlite/files.js';
import { displaced, homeHere, storedHome, type Displaced } from './home.js';
import { checkShard, lockShard, missing, type StateAt } from '../open.js';
import { STATE } from '../sqlite/schema.js';
import { guarded } from '../sqlite/errors.js';
import { newLineage, Witness } from './witness.js';

export interface Adopted {
  readonly shard: string;
  /** Why the operator had to adopt it; null: the state was already at home here, and nothing changed. */
  readonly reason: Displaced | null;
  /** How many ms from now writes of the other copy may still land; null: nothing changed. */
  readonly lateWritesForMs: number | null;
}

const BUSY_MS = 5_000;

/**
 * Adopts the state of a shard. @throws FerryError E_STATE_MISSING, E_STATE_LOCKED, E_STATE_CORRUPT, E_STATE_FOREIGN,
 * E_STATE_IO
 */
export function adoptState({ folder, shard }: StateAt, clocks?: Clocks): Adopted {
  const files = shardFiles(folder, shard);
  if (!existsSync(files.file)) throw missing(files);
  const lock = lockShard(files);
  try {
    const database = openDatabase(files, STATE, BUSY_MS, (opened) => checkShard(opened, files));
    try {
      checkWhole(database, files);
      const reason = guarded(files, () => displaced(files, database, clocks));
      if (reason === null) return { shard, reason, lateWritesForMs: null };
      guarded(files, () => takeUp(files, database, clocks));
      return { shard, reason, lateWritesForMs: LATE_WRITE_WINDOW_MS };
    } finally {
      database.close();
    }
  } finally {
    lock.release();
  }
}

function takeUp(files: ShardFiles, database: Database, clocks: Clocks | undefined): void {
  const lineage = newLineage();
  const { commits } = storedHome(database);
  database
    .transaction(() => {
      arrive(files, database, clocks);
      database.prepare('UPDATE meta SET lineage = ?, home = ?').run(lineage, homeHere(files, clocks));
    })
    .immediate();
  new Witness(files.file, lineage, commits).close();
}
