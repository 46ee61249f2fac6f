/**
 * The declaration that a column's values live on one shard each, held to while rows move: a value is claimed for its
 * shard before an item with it is written, so that a row of another shard with the same value stops the run before it
 * overwrites. Claimed are all names of a value (same-value.ts), so that shards that define the column otherwise meet;
 * most values have one. Values of a chunk are few (rows come account by account where the scan key begins with it): no
 * text is made for that of the row before, and those known are not asked again.
 *
 * The first name is all that earlier versions recorded, in the same form: it is claimed still, so their claims meet
 * those of now where the columns are alike. Where they are not, key-guard.ts refuses to go on beside them.
 */
import type { Cursor, MappedItem, Row } from '../../core/model.js';
import type { KeyRegister } from '../../core/ports/key-register.js';
import type { SameValue, ValueName } from '../../mapping/key/same-value.js';
import type { ShardColumn } from '../pass/table-job.js';

/** Values remembered at most: some 100 bytes each. */
const REMEMBERED = 200_000;

/** Claims are by value: the row that brought it is of no concern. */
const NO_ROW = '' as Cursor;

export class ShardValues {
  readonly #claimed = new Set<string>();

  constructor(
    readonly register: KeyRegister,
    private readonly owner: { readonly shard: string; readonly table: string },
    readonly column: ShardColumn,
    private readonly same: SameValue,
  ) {}

  /** @returns a row whose value another shard holds, with that shard; null where there is none */
  async claim(items: readonly MappedItem[]): Promise<{ readonly row: Row; readonly holder: string } | null> {
    const fresh = new Map<string, { readonly item: MappedItem; readonly cell: string | Buffer }>();
    const { index } = this.column;
    let last: MappedItem | null = null;
    for (const item of items) {
      if (last !== null && item.sharesCell(index, last)) continue;
      last = item;
      const cell = item.cell(index);
      if (cell === null) continue;
      const value = this.#claimOf([typeof cell === 'string' ? cell : { hex: cell.toString('hex') }]);
      if (!this.#claimed.has(value) && !fresh.has(value)) fresh.set(value, { item, cell });
    }
    if (fresh.size === 0) return null;
    const claims = [...fresh.values()].flatMap(({ item, cell }) =>
      this.same.namesOf(cell).map((name) => ({ item, claim: this.#claimOf(name), cursor: NO_ROW })),
    );
    const [conflict] = await this.register.claim(this.owner, claims);
    const bringer = conflict === undefined ? undefined : claims[conflict.index];
    if (conflict !== undefined && bringer !== undefined) return { row: bringer.item.row, holder: conflict.shard };
    if (this.#claimed.size + fresh.size > REMEMBERED) this.#claimed.clear();
    for (const value of fresh.keys()) this.#claimed.add(value);
    return null;
  }

  /** No item key looks like it: those are objects. */
  #claimOf(name: ValueName): string {
    return JSON.stringify([this.owner.table, this.column.name, ...name]);
  }
}
