/**
 * Keeps what is recorded of bad rows true while a pass goes over their table: a bad row is recorded before its chunk is
 * done, and one that was repaired in the source is forgotten when its chunk is read again and its items are moved.
 * Until then it stays recorded, so that `backfill --retry-bad` finds it. Where no item of such a row is written over,
 * what was taken of it is told of. The record is in the state alone: a table may have bad rows by the million.
 */
import type { Cursor } from '../../core/model.js';
import type { RowChunk } from '../../core/row-block.js';
import type { BadRowRecord, RecordedBadRow } from '../../core/ports/state-records.js';
import { itemsOf } from './map-chunk.js';
import { tellLeftBehind, type LeftBehind } from './refused-rows.js';
import type { ShardContext, TableJob } from './table-job.js';

export class BadRowTracker {
  readonly #table: string;
  /** Most passes know of no bad row, and then no cursor is made, and nothing is asked. */
  #any: boolean;

  constructor(
    private readonly context: Pick<ShardContext, 'shard' | 'store' | 'emitter'>,
    private readonly job: TableJob,
  ) {
    this.#table = job.mapping.table.name;
    this.#any = context.store.badRows.count(this.#table) > 0;
  }

  /**
   * @param badRows all bad rows of the chunk, as it was read just now
   * @param unmoved rows of the chunk whose items are not in the target as they should be
   * @param now seconds since the epoch, by which the chunk was mapped
   */
  update(chunk: RowChunk, badRows: readonly BadRowRecord[], unmoved: ReadonlySet<Cursor>, now: number): void {
    const { store } = this.context;
    const bad = new Set(badRows.map(({ cursor }) => cursor));
    const repaired = this.#knownIn(chunk).filter(({ cursor }) => !bad.has(cursor) && !unmoved.has(cursor));
    if (repaired.length > 0) {
      const cursors = repaired.map(({ cursor }) => cursor);
      store.badRows.forget(this.#table, cursors);
      this.#tellLeftBehind(chunk, repaired, now);
    }
    if (badRows.length === 0) return;
    store.badRows.record(badRows);
    this.#any = true;
  }

  #tellLeftBehind(chunk: RowChunk, repaired: readonly RecordedBadRow[], now: number): void {
    const taken = repaired.filter(({ itemsTaken }) => itemsTaken > 0);
    if (taken.length === 0) return;
    const rows = new Map(chunk.rows.map((row) => [this.job.source.cursorOf(row), row]));
    tellLeftBehind(
      this.context,
      this.#table,
      taken.flatMap((record): readonly LeftBehind[] => {
        const row = rows.get(record.cursor);
        if (row === undefined) return [{ record, why: 'gone' }];
        return itemsOf(this.job, row, now).length === 0 ? [{ record, why: 'expired' }] : [];
      }),
    );
  }

  #knownIn(chunk: RowChunk): readonly RecordedBadRow[] {
    if (!this.#any) return [];
    // Read whole, the table holds them all; and a row without a key that was mended is another row.
    return this.job.scanKey === null
      ? this.context.store.badRows.list(this.#table)
      : this.context.store.badRows.at(
          this.#table,
          chunk.rows.map((row) => this.job.source.cursorOf(row)),
        );
  }
}
