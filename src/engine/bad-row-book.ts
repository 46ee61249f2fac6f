/**
 * Keeps what is recorded of bad rows true while a pass goes over their table: a bad row is recorded before its chunk is done,
 * and one that was repaired in the source is forgotten when its chunk is read again and its items are moved. Until then it stays
 * recorded, so that `backfill --retry-bad` finds it.
 */
import type { Cursor } from '../core/model.js';
import type { RowChunk } from '../core/row-block.js';
import type { BadRowRecord, StateStore } from '../core/state-ports.js';
import type { TableJob } from './table-job.js';

export class BadRowBook {
  readonly #table: string;
  readonly #known: Set<Cursor>;

  constructor(
    private readonly store: StateStore,
    private readonly job: TableJob,
  ) {
    this.#table = job.mapping.table.name;
    this.#known = new Set(store.badRows(this.#table).map((bad) => bad.cursor));
  }

  /**
   * @param badRows all bad rows of the chunk, as it was read just now
   * @param unmoved rows of the chunk whose items are not in the target as they should be
   */
  update(chunk: RowChunk, badRows: readonly BadRowRecord[], unmoved: ReadonlySet<Cursor>): void {
    const bad = new Set(badRows.map(({ cursor }) => cursor));
    const repaired = this.#knownIn(chunk).filter((cursor) => !bad.has(cursor) && !unmoved.has(cursor));
    if (repaired.length > 0) this.store.forgetBadRows(this.#table, repaired);
    for (const cursor of repaired) this.#known.delete(cursor);
    if (badRows.length > 0) this.store.recordBadRows(badRows);
    for (const cursor of bad) this.#known.add(cursor);
  }

  /** Most passes know of no bad row, and then no cursor is made. */
  #knownIn(chunk: RowChunk): readonly Cursor[] {
    if (this.#known.size === 0) return [];
    // Read whole, the table holds them all; and a row without a key that was mended is another row.
    if (this.job.scanKey === null) return [...this.#known];
    return chunk.rows.map((row) => this.job.source.cursorOf(row)).filter((cursor) => this.#known.has(cursor));
  }
}
