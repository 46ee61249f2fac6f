/**
 * Keeps what is recorded of bad rows true while a pass goes over their table: a bad row is recorded before its chunk is done,
 * and one that was repaired in the source is forgotten when its chunk is read again and its items are moved. Until then it stays
 * recorded, so that `backfill --retry-bad` finds it. The record is in the state alone: a table may have bad rows by the million.
 */
import type { Cursor } from '../core/model.js';
import type { RowChunk } from '../core/row-block.js';
import type { BadRowRecord, StateStore } from '../core/state-ports.js';
import type { TableJob } from './table-job.js';

export class BadRowBook {
  readonly #table: string;
  /** Most passes know of no bad row, and then no cursor is made, and nothing is asked. */
  #any: boolean;

  constructor(
    private readonly store: StateStore,
    private readonly job: TableJob,
  ) {
    this.#table = job.mapping.table.name;
    this.#any = store.countBadRows(this.#table) > 0;
  }

  /**
   * @param badRows all bad rows of the chunk, as it was read just now
   * @param unmoved rows of the chunk whose items are not in the target as they should be
   */
  update(chunk: RowChunk, badRows: readonly BadRowRecord[], unmoved: ReadonlySet<Cursor>): void {
    const bad = new Set(badRows.map(({ cursor }) => cursor));
    const repaired = this.#knownIn(chunk).filter((cursor) => !bad.has(cursor) && !unmoved.has(cursor));
    if (repaired.length > 0) this.store.forgetBadRows(this.#table, repaired);
    if (badRows.length === 0) return;
    this.store.recordBadRows(badRows);
    this.#any = true;
  }

  #knownIn(chunk: RowChunk): readonly Cursor[] {
    if (!this.#any) return [];
    // Read whole, the table holds them all; and a row without a key that was mended is another row.
    const known =
      this.job.scanKey === null
        ? this.store.badRows(this.#table)
        : this.store.badRowsAt(
            this.#table,
            chunk.rows.map((row) => this.job.source.cursorOf(row)),
          );
    return known.map(({ cursor }) => cursor);
  }
}
