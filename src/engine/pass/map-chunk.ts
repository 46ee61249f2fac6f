/** Maps the rows of a chunk to items, bad rows with their reasons, expired rows, and the digest of all items. */
import type { Cursor, MappedItem, Row } from '../../core/model.js';
import type { RowChunk } from '../../core/row-block.js';
import type { BadRowRecord } from '../../core/ports/state-records.js';
import { BadValue } from '../../mapping/value/bad-value.js';
import { DigestSum } from '../../mapping/item/digest.js';
import { ItemBuffer } from '../../mapping/item/item-buffer.js';
import type { TableJob } from './table-job.js';

export interface MappedChunk {
  readonly items: readonly MappedItem[];
  readonly badRows: readonly BadRowRecord[];
  readonly expiredRows: number;
  /** Sum of the items' digests. */
  readonly digest: string;
  /** Releases the bytes of the items, which later items overwrite. Call it when nobody needs the items any longer. */
  readonly release: () => void;
}

/**
 * Returns the record of a bad row.
 * @param chunk the last cursor of the chunk that it was read in; null: it was read alone
 */
export function badRowRecord(job: TableJob, row: Row, fault: BadValue, chunk: Cursor | null): BadRowRecord {
  const cursor = job.source.cursorOf(row);
  const { table } = job.mapping;
  return {
    ...fault.toBadRow(table),
    table: table.name,
    cursor,
    key: job.source.describeKey(cursor),
    chunk,
    itemsTaken: null,
  };
}

/**
 * Returns the items of one row as it was read; an empty list where the row is bad or expired.
 * @param now seconds since the epoch
 */
export function itemsOf(job: TableJob, row: Row, now: number): readonly MappedItem[] {
  const items: MappedItem[] = [];
  try {
    job.mapping.map(row, items, { now });
    return items;
  } catch (error) {
    if (error instanceof BadValue) return [];
    throw error;
  }
}

/** Maps all rows of a chunk. @param now seconds since the epoch */
export function mapChunk(job: TableJob, chunk: RowChunk, now: number): MappedChunk {
  const items: MappedItem[] = [];
  const badRows: BadRowRecord[] = [];
  let expiredRows = 0;
  const { rows } = chunk;
  const context = { now };
  const out = new ItemBuffer(job.mapping.buffers);
  for (let index = 0; index < rows.length; index += 1) {
    try {
      if (job.mapping.mapAt(rows, index, items, context, out) === 'expired') expiredRows += 1;
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      badRows.push(badRowRecord(job, rows.at(index) ?? [], error, chunk.last));
    }
  }
  return { items, badRows, expiredRows, digest: digestOf(items), release: () => out.release() };
}

/** Returns the sum of the items' digests. */
export function digestOf(items: readonly MappedItem[]): string {
  const digest = new DigestSum();
  for (const { buffer, start, end } of items) digest.add(buffer.subarray(start, end));
  return digest.toString();
}
