/**
 * Rows packed as the server sent them: all cells' bytes in one buffer, with where each begins and ends. A chunk of thousands of rows
 * is four objects instead of a hundred thousand, so the garbage collector has nothing to walk while the chunk waits for its writes.
 */
import type { Cell, ColumnInfo, Cursor, Row } from './model.js';

/** How a cell is to be read. `ascii`: the bytes of an ASCII column, text unless one is above 127; servers before MySQL 8 let those in. */
export type Transport = 'text' | 'bytes' | 'ascii';

export function transportOf(column: ColumnInfo): Transport {
  return column.charset === 'ascii' ? 'ascii' : column.transport;
}

const BEYOND_ASCII = /[^\0-\x7f]/;
const REPLACEMENT = '\uFFFD';

/** Text where the bytes are exactly that; the bytes themselves otherwise (MySQL before 8 and MariaDB store halves of surrogate pairs). */
export function cellOf(bytes: Buffer, from: number, to: number, transport: Transport): string | Buffer {
  if (transport === 'bytes') return Buffer.from(bytes.subarray(from, to));
  // One character a byte: the fastest to decode, and for ASCII the text already.
  const text = bytes.toString('latin1', from, to);
  if (!BEYOND_ASCII.test(text)) return text;
  const raw = Buffer.from(text, 'latin1');
  if (transport === 'ascii') return raw;
  const decoded = raw.toString('utf8');
  return decoded.includes(REPLACEMENT) && !Buffer.from(decoded).equals(raw) ? raw : decoded;
}

/** What `starts` has for NULL. */
export const NULL_CELL = -1;

export class RowBlock implements Iterable<Row> {
  /**
   * @param transports of a row's cells, in order; their number is the row's width
   * @param bytes of all cells
   * @param starts where cell `row * width + column` begins in `bytes`, NULL_CELL for NULL; `ends` likewise
   */
  constructor(
    readonly transports: readonly Transport[],
    readonly bytes: Buffer,
    readonly starts: Int32Array,
    readonly ends: Int32Array,
    readonly length: number,
  ) {}

  /** Packs rows that are at hand as cells. */
  static of(rows: readonly Row[], transports: readonly Transport[]): RowBlock {
    const block = new RowBlockBuilder(transports);
    for (const row of rows) block.add(row);
    return block.finish();
  }

  get width(): number {
    return this.transports.length;
  }

  cell(row: number, column: number): Cell {
    const place = row * this.width + column;
    const from = this.starts[place] ?? NULL_CELL;
    return from === NULL_CELL
      ? null
      : cellOf(this.bytes, from, this.ends[place] ?? from, this.transports[column] ?? 'text');
  }

  /** Negative indexes count from the end. */
  at(index: number): Row | undefined {
    const row = index < 0 ? this.length + index : index;
    return row < 0 || row >= this.length ? undefined : this.transports.map((_, column) => this.cell(row, column));
  }

  *[Symbol.iterator](): Iterator<Row> {
    for (let row = 0; row < this.length; row += 1) yield this.transports.map((_, column) => this.cell(row, column));
  }

  map<T>(make: (row: Row) => T): T[] {
    return Array.from(this, make);
  }
}

/** Consecutive rows of one range in key order, read by one SELECT. */
export interface RowChunk {
  readonly rows: RowBlock;
  /** Cursor of the last row; the next chunk starts behind it. */
  readonly last: Cursor;
  /** Sum of the cells' lengths: what the chunk weighs in memory, about. */
  readonly bytes: number;
  /** From sending the SELECT to its last row, in ms. */
  readonly elapsedMs: number;
}

const FIRST_BYTES = 64 * 1024;
const FIRST_CELLS = 4 * 1024;

/** Grows as rows come, and begins the next block with room for as many. */
export class RowBlockBuilder {
  bytes: Buffer;
  starts: Int32Array;
  ends: Int32Array;
  /** Bytes in use. */
  used = 0;
  rows = 0;
  readonly #transports: readonly Transport[];

  constructor(transports: readonly Transport[]) {
    this.#transports = transports;
    this.bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
    this.starts = new Int32Array(FIRST_CELLS);
    this.ends = new Int32Array(FIRST_CELLS);
  }

  /** Cells a row. */
  get width(): number {
    return this.#transports.length;
  }

  /** Makes room for one more row of so many bytes, to be written at `used`. */
  reserve(bytes: number): void {
    if (this.used + bytes > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow((this.used + bytes) * 2);
      this.bytes.copy(larger, 0, 0, this.used);
      this.bytes = larger;
    }
    const cells = (this.rows + 1) * this.width;
    if (cells <= this.starts.length) return;
    const [starts, ends] = [new Int32Array(cells * 2), new Int32Array(cells * 2)];
    starts.set(this.starts);
    ends.set(this.ends);
    this.starts = starts;
    this.ends = ends;
  }

  add(row: Row): void {
    const cells = row.map((cell) => (typeof cell === 'string' ? Buffer.from(cell) : cell));
    this.reserve(cells.reduce((sum, cell) => sum + (cell?.length ?? 0), 0));
    const first = this.rows * this.width;
    for (let column = 0; column < this.width; column += 1) {
      const cell = cells[column] ?? null;
      this.starts[first + column] = cell === null ? NULL_CELL : this.used;
      if (cell !== null) this.used += cell.copy(this.bytes, this.used);
      this.ends[first + column] = this.used;
    }
    this.rows += 1;
  }

  finish(): RowBlock {
    const block = new RowBlock(this.#transports, this.bytes, this.starts, this.ends, this.rows);
    this.bytes = Buffer.allocUnsafeSlow(this.bytes.length);
    this.starts = new Int32Array(this.starts.length);
    this.ends = new Int32Array(this.ends.length);
    this.clear();
    return block;
  }

  /** Forgets the rows since the last block. */
  clear(): void {
    this.used = 0;
    this.rows = 0;
  }
}
