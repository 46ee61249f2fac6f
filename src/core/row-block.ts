/**
 * Rows packed as the server sent them: all cells' bytes in one buffer, with the positions where each begins and ends. A
 * chunk of thousands of rows is four objects instead of a hundred thousand. So the garbage collector has little to walk
 * while the chunk waits for its writes.
 */
import { defect } from './defect.js';
import type { Instant } from './time/age.js';
import type { Cell, ColumnInfo, Cursor, Row } from './model.js';
import { Permits } from './async/permits.js';

/**
 * How to read a cell. `ascii`: the bytes of an ASCII column, which are text unless one of them is above 127. Servers
 * before MySQL 8 accept such bytes.
 */
export type Transport = 'text' | 'bytes' | 'ascii';

export function transportOf(column: ColumnInfo): Transport {
  return column.charset === 'ascii' ? 'ascii' : column.transport;
}

const BEYOND_ASCII = /[^\0-\x7f]/;
const REPLACEMENT = '\uFFFD';

/**
 * Returns the cell as text where the bytes are exactly that text; else as bytes. MySQL before 8 and MariaDB store
 * halves of surrogate pairs.
 */
export function cellOf(bytes: Buffer, from: number, to: number, transport: Transport): string | Buffer {
  if (transport === 'bytes') return Buffer.from(bytes.subarray(from, to));
  // latin1 maps one byte to one character. It decodes fastest, and for ASCII it already gives the text.
  const text = bytes.toString('latin1', from, to);
  if (!BEYOND_ASCII.test(text)) return text;
  const raw = Buffer.from(text, 'latin1');
  if (transport === 'ascii') return raw;
  const decoded = raw.toString('utf8');
  return decoded.includes(REPLACEMENT) && !Buffer.from(decoded).equals(raw) ? raw : decoded;
}

/** The value in `starts` for NULL. */
export const NULL_CELL = -1;

export interface RowMemory {
  /** The bytes of all cells. */
  readonly bytes: Buffer;
  /** Position in `bytes` where cell `row * width + column` begins, or NULL_CELL for NULL. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

export class RowBlock implements Iterable<Row> {
  bytes: Buffer;
  starts: Int32Array;
  ends: Int32Array;
  /** Called once, when the block gives its memory back. */
  onRelease: (() => void) | null = null;
  #released = false;

  /**
   * @param transports of a row's cells, in order; their number is the row's width
   * @param pool takes the memory back
   */
  constructor(
    readonly transports: readonly Transport[],
    memory: RowMemory,
    public length: number,
    private readonly pool: RowMemoryPool,
  ) {
    this.bytes = memory.bytes;
    this.starts = memory.starts;
    this.ends = memory.ends;
  }

  /** Whether the memory was given back. To read a row after that is a defect. */
  get released(): boolean {
    return this.#released;
  }

  /** Ends the block and gives its memory to others. A later read of one of its rows throws. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.length = 0;
    this.pool.give({ bytes: this.bytes, starts: this.starts, ends: this.ends });
    ({ bytes: this.bytes, starts: this.starts, ends: this.ends } = NO_MEMORY);
    this.onRelease?.();
    this.onRelease = null;
  }

  /** Packs rows whose cells are already in memory. */
  static of(rows: readonly Row[], transports: readonly Transport[]): RowBlock {
    const pool = new RowMemoryPool();
    const cells = rows.length * transports.length;
    // The builder grows the buffer for the cells' bytes.
    pool.give({ bytes: NO_MEMORY.bytes, starts: new Int32Array(cells), ends: new Int32Array(cells) });
    const block = new RowBlockBuilder(transports, pool);
    for (const row of rows) block.add(row);
    return block.finish();
  }

  get width(): number {
    return this.transports.length;
  }

  /** Returns one cell. @throws FerryError E_INTERNAL where the block has no such cell, or was released */
  cell(row: number, column: number): Cell {
    const place = row * this.width + column;
    const from = this.starts[place] ?? this.#noCell(row, column);
    return from === NULL_CELL
      ? null
      : cellOf(this.bytes, from, this.ends[place] ?? from, this.transports[column] ?? 'text');
  }

  #noCell(row: number, column: number): never {
    throw defect(
      this.#released ? 'a row was read after its chunk was released' : `no cell ${row}, ${column} in a chunk`,
    );
  }

  /** Returns whether two rows have the same bytes, or NULL, in a column. */
  equal(column: number, row: number, other: number): boolean {
    const [a, b] = [row * this.width + column, other * this.width + column];
    const { bytes, starts, ends } = this;
    const from = starts[a] ?? this.#noCell(row, column);
    const otherFrom = starts[b] ?? this.#noCell(other, column);
    if (from === NULL_CELL || otherFrom === NULL_CELL) return from === otherFrom;
    const length = (ends[a] as number) - from;
    if (length !== (ends[b] as number) - otherFrom) return false;
    for (let i = 0; i < length; i += 1) if (bytes[from + i] !== bytes[otherFrom + i]) return false;
    return true;
  }

  /** Returns a row. Negative indexes count from the end. */
  at(index: number): Row | undefined {
    this.#mustBeHeld();
    const row = index < 0 ? this.length + index : index;
    return row < 0 || row >= this.length ? undefined : this.transports.map((_, column) => this.cell(row, column));
  }

  *[Symbol.iterator](): Iterator<Row> {
    this.#mustBeHeld();
    for (let row = 0; row < this.length; row += 1) yield this.transports.map((_, column) => this.cell(row, column));
  }

  #mustBeHeld(): void {
    if (this.#released) throw defect('rows were read after their chunk was released');
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
  /** Sum of the cells' lengths: the approximate size of the chunk in memory. */
  readonly bytes: number;
  /**
   * When the SELECT was sent: the rows are as the server had them at that time, and a lagging replica may have older
   * ones.
   */
  readonly readAt: Instant;
  /** Time from sending the SELECT to its last row, in ms. */
  readonly elapsedMs: number;
}

const FIRST_BYTES = 64 * 1024;
const FIRST_CELLS = 4 * 1024;

const NO_MEMORY: RowMemory = { bytes: Buffer.alloc(0), starts: new Int32Array(0), ends: new Int32Array(0) };

/** Limits of the pool: one table has no more blocks in use at once, and larger ones are rare. */
const KEPT_BLOCKS = 16;
const KEPT_BYTES = 4 * 1024 * 1024;

/**
 * A pool that keeps the memory of ended blocks for the next ones. Otherwise hundreds of megabytes would wait for the
 * garbage collector.
 */
export class RowMemoryPool {
  readonly #free: RowMemory[] = [];
  /** Permit for reading or holding a large row. Only one scan has it at a time, however many scans there are. */
  readonly largeRow = new Permits(1);

  take(): RowMemory {
    return (
      this.#free.pop() ?? {
        bytes: Buffer.allocUnsafeSlow(FIRST_BYTES),
        starts: new Int32Array(FIRST_CELLS),
        ends: new Int32Array(FIRST_CELLS),
      }
    );
  }

  give(memory: RowMemory): void {
    if (this.#free.length < KEPT_BLOCKS && memory.bytes.length <= KEPT_BYTES) this.#free.push(memory);
  }
}

/** Builds a block, and grows its memory as rows come. */
export class RowBlockBuilder {
  bytes: Buffer;
  starts: Int32Array;
  ends: Int32Array;
  /** Number of bytes in use. */
  used = 0;
  rows = 0;
  readonly #transports: readonly Transport[];
  readonly #pool: RowMemoryPool;

  constructor(transports: readonly Transport[], pool: RowMemoryPool) {
    this.#transports = transports;
    this.#pool = pool;
    ({ bytes: this.bytes, starts: this.starts, ends: this.ends } = NO_MEMORY);
  }

  /** Number of cells in a row. */
  get width(): number {
    return this.#transports.length;
  }

  /** Makes room at `used` for one more row of this many bytes. */
  reserve(bytes: number): void {
    if (this.rows === 0 && this.bytes === NO_MEMORY.bytes)
      ({ bytes: this.bytes, starts: this.starts, ends: this.ends } = this.#pool.take());
    if (this.used + bytes > this.bytes.length) {
      // Doubling the buffer needs few copies. But doubling a large one would need too much memory.
      const wanted = this.used + bytes;
      const larger = Buffer.allocUnsafeSlow(wanted + Math.min(wanted, KEPT_BYTES));
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

  /**
   * Takes over memory that holds a row at `from`, while the builder has no row yet. So a large row is not copied. No
   * other object may use that memory.
   */
  adopt(bytes: Buffer, from: number): void {
    this.reserve(0);
    this.bytes = bytes;
    this.used = from;
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
    const block = new RowBlock(this.#transports, this, this.rows, this.#pool);
    // The builder takes new memory only when the next row comes, because no row may follow.
    ({ bytes: this.bytes, starts: this.starts, ends: this.ends } = NO_MEMORY);
    this.clear();
    return block;
  }

  /** Forgets the rows since the last block. */
  clear(): void {
    this.used = 0;
    this.rows = 0;
  }
}
