/**
 * Rows that the mapping cannot represent or the target refuses, one record a row. A row is recorded before its chunk is
 * done, and the commit of the chunk records the row's place. SQLite groups them by kind, so a look at thousands of them
 * is cheap.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { BadRow, BadRowCause, Cursor, Renamed } from '../../core/model.js';
import type { BadRowStore } from '../../core/ports/state-ports.js';
import type { BadRowRecord, RecordedBadRow } from '../../core/ports/state-records.js';

interface BadRowRow {
  readonly id: number;
  readonly table_name: string;
  readonly cursor: string;
  readonly scan_key: string;
  readonly column_name: string | null;
  readonly cause: BadRowCause;
  readonly kind: string;
  readonly reason: string;
  readonly remedy: string;
  readonly items_taken: number;
  readonly chunk_last_cursor: string | null;
  readonly segment_index: number | null;
  readonly chunk_sequence: number | null;
  readonly recorded_at: number;
}

interface GroupRow extends Pick<BadRowRow, 'table_name' | 'column_name' | 'cause' | 'reason' | 'remedy' | 'kind'> {
  readonly kinds: number;
  readonly rows: number;
}

/** Bad rows of one table with the same reason in the same column. */
export interface BadRowGroup extends BadRow {
  readonly table: string;
  /** Number of different kinds of values among them; `kind` is the first of these. */
  readonly kinds: number;
  readonly rows: number;
}

type RecordValues = Omit<BadRowRecord, 'table'> & { readonly table: string; readonly now: number };

export class BadRows implements BadRowStore {
  readonly #record: Statement<[RecordValues]>;
  readonly #forget: Statement<[string, string]>;
  readonly #takeOver: Statement<[Renamed & { readonly table: string }]>;
  readonly #part: Statement<[string, number, number], BadRowRow>;
  readonly #at: Statement<[string, string], BadRowRow>;
  readonly #count: Statement<[string], number>;
  readonly #page: Statement<[number, number, number], BadRowRow>;
  readonly #last: Statement<[], number | null>;
  readonly #numbered: Statement<[string, number], BadRowRow>;
  readonly #groups: Statement<[], GroupRow>;

  constructor(database: Database) {
    // A new reason leaves the row in the chunk that counts it.
    this.#record = database.prepare(
      `INSERT INTO bad_rows (table_name, cursor, scan_key, column_name, cause, kind, reason, remedy, items_taken, chunk_last_cursor, recorded_at)
       VALUES (@table, @cursor, @key, @column, @cause, @kind, @reason, @remedy, coalesce(@itemsTaken, 0), @chunk, @now)
       ON CONFLICT (table_name, cursor) DO UPDATE
       SET scan_key = excluded.scan_key, column_name = excluded.column_name, cause = excluded.cause, kind = excluded.kind,
           reason = excluded.reason, remedy = excluded.remedy, items_taken = coalesce(@itemsTaken, items_taken), chunk_last_cursor = excluded.chunk_last_cursor,
           recorded_at = excluded.recorded_at`,
    );
    this.#forget = database.prepare('DELETE FROM bad_rows WHERE table_name = ? AND cursor = ?');
    this.#takeOver = database.prepare(
      `UPDATE bad_rows AS kept
       SET segment_index = coalesce(kept.segment_index, former.segment_index),
           chunk_sequence = coalesce(kept.chunk_sequence, former.chunk_sequence),
           items_taken = max(kept.items_taken, former.items_taken)
       FROM bad_rows AS former
       WHERE kept.table_name = @table AND kept.cursor = @to AND former.table_name = @table AND former.cursor = @from`,
    );
    // Reads in the order of row numbers: with the index over cursors, each part would sort all remaining rows.
    this.#part = database.prepare(
      'SELECT * FROM bad_rows NOT INDEXED WHERE table_name = ? AND id > ? ORDER BY id LIMIT ?',
    );
    this.#at = database.prepare('SELECT * FROM bad_rows WHERE table_name = ? AND cursor = ?');
    this.#count = database.prepare<[string], number>('SELECT count(*) FROM bad_rows WHERE table_name = ?').pluck();
    this.#page = database.prepare('SELECT * FROM bad_rows WHERE id > ? AND id <= ? ORDER BY id LIMIT ?');
    this.#last = database.prepare<[], number | null>('SELECT max(id) FROM bad_rows').pluck();
    this.#numbered = database.prepare('SELECT * FROM bad_rows WHERE table_name = ? AND id = ?');
    this.#groups = database.prepare(
      `SELECT table_name, column_name, min(cause) AS cause, reason, min(remedy) AS remedy, min(kind) AS kind,
              count(DISTINCT kind) AS kinds, count(*) AS rows
         FROM bad_rows GROUP BY table_name, column_name, reason ORDER BY rows DESC, table_name, column_name, reason`,
    );
  }

  record(rows: readonly BadRowRecord[]): void {
    const now = Date.now();
    for (const row of rows) this.#record.run({ ...row, now });
  }

  forget(table: string, cursors: readonly Cursor[]): void {
    for (const cursor of cursors) this.#forget.run(table, cursor);
  }

  /** Copies to `to` what it lacks and `from` has: the chunk that counts the row, and its items in the target. */
  takeOver(table: string, renamed: Renamed): void {
    this.#takeOver.run({ table, ...renamed });
  }

  /**
   * Returns rows in the order in which they were first found.
   * @param part the first `limit` rows above number `after`; a negative limit means no limit
   */
  list(table: string, { after, limit } = { after: 0, limit: -1 }): readonly RecordedBadRow[] {
    return this.#part.all(table, after, limit).map(toRecorded);
  }

  at(table: string, cursors: readonly Cursor[]): readonly RecordedBadRow[] {
    return cursors.flatMap((cursor) => this.#at.all(table, cursor)).map(toRecorded);
  }

  count(table: string): number {
    return this.#count.get(table) ?? 0;
  }

  /** Returns the first `limit` rows of all tables above number `after`, up to `upTo`. */
  page(after: number, upTo: number, limit: number): readonly RecordedBadRow[] {
    return this.#page.all(after, upTo, limit).map(toRecorded);
  }

  /** Returns the highest number; 0: there is no bad row. */
  last(): number {
    return this.#last.get() ?? 0;
  }

  numbered(table: string, number: number): RecordedBadRow | null {
    const found = this.#numbered.get(table, number);
    return found === undefined ? null : toRecorded(found);
  }

  /** Returns the groups, the most frequent first. */
  groups(): readonly BadRowGroup[] {
    return this.#groups.all().map(({ table_name, column_name, ...row }) => ({
      table: table_name,
      column: column_name,
      cause: row.cause,
      kind: row.kind,
      kinds: row.kinds,
      reason: row.reason,
      remedy: row.remedy,
      rows: row.rows,
    }));
  }
}

/**
 * Returns columns with bad rows, and those for which a retry accepted a change while they had some. It needs only the
 * columns of version 2, so that it can read files that are not migrated.
 */
export function badColumns(database: Database): readonly { readonly table: string; readonly column: string | null }[] {
  return database
    .prepare<[], { table: string; column: string | null }>(
      `SELECT table_name AS "table", column_name AS "column" FROM bad_rows
        UNION SELECT table_name, column_name FROM accepted_columns`,
    )
    .all();
}

function toRecorded(row: BadRowRow): RecordedBadRow {
  return {
    number: row.id,
    table: row.table_name,
    cursor: row.cursor as Cursor,
    // An older version recorded only the cursor.
    key: row.scan_key === '' ? row.cursor : row.scan_key,
    column: row.column_name,
    cause: row.cause,
    kind: row.kind,
    reason: row.reason,
    remedy: row.remedy,
    itemsTaken: row.items_taken,
    chunk: row.chunk_last_cursor as Cursor | null,
    chunkRef:
      row.segment_index === null || row.chunk_sequence === null
        ? null
        : { segment: row.segment_index, chunk: row.chunk_sequence },
    recordedAt: row.recorded_at,
  };
}
