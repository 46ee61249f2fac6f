/** The owner of a state file: the shard that it was made for, and the process that works on it. It is one row. */
import type { Database, Statement } from 'better-sqlite3';

export interface Holder {
  readonly pid: number;
  /** ms since the epoch by the wall clock */
  readonly since: number;
}

export class Meta {
  readonly #readHolder: Statement<[], { pid: number | null; since: number | null }>;
  readonly #setHolder: Statement<[number, number]>;

  constructor(database: Database) {
    this.#readHolder = database.prepare('SELECT holder_pid AS pid, held_since AS since FROM meta');
    this.#setHolder = database.prepare('UPDATE meta SET holder_pid = ?, held_since = ?');
  }

  /** Writes the first row of a new file. */
  static begin(database: Database, shard: string): void {
    database.prepare('INSERT INTO meta (id, shard, created_at) VALUES (1, ?, ?)').run(shard, Date.now());
  }

  /** Returns the process that last opened the file to work on it, even if it has ended since. null: no process did. */
  holder(): Holder | null {
    const row = this.#readHolder.get();
    return row === undefined || row.pid === null || row.since === null ? null : { pid: row.pid, since: row.since };
  }

  hold(holder: Holder): void {
    this.#setHolder.run(holder.pid, holder.since);
  }
}
