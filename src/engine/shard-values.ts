/**
 * The declaration that a column's values live on one shard each, held to while rows move: a value is claimed for its shard
 * before an item with it is written, so that a row of another shard with the same value stops the run before it overwrites.
 * Values of a chunk are few (rows come account by account where the scan key begins with it): no text is made for that of the row
 * before, and those known are not asked again.
 */
import type { Cursor, MappedItem, Row } from '../core/model.js';
import type { KeyRegister } from '../core/state-ports.js';
import type { ShardColumn } from './table-job.js';

/** Values remembered at most: some 100 bytes each. */
const REMEMBERED = 200_000;

/** Claims are by value: the row that brought it is of no concern. */
const NO_ROW = '' as Cursor;

export class ShardValues {
  readonly #claimed = new Set<string>();

  constructor(
    private readonly register: KeyRegister,
    private readonly owner: { readonly shard: string; readonly table: string },
    readonly column: ShardColumn,
  ) {}

  /** @returns a row whose value another shard holds, with that shard; null where there is none */
  claim(items: readonly MappedItem[]): { readonly row: Row; readonly holder: string } | null {
    const fresh = new Map<string, MappedItem>();
    const { index } = this.column;
    let last: MappedItem | null = null;
    for (const item of items) {
      if (last !== null && item.sharesCell(index, last)) continue;
      last = item;
      const cell = item.cell(index);
      if (cell === null) continue;
      const value = this.#keyOf(cell);
      if (!this.#claimed.has(value)) fresh.set(value, item);
    }
    if (fresh.size === 0) return null;
    const bringers = [...fresh.values()];
    const conflicts = this.register.claim(
      this.owner,
      Array.from(fresh.keys(), (keyText) => ({ keyText, cursor: NO_ROW })),
    );
    const [conflict] = conflicts;
    const item = conflict === undefined ? undefined : bringers[conflict.index];
    if (conflict !== undefined && item !== undefined) return { row: item.row, holder: conflict.shard };
    if (this.#claimed.size + fresh.size > REMEMBERED) this.#claimed.clear();
    for (const value of fresh.keys()) this.#claimed.add(value);
    return null;
  }

  /** No item key looks like it: those are objects. */
  #keyOf(cell: string | Buffer): string {
    const value = typeof cell === 'string' ? cell : { hex: cell.toString('hex') };
    return JSON.stringify([this.owner.table, this.column.name, value]);
  }
}
