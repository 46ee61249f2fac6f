/**
 * What became of bad rows after the backfill that left them behind. Each step of a retry is one transaction: rows leave
 * the record only together with the entry that adds them to the backfill's counts and digests.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { Cursor } from '../../core/model.js';
import type { BadRowRecord, RetryRecord } from '../../core/ports/state-records.js';
import type { BadRows } from './bad-rows.js';

type InsertValues = Omit<RetryRecord, 'renamed'> & { readonly table: string; readonly now: number };

export class Retries {
  readonly #insert: Statement<[InsertValues]>;

  constructor(
    readonly database: Database,
    readonly badRows: BadRows,
  ) {
    this.#insert = database.prepare(
      `INSERT INTO retries (table_name, pass, after_pass, rows, items, expired_rows, gone_rows, units, digest, done_at,
                            newer_items)
       SELECT @table, max(id), (SELECT max(id) FROM passes), @rows, @items, @expiredRows, @goneRows, @units, @digest, @now,
              @newerItems
         FROM passes WHERE kind = 'backfill' AND table_name = @table`,
    );
  }

  settle(table: string, settled: readonly Cursor[], stillBad: readonly BadRowRecord[], record: RetryRecord): void {
    const { renamed = [], ...counts } = record;
    this.database
      .transaction(() => {
        this.badRows.record(stillBad);
        for (const each of renamed) this.badRows.takeOver(table, each);
        this.badRows.forget(table, settled);
        // Nothing moved, nothing to verify anew.
        if (settled.length > 0) this.#insert.run({ ...counts, table, now: Date.now() });
      })
      .immediate();
  }
}
