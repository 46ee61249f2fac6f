/** Item keys whose last write ended ambiguously, until a later write or read settles them. They outlive the process. */
import type { Database, Statement } from 'better-sqlite3';
import type { AmbiguousWrite } from '../../core/ports/state-records.js';

export class Suspects {
  readonly #add: Statement<[string, number]>;
  readonly #close: Statement<[string]>;
  readonly #all: Statement<[], { key_text: string; since: number }>;
  readonly #count: Statement<[], number>;

  constructor(readonly database: Database) {
    this.#add = database.prepare(
      'INSERT INTO suspects (key_text, since) VALUES (?, ?) ON CONFLICT (key_text) DO UPDATE SET since = max(since, excluded.since)',
    );
    this.#close = database.prepare('DELETE FROM suspects WHERE key_text = ?');
    this.#all = database.prepare('SELECT key_text, since FROM suspects ORDER BY since, key_text');
    this.#count = database.prepare<[], number>('SELECT count(*) FROM suspects').pluck();
  }

  add(suspects: readonly AmbiguousWrite[]): void {
    if (suspects.length === 0) return;
    this.database
      .transaction(() => {
        for (const { itemKey: keyText, since } of suspects) this.#add.run(keyText, since);
      })
      .immediate();
  }

  close(keyTexts: readonly string[]): void {
    if (keyTexts.length === 0) return;
    this.database
      .transaction(() => {
        for (const keyText of keyTexts) this.#close.run(keyText);
      })
      .immediate();
  }

  /** Oldest first. */
  all(): readonly AmbiguousWrite[] {
    return this.#all.all().map((row) => ({ keyText: row.key_text, since: row.since }));
  }

  count(): number {
    return this.#count.get() ?? 0;
  }
}
