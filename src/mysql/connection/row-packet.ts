/**
 * Copies a row of the text protocol into a block, without a string or a buffer for each cell. The driver's own row
 * parser makes one for each cell. With that parser, and items as strings, a backfill of 300,000 rows took 12.7 s of CPU
 * time; without it, 7.5 s. Source of the format: MySQL, "Protocol::ResultsetRow": each cell is a length-encoded string,
 * 0xFB for NULL.
 */
import type { Query } from 'mysql2';
import { NULL_CELL, type RowBlockBuilder } from '../../core/row-block.js';

/** Size in bytes above which a row is not copied. Parts of a stream are 64 KiB (Node). */
const ADOPTED_BYTES = 4 * 2 ** 20;

const NULL = 0xfb;
const TWO_BYTES = 0xfc;
const THREE_BYTES = 0xfd;

/**
 * Appends a row to the block.
 * @param packet holds the row from `from` to `to`
 * @returns the length of all cells, in bytes
 */
export function appendRow(block: RowBlockBuilder, packet: Buffer, from: number, to: number): number {
  // The driver makes a separate buffer for a row that is larger than a part of the stream, and does not keep it.
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
 * The members of mysql2's Query and Packet that `tapRows` relies on. mysql2 does not type them. The contract tests of
 * the row source check them.
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
   * Takes the rows as bytes instead of parsed rows. The bytes are valid only during the call. Null: the driver parses
   * the rows.
   */
  readonly onRow: ((packet: Buffer, from: number, to: number) => void) | null;
  /** @param warnings number that the server counted; 65,535 also means more */
  readonly onEnd: (warnings: number) => void;
}

/** Offset of the count of warnings in an EOF packet, behind 0xFE (MySQL, "Protocol::EOF_Packet"). */
const WARNINGS_AT = 1;

/** Receives the rows of a query where the driver would parse them, and the number of warnings at their end. */
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
    // After each row that it parsed, the driver continues with its own state.
    return next === parse ? tap : next;
  };
  command.row = tap;
}
