/** Maps the rows of a chunk: items, bad rows with their reasons, expired rows, and the digest of it all. */
import type { MappedItem, RowChunk } from '../core/model.js';
import type { BadRowRecord } from '../core/ports.js';
import { BadValue } from '../mapping/bad-value.js';
import { DigestSum } from '../mapping/digest.js';
import type { TableJob } from './table-job.js';

export interface MappedChunk {
  readonly items: readonly MappedItem[];
  readonly badRows: readonly BadRowRecord[];
  readonly expiredRows: number;
  /** Sum of the items' digests. */
  readonly digest: string;
}

/** @param now seconds since the epoch */
export function mapChunk(job: TableJob, chunk: RowChunk, now: number): MappedChunk {
  const items: MappedItem[] = [];
  const badRows: BadRowRecord[] = [];
  let expiredRows = 0;
  for (const row of chunk.rows) {
    try {
      if (job.mapping.map(row, items, { now }) === 'expired') expiredRows += 1;
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      badRows.push({ ...error.toBadRow(), table: job.mapping.table.name, cursor: job.source.cursorOf(row) });
    }
  }
  const digest = new DigestSum();
  for (const item of items) digest.add(item.text);
  return { items, badRows, expiredRows, digest: digest.toString() };
}
