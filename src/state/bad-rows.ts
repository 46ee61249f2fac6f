/** Rows that cannot be represented as asked, one entry a row: recorded before the chunk that they are in is done. */
import type { Database, Statement } from 'better-sqlite3';
import type { Cursor } from '../core/model.js';
import type { BadRowRecord } from '../core/ports.js';

interface BadRowRow {
  readonly cursor: string;
  readonly column_name: string | null;
  readonly reason: string;
  readonly remedy: string;
}

export class BadRows {
  readonly #record: Statement<[string, string, string | null, string, string, number]>;
  readonly #forget: Statement<[string, string]>;
  readonly #all: Statement<[string], BadRowRow>;
  readonly #count: Statement<[string], number>;

  constructor(readonly database: Database) {
    this.#record = database.prepare(
      `INSERT INTO bad_rows (table_name, cursor, column_name, reason, remedy, recorded_at) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (table_name, cursor) DO UPDATE
       SET column_name = excluded.column_name, reason = excluded.reason, remedy = excluded.remedy, recorded_at = excluded.recorded_at`,
    );
    this.#forget = database.prepare('DELETE FROM bad_rows WHERE table_name = ? AND cursor = ?');
    this.#all = database.prepare(
      'SELECT cursor, column_name, reason, remedy FROM bad_rows WHERE table_name = ? ORDER BY id',
    );
    this.#count = database.prepare<[string], number>('SELECT count(*) FROM bad_rows WHERE table_name = ?').pluck();
  }

  record(rows: readonly BadRowRecord[]): void {
    if (rows.length === 0) return;
    this.database
      .transaction(() => {
        const now = Date.now();
        for (const { table, cursor, column, reason, remedy } of rows) {
          this.#record.run(table, cursor, column, reason, remedy, now);
        }
      })
      .immediate();
  }

  forget(table: string, cursors: readonly Cursor[]): void {
    if (cursors.length === 0) return;
    this.database
      .transaction(() => {
        for (const cursor of cursors) this.#forget.run(table, cursor);
      })
      .immediate();
  }

  /** In the order they were first found in. */
  all(table: string): readonly BadRowRecord[] {
    return this.#all.all(table).map((row) => ({
      table,
      cursor: row.cursor as Cursor,
      column: row.column_name,
      reason: row.reason,
      remedy: row.remedy,
    }));
  }

  count(table: string): number {
    return this.#count.get(table) ?? 0;
  }
}
