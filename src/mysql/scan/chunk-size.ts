/**
 * How many rows the next SELECT asks for: starts small, at most doubles, halves when a SELECT took too long, and stays
 * within the limits of rows and bytes. One that failed for its time or size is not sent again as it was: the next asks
 * for half as many rows, or fewer where it took far too long, down to one.
 *
 * What failed is remembered as a ceiling, so that the size does not swing between what passes and what does not: it is
 * raised by a quarter after a number of successes that doubles each time it was raised too far. So a limit that stands
 * costs one SELECT in a thousand at most, and rows that are cheap again are soon read by the thousand again.
 */
import type { SourceLimits } from '../../config/model.js';

/** Bytes of one SELECT at most, in chunks: rows that are suddenly larger are read twice up to here. */
export const MOST_CHUNKS = 4;

/** A larger row is read by itself, one at a time: with copies, dozens of such at once would come to gigabytes. */
export const LARGE_ROW_BYTES = 8 * 2 ** 20;

const FIRST_ROWS = 100;
/**
 * Of the rows of a SELECT that failed after many times the time aimed for: patience is not long enough for many tries.
 */
const LEAST_SHARE = 1 / 8;
const RAISE = 1.25;
/** Successes at the ceiling before it is raised: at first, and at most. */
const FIRST_PROOF = 16;
const LONGEST_PROOF = 1_024;

/** What a SELECT came to. */
export interface SeenSelect {
  /** That the server looked at: those asked for, or all that were left. */
  readonly looked: number;
  /** That it answered; fewer where a condition leaves some out. */
  readonly rows: number;
  readonly bytes: number;
  /** How long it took while it was not paused. */
  readonly elapsedMs: number;
}

export class ChunkSize {
  #rows: number;
  /** Rows of one SELECT beyond which one has failed; Infinity: none has. */
  #ceiling = Infinity;
  #proof = FIRST_PROOF;
  #successes = 0;
  /** One at least since the last failure. */
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

  /** The next SELECT asks for one row, which may be a large one. */
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
   * A SELECT of so many rows was ended for its time or size, or broke in the middle of its answer, after so many ms
   * unpaused.
   */
  failed(elapsedMs: number): void {
    const share = Math.min(1 / 2, Math.max(LEAST_SHARE, this.limits.chunkMs / Math.max(elapsedMs, 1)));
    this.#ceiling = Math.max(1, Math.floor(this.rows / 2));
    this.#rows = Math.max(1, Math.floor(this.rows * share));
    // Of failures in a row, an outage makes as many as it lasts: they prove no more than one does.
    if (this.#succeeded) this.#proof = Math.min(LONGEST_PROOF, this.#proof * 2);
    this.#succeeded = false;
    this.#successes = 0;
  }

  /**
   * A SELECT was given up when it had come to MOST_CHUNKS chunks, with so many rows whole. Not a failure of the server.
   */
  overflowed(rows: number): void {
    // Nobody knows how large the row is that did not come whole.
    this.#large = rows < 2;
    this.#rows = Math.max(1, Math.min(Math.floor(rows / MOST_CHUNKS), Math.floor(this.rows / 2)));
  }

  #raiseCeiling(): void {
    this.#succeeded = true;
    if (this.#ceiling === Infinity || ++this.#successes < this.#proof) return;
    this.#successes = 0;
    this.#ceiling = Math.ceil(this.#ceiling * RAISE);
    if (this.#ceiling < this.limits.chunkRows) return;
    // As if none had failed.
    this.#ceiling = Infinity;
    this.#proof = FIRST_PROOF;
  }
}
