/**
 * The last report of the running process about itself. It is one row; `status` shows it, and no resume depends on it.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { HeartbeatStore } from '../../core/ports/state-ports.js';
import type { Heartbeat } from '../../core/ports/state-records.js';

export class Heartbeats implements HeartbeatStore {
  readonly #write: Statement<[Heartbeat]>;
  readonly #read: Statement<[], Heartbeat>;

  constructor(database: Database) {
    this.#write = database.prepare(
      `INSERT OR REPLACE INTO heartbeat (id, pid, at, phase, rows_per_second, items_per_second, units_per_second)
       VALUES (1, @pid, @at, @phase, @rowsPerSecond, @itemsPerSecond, @unitsPerSecond)`,
    );
    this.#read = database.prepare(
      `SELECT pid, at, phase, rows_per_second AS rowsPerSecond, items_per_second AS itemsPerSecond,
              units_per_second AS unitsPerSecond FROM heartbeat`,
    );
  }

  beat(heartbeat: Heartbeat): void {
    this.#write.run(heartbeat);
  }

  last(): Heartbeat | null {
    return this.#read.get() ?? null;
  }
}
