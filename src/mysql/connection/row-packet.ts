/**
 * A row as the text protocol sends it, into a block, without a string or a buffer for any cell. The driver's own row
 * parser makes one for each; with that, and items as strings, a backfill of 300,000 rows took 12.7 s of processor time,
 * without 7.5 s. Source of the format: MySQL, "Protocol::ResultsetRow": each cell is a length-encoded string, 0xFB for
 * NULL.
 */
import type { Query } from 'mysql2';
import { NULL_CELL, type RowBlockBuilder } from '../../core/row-block.js';

/** A row that is larger is not copied; parts of a stream are 64 KiB (Node). */
const ADOPTED_BYTES = 4 * 2 ** 20;

const NULL = 0xfb;
const TWO_BYTES = 0xfc;
const THREE_BYTES = 0xfd;

/**
 * @param packet holds the row from `from` to `to`
 * @returns the cells' bytes
 */
export function appendRow(block: RowBlockBuilder, packet: Buffer, from: number, to: number): number {
  // The driver makes a buffer of its own for what is larger than a part of the stream, and forgets it.
  const adopted = block.rows === 0 && to - from > ADOPTED_BYTES;
  if (adopted) block.adopt(packet, from);
  else block.reserve(to - from);
  const { bytes, starts, ends, width } = block;
  if (!adopted) packet.copy(bytes, block.used, from, to);
  const last = (block.rows + 1) * width;
  let at = block.used;
  let sum = 0;
  for (let cell = block.rows * width; cell < last; cell += 1) {
    let length = bytes[at] ?? NULL;
    at += 1;
    if (length === NULL) {
      starts[cell] = NULL_CELL;
      continue;
    }
    if (length > NULL) {
      const width = length === TWO_BYTES ? 2 : length === THREE_BYTES ? 3 : 8;
      // The longest cell of a row is 1 GB (max_allowed_packet): six bytes hold its length.
      length = bytes.readUIntLE(at, Math.min(width, 6));
      at += width;
    }
    starts[cell] = at;
    at += length;
    ends[cell] = at;
    sum += length;
  }
  block.used = at;
  block.rows += 1;
  return sum;
}

/**
 * What `tapRows` stands on of mysql2's Query and Packet, whose types leave it out; the row source's contract tests hold
 * it.
 */
interface RowPacket {
  readonly buffer: Buffer;
  readonly offset: number;
  readonly end: number;
  isEOF(): boolean;
}
type RowState = (this: unknown, packet: RowPacket, connection: unknown) => unknown;

export interface RowTap {
  /**
   * Takes the rows as bytes, in place of having them parsed. They are only there during the call. null: they are
   * parsed.
   */
  readonly onRow: ((packet: Buffer, from: number, to: number) => void) | null;
  /** @param warnings that the server counted; 65,535 stands for more */
  readonly onEnd: (warnings: number) => void;
}

/** Of an EOF packet: 0xFE, then the count of warnings (MySQL, "Protocol::EOF_Packet"). */
const WARNINGS_AT = 1;

/** Listens to the rows of a query where the driver would parse them, and to how they end. */
export function tapRows(query: Query, { onRow, onEnd }: RowTap): void {
  const command = query as unknown as { row: RowState };
  const parse = command.row;
  if (typeof parse !== 'function') throw new TypeError('this version of mysql2 has no Query.row');
  const tap: RowState = function (packet, connection) {
    if (packet.isEOF()) {
      onEnd(packet.buffer.readUInt16LE(packet.offset + WARNINGS_AT));
    } else if (onRow !== null) {
      onRow(packet.buffer, packet.offset, packet.end);
      return tap;
    }
    const next = parse.call(this, packet, connection);
    // The driver goes on with its own state behind each row that it parsed.
    return next === parse ? tap : next;
  };
  command.row = tap;
}
