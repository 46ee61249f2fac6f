/**
 * `BadRowTracker` keeps the record of bad rows correct while a pass walks over their table. It records a bad row before
 * the row's chunk is done. It forgets a row that was repaired in the source once a pass reads its chunk again and moves
 * its items. Until then the row stays recorded, so that `backfill --retry-bad` finds it. If a repaired row overwrites
 * no item, a warning reports the items that the target took of it earlier. Only the state holds the record, because a
 * table may have millions of bad rows.
 */
import type { Cursor } from '../../core/model.js';
import type { RowChunk } from '../../core/row-block.js';
import type { BadRowRecord, RecordedBadRow } from '../../core/ports/state-records.js';
import { itemsOf } from './map-chunk.js';
import { tellLeftBehind, type LeftBehind } from './refused-rows.js';
import type { ShardContext, TableJob } from './table-job.js';

export class BadRowTracker {
  readonly #table: string;
  /** Whether the table has recorded bad rows. Most passes have none, and then need no cursors and no queries. */
  #any: boolean;

  constructor(
    private readonly context: Pick<ShardContext, 'shard' | 'store' | 'emitter'>,
    private readonly job: TableJob,
  ) {
    this.#table = job.mapping.table.name;
    this.#any = context.store.badRows.count(this.#table) > 0;
  }

  /**
   * Records the bad rows of a chunk, and forgets its repaired ones.
   * @param badRows all bad rows of the chunk as it was just read
   * @param unmoved rows of the chunk whose items differ in the target
   * @param now seconds since the epoch, by which the chunk was mapped
   * @throws FerryError E_STATE_*
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
    // A table that is read whole has all its recorded rows in this chunk. A row without a key that was repaired is
    // another row.
    return this.job.scanKey === null
      ? this.context.store.badRows.list(this.#table)
      : this.context.store.badRows.at(
          this.#table,
          chunk.rows.map((row) => this.job.source.cursorOf(row)),
        );
  }
}
