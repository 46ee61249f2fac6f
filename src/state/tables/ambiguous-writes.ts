/**
 * Item keys whose last write had an unknown result, until a later write or read settles them. They outlive the process.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { AmbiguousWriteStore } from '../../core/ports/state-ports.js';
import type { AmbiguousWrite } from '../../core/ports/state-records.js';

export class AmbiguousWrites implements AmbiguousWriteStore {
  readonly #add: Statement<[string, number]>;
  readonly #close: Statement<[string]>;
  readonly #all: Statement<[], AmbiguousWrite>;
  readonly #count: Statement<[], number>;

  constructor(database: Database) {
    this.#add = database.prepare(
      `INSERT INTO ambiguous_writes (item_key, since) VALUES (?, ?)
       ON CONFLICT (item_key) DO UPDATE SET since = max(since, excluded.since)`,
    );
    this.#close = database.prepare('DELETE FROM ambiguous_writes WHERE item_key = ?');
    this.#all = database.prepare('SELECT item_key AS itemKey, since FROM ambiguous_writes ORDER BY since, item_key');
    this.#count = database.prepare<[], number>('SELECT count(*) FROM ambiguous_writes').pluck();
  }

  add(writes: readonly AmbiguousWrite[]): void {
    for (const { itemKey, since } of writes) this.#add.run(itemKey, since);
  }

  close(itemKeys: readonly string[]): void {
    for (const itemKey of itemKeys) this.#close.run(itemKey);
  }

  all(): readonly AmbiguousWrite[] {
    return this.#all.all();
  }

  count(): number {
    return this.#count.get() ?? 0;
  }
}
