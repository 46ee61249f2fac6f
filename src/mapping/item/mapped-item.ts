/**
 * A packed item is an item that the mapping made. It consists of bytes in a buffer that it shares with others, and the
 * way back to its row.
 */
import type { Cell, MappedItem, Row } from '../../core/model.js';
import { defect } from '../../core/defect.js';
import type { RowBlock } from '../../core/row-block.js';
import type { KeySpan, KeyReader } from '../key/key-reader.js';

export class PackedItem implements MappedItem, KeySpan {
  readonly keyHash: number;
  readonly partition: string;
  readonly partitionFrom: number;
  readonly partitionTo: number;
  readonly sortFrom: number;
  readonly sortTo: number;

  /** @param keys must have just read the item's key */
  constructor(
    readonly buffer: Buffer,
    readonly start: number,
    readonly end: number,
    private readonly keys: KeyReader,
    readonly bytes: number,
    readonly expiresAt: number | null,
    private readonly rows: RowBlock,
    private readonly rowIndex: number,
  ) {
    this.keyHash = keys.hash;
    this.partition = keys.partition;
    this.partitionFrom = keys.partitionFrom;
    this.partitionTo = keys.partitionTo;
    this.sortFrom = keys.sortFrom;
    this.sortTo = keys.sortTo;
  }

  /**
   * Returns the item's JSON. @throws FerryError E_INTERNAL where its chunk was released: another item may use the bytes
   * by now
   */
  get text(): string {
    this.#mustBeHeld();
    return this.buffer.toString('utf8', this.start, this.end);
  }

  /** Returns the key's JSON. @throws as `text` */
  get keyText(): string {
    this.#mustBeHeld();
    return this.keys.textOf(this.buffer, this.start, this);
  }

  #mustBeHeld(): void {
    if (this.rows.released) throw defect('an item was read after its chunk was released');
  }

  /** Returns the item's row. @throws as `text` */
  get row(): Row {
    return this.rows.at(this.rowIndex) ?? [];
  }

  cell(column: number): Cell {
    return this.rows.cell(this.rowIndex, column);
  }

  sharesCell(column: number, other: MappedItem): boolean {
    return (
      other instanceof PackedItem && other.rows === this.rows && this.rows.equal(column, this.rowIndex, other.rowIndex)
    );
  }
}
