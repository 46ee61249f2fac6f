/**
 * The chunk size is the number of rows that the next SELECT asks for. It starts small, at most doubles, halves when a
 * SELECT took too long, and stays within the limits of rows and bytes. After a SELECT that failed for its time or size,
 * the next asks for half as many rows. If it took far too long, the next asks for fewer still, down to one.
 *
 * A failed size becomes a ceiling, so that the size does not swing between sizes that pass and sizes that fail. The
 * ceiling rises by a quarter after a number of successes. That number doubles each time the raise was too much. So a
 * lasting limit costs at most one SELECT in a thousand, and the size of rows that are cheap again soon returns to
 * thousands.
 */
import type { SourceLimits } from '../../config/model.js';

/**
 * Most bytes of one SELECT, as a multiple of `chunkBytes`. Up to this size, the scan reads rows twice that suddenly
 * grew.
 */
export const MOST_CHUNKS = 4;

/**
 * The scan reads a row of more bytes alone, one at a time: dozens of such rows at once, with their copies, would take
 * gigabytes.
 */
export const LARGE_ROW_BYTES = 8 * 2 ** 20;

/** Rows of the first SELECT of a scan. */
const FIRST_ROWS = 100;
/**
 * Smallest share of the rows to ask for after a SELECT took many times `chunkMs`: the retry timeout does not allow many
 * tries.
 */
const LEAST_SHARE = 1 / 8;
/** Factor by which the ceiling rises: a quarter. */
const RAISE = 1.25;
/** Successes at the ceiling before it rises: at first, and at most. */
const FIRST_PROOF = 16;
const LONGEST_PROOF = 1_024;

/** Reports that the rows of a SELECT exceed the limit of memory; the scan reads them again, fewer at once. */
export class TooLarge extends Error {
  constructor(readonly rows: number) {
    super('the rows of a SELECT exceed the limit of memory');
  }
}

/** The work and the result of one SELECT. */
export interface SeenSelect {
  /** Rows that the server looked at: those asked for, or all that were left. */
  readonly looked: number;
  /** Rows that it answered; fewer where a condition leaves some out. */
  readonly rows: number;
  readonly bytes: number;
  /** How long it took, in ms, without pauses. */
  readonly elapsedMs: number;
}

export class ChunkSize {
  #rows: number;
  /** Most rows of one SELECT, after a larger SELECT has failed; Infinity: none has. */
  #ceiling = Infinity;
  #proof = FIRST_PROOF;
  #successes = 0;
  /** True after at least one success since the last failure. */
  #succeeded = false;
  #large = false;

  constructor(private readonly limits: Pick<SourceLimits, 'chunkMs' | 'chunkRows' | 'chunkBytes'>) {
    this.#rows = Math.min(FIRST_ROWS, limits.chunkRows);
  }

  /** LIMIT of the next SELECT. */
  get rows(): number {
    // The limit may have been lowered since the last one.
    return Math.min(this.#rows, this.limits.chunkRows);
  }

  /** True if the next SELECT asks for one row, which may be a large one. */
  get large(): boolean {
    return this.#large;
  }

  observe(seen: SeenSelect): void {
    this.#raiseCeiling();
    if (seen.rows > 0) this.#large = seen.bytes / seen.rows > Math.max(LARGE_ROW_BYTES, this.limits.chunkBytes);
    if (seen.looked === 0) return;
    const { chunkMs, chunkRows, chunkBytes } = this.limits;
    const aim =
      seen.elapsedMs > chunkMs
        ? this.rows / 2
        : Math.min(this.rows * 2, (this.rows * chunkMs) / Math.max(seen.elapsedMs, 1));
    const fitting = seen.rows === 0 ? Infinity : chunkBytes / Math.max(seen.bytes / seen.rows, 1);
    this.#rows = Math.max(1, Math.floor(Math.min(aim, fitting, chunkRows, this.#ceiling)));
  }

  /**
   * Records that a SELECT of `rows` rows ended for its time or size, or broke during its answer, after `elapsedMs`
   * without pauses.
   */
  failed(elapsedMs: number): void {
    const share = Math.min(1 / 2, Math.max(LEAST_SHARE, this.limits.chunkMs / Math.max(elapsedMs, 1)));
    this.#ceiling = Math.max(1, Math.floor(this.rows / 2));
    this.#rows = Math.max(1, Math.floor(this.rows * share));
    // An outage causes many failures in a row. Together they prove no more than one does.
    if (this.#succeeded) this.#proof = Math.min(LONGEST_PROOF, this.#proof * 2);
    this.#succeeded = false;
    this.#successes = 0;
  }

  /**
   * Records that the scan gave up a SELECT whose answer exceeded MOST_CHUNKS chunks, after this many complete rows.
   * That is no failure of the server.
   */
  overflowed(rows: number): void {
    // The size of the incomplete row is unknown.
    this.#large = rows < 2;
    this.#rows = Math.max(1, Math.min(Math.floor(rows / MOST_CHUNKS), Math.floor(this.rows / 2)));
  }

  #raiseCeiling(): void {
    this.#succeeded = true;
    if (this.#ceiling === Infinity || ++this.#successes < this.#proof) return;
    this.#successes = 0;
    this.#ceiling = Math.ceil(this.#ceiling * RAISE);
    if (this.#ceiling < this.limits.chunkRows) return;
    // The limits allow no more than the ceiling, so this forgets the failures.
    this.#ceiling = Infinity;
    this.#proof = FIRST_PROOF;
  }
}
