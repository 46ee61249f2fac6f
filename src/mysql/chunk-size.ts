/**
 * How many rows the next SELECT asks for: starts small, at most doubles, halves when a SELECT took too long, and stays
 * within the limits of rows and bytes.
 */
import type { SourceLimits } from '../config/model.js';

const FIRST_ROWS = 100;

export class ChunkSize {
  #rows: number;

  constructor(private readonly limits: Pick<SourceLimits, 'chunkMs' | 'chunkRows' | 'chunkBytes'>) {
    this.#rows = Math.min(FIRST_ROWS, limits.chunkRows);
  }

  /** LIMIT of the next SELECT. */
  get rows(): number {
    return this.#rows;
  }

  /** @param elapsedMs how long the SELECT took while it was not paused */
  observe(seen: { readonly rows: number; readonly bytes: number; readonly elapsedMs: number }): void {
    if (seen.rows === 0) return;
    const { chunkMs, chunkRows, chunkBytes } = this.limits;
    const aim =
      seen.elapsedMs > chunkMs
        ? this.#rows / 2
        : Math.min(this.#rows * 2, (this.#rows * chunkMs) / Math.max(seen.elapsedMs, 1));
    const fitting = chunkBytes / Math.max(seen.bytes / seen.rows, 1);
    this.#rows = Math.max(1, Math.floor(Math.min(aim, fitting, chunkRows)));
  }
}
