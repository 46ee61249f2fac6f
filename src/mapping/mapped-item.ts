/** An item as the mapping made it: bytes in a buffer that it shares with others, and the way back to its row. */
import type { Cell, MappedItem, Row } from '../core/model.js';
import type { RowBlock } from '../core/row-block.js';

export class PackedItem implements MappedItem {
  constructor(
    readonly buffer: Buffer,
    readonly start: number,
    readonly end: number,
    readonly keyText: string,
    readonly partition: string,
    readonly bytes: number,
    readonly expiresAt: number | null,
    private readonly rows: RowBlock,
    private readonly place: number,
  ) {}

  get text(): string {
    return this.buffer.toString('utf8', this.start, this.end);
  }

  get row(): Row {
    return this.rows.at(this.place) ?? [];
  }

  cell(column: number): Cell {
    return this.rows.cell(this.place, column);
  }
}
