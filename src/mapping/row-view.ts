/**
 * A row view is the current row in its block, from which the steps of a compiled mapping read. One object moves from
 * row to row.
 */
import type { Cell } from '../core/model.js';
import { NULL_CELL, RowBlock } from '../core/row-block.js';

export class RowView {
  rows: RowBlock = RowBlock.of([], []);
  /** Index of the row in its block. */
  row = 0;
  /** Index of its first cell in `rows.starts` and `rows.ends`. */
  first = 0;

  moveTo(rows: RowBlock, row: number): void {
    this.rows = rows;
    this.row = row;
    this.first = row * rows.width;
  }

  isNull(column: number): boolean {
    return this.rows.starts[this.first + column] === NULL_CELL;
  }

  cell(column: number): Cell {
    return this.rows.cell(this.row, column);
  }
}
