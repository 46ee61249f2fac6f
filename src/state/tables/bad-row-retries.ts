/**
 * The results of retries of a backfill's bad rows. Each step of a retry is one transaction. Rows leave the record only
 * together with the entry that adds them to the backfill's counts and digests.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { Cursor } from '../../core/model.js';
import type { RetryStore } from '../../core/ports/state-ports.js';
import type { BadRowRecord, RetryRecord } from '../../core/ports/state-records.js';
import type { BadRows } from './bad-rows.js';

type InsertValues = Omit<RetryRecord, 'renamed'> & { readonly table: string; readonly now: number };

export class BadRowRetries implements RetryStore {
  readonly #insert: Statement<[InsertValues]>;

  constructor(
    database: Database,
    private readonly badRows: BadRows,
  ) {
    this.#insert = database.prepare(
      `INSERT INTO bad_row_retries (table_name, pass_id, newest_pass_id, rows, items, expired_rows, gone_rows, units, digest, done_at,
                            newer_items)
       SELECT @table, max(id), (SELECT max(id) FROM passes), @rows, @items, @expiredRows, @goneRows, @units, @digest, @now,
              @newerItems
         FROM passes WHERE kind = 'backfill' AND table_name = @table`,
    );
  }

  settle(table: string, settled: readonly Cursor[], stillBad: readonly BadRowRecord[], record: RetryRecord): void {
    const { renamed = [], ...counts } = record;
    this.badRows.record(stillBad);
    for (const each of renamed) this.badRows.takeOver(table, each);
    this.badRows.forget(table, settled);
    // Nothing moved, so no verification has to run again.
    if (settled.length > 0) this.#insert.run({ ...counts, table, now: Date.now() });
  }
}
