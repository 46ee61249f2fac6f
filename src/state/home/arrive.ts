/**
 * Makes a state from elsewhere usable here: one that was adopted, or one on a volume that moves. Writes of the other
 * host can land until a whole window has passed. The age of its comparisons is unknown.
 */
import type { Database } from 'better-sqlite3';
import type { Clocks } from './clocks.js';
import { prepared } from '../sqlite/database.js';
import type { ShardFiles } from '../sqlite/files.js';
import { LateWrites } from '../tables/late-writes.js';
import { BootClock } from './boot-clock.js';

export function arrive(files: ShardFiles, database: Database, clocks: Clocks | undefined): void {
  const clock = prepared(files, () => new BootClock(database, clocks));
  clock.anchor();
  new LateWrites(database).crash(clock.now());
  database.exec('UPDATE pass_segments SET oldest_steady = NULL, newest_steady = NULL');
}
