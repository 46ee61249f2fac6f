/**
 * Bytes among foreign ones, as they stand in a block of rows and in a buffer of items: a step that reads a byte too
 * many, or writes one behind its buffer, meets something else than zeros.
 */
import { ItemBuffer } from '../../../src/mapping/item/item-buffer.js';
import { ItemBufferPool } from '../../../src/mapping/item/item-buffer-pool.js';

/** What stands before and behind a cell; each could belong to a number, a time or a character of several bytes. */
export const NEIGHBOURS = ['0', '9', '-', '.', 'Z', '"', '\u00bf'];

export interface PlacedCell {
  readonly source: Buffer;
  readonly from: number;
  readonly to: number;
}

/** A text goes in as UTF-8. */
export function amid(cell: string | Buffer, neighbour: string): PlacedCell {
  const bytes = Buffer.from(cell as string);
  const foreign = Buffer.from(neighbour, 'latin1');
  return { source: Buffer.concat([foreign, bytes, foreign]), from: 1, to: 1 + bytes.length };
}

/** Of items that are finished. */
const FINISHED_BYTES = 8;

/** A buffer with an item begun, and so many bytes of room before it must go on in another. */
export function bufferWithRoom(bytes: number): ItemBuffer {
  const pool = new ItemBufferPool();
  const take = pool.take.bind(pool);
  pool.take = () => {
    pool.take = take;
    return Buffer.alloc(FINISHED_BYTES + bytes, '7');
  };
  const out = new ItemBuffer(pool);
  out.reserve(1);
  out.at = FINISHED_BYTES;
  out.begin();
  return out;
}

/** The item under way. */
export function writtenIn(out: ItemBuffer): string {
  return out.buffer.toString('utf8', out.start, out.at);
}
