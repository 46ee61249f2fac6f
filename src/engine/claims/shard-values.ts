/**
 * `ShardValues` enforces the declaration that each value of a column lives on one shard only. It claims a value for its
 * shard before an item with that value is written. A row of another shard with the same value then stops the run before
 * it overwrites. All names of a value are claimed (`same-value.ts`), so that shards with different definitions of the
 * column find the conflict. Most values have one name. A chunk has few distinct values, because rows come account by
 * account where the scan key begins with the account. So a value equal to that of the row before needs no text, and a
 * value that is already known needs no query.
 *
 * Earlier versions recorded only the first name, in the same form. It is still claimed, so old and new claims conflict
 * where the columns have the same definition. Where the definitions differ, `key-guard.ts` refuses to go on beside the
 * old claims.
 */
import type { Cursor, MappedItem, Row } from '../../core/model.js';
import type { KeyRegister } from '../../core/ports/key-register.js';
import type { SameValue, ValueName } from '../../mapping/key/same-value.js';
import type { ShardColumn } from '../pass/table-job.js';

/** Maximum number of remembered values, at some 100 bytes each. */
const REMEMBERED = 200_000;

/** A claim is made by value, so the row that brought the value does not matter. */
const NO_ROW = '' as Cursor;

export class ShardValues {
  readonly #claimed = new Set<string>();

  constructor(
    readonly register: KeyRegister,
    private readonly owner: { readonly shard: string; readonly table: string },
    readonly column: ShardColumn,
    private readonly same: SameValue,
  ) {}

  /**
   * Claims the values of the items.
   * @returns a row whose value another shard holds, with that shard; null if no other shard holds one
   * @throws FerryError as `KeyRegister.claim`
   */
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

  /** Returns the claim of a name. It is a JSON array and every item key is a JSON object, so the two never collide. */
  #claimOf(name: ValueName): string {
    return JSON.stringify([this.owner.table, this.column.name, ...name]);
  }
}
