/** Defines what every cell writer has: the text around the values of a column, and a function that writes a value. */
import type { ItemBuffer } from '../item/item-buffer.js';

/**
 * Writes a non-NULL cell, `{"S":"..."}` or similar, and counts its billed bytes. `open` and `close` hold what surrounds
 * every value of the column; the caller writes them.
 */
export interface CellWriter {
  readonly open: string;
  readonly close: string;
  /** Writes the cell's bytes in `source`, from `from` to `to`. @throws BadValue */
  readonly write: (source: Buffer, from: number, to: number, out: ItemBuffer) => void;
}
