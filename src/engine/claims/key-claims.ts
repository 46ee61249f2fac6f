/**
 * `KeyClaims` keeps two rows from overwriting each other. Before it writes an item, a row claims its item keys, unless
 * the schema proves that no other row has them. It also claims its value of a declared sharding column. A conflict
 * among the writer's queued items leads to the same error. The state records the rows in conflict, so that the report
 * can name them.
 *
 * A row whose scan key changed during the scan is one row, not two (`moved-rows.ts`). The reading that is out of date
 * is not written, and the claim passes to the current one. This process cannot read a holder in another table or on
 * another shard, so the claim stands, and a false alarm is possible. The same holds in a table that is read whole,
 * because its rows have no key to find them by.
 */
import type { Instant } from '../../core/time/age.js';
import { FerryError } from '../../core/errors.js';
import type { Cursor, MappedItem, Row } from '../../core/model.js';
import type { ItemWriter, WriteReceipt } from '../../core/ports/target-ports.js';
import type { KeyConflict, KeyRegister } from '../../core/ports/key-register.js';
import { compileSameValue } from '../../mapping/key/same-value.js';
import { sharedKeyTexts, whichStands } from '../pass/moved-rows.js';
import { inTurn } from './register-turn.js';
import { partlyRefused, refusedRows, type RefusedRow } from '../pass/refused-rows.js';
import { overlappingRow, SHARED_KEY, sharedKey, SharedKeyRows, shardOverlap } from './shared-key.js';
import { ShardValues } from './shard-values.js';
import type { ShardContext, TableJob } from '../pass/table-job.js';

export interface Registers {
  /** Present where the schema does not prove that item keys are unique. */
  readonly itemKeys: KeyRegister | null;
  /** Present where a sharding column is declared: its values are claimed. */
  readonly shardValues: KeyRegister | null;
}

/**
 * The owner of an item key is the table, not the row, where the table has no key: a second read may return other rows.
 */
const WHOLE_TABLE = '' as Cursor;

interface Claim {
  readonly item: MappedItem;
  /** The item key. */
  readonly claim: string;
  readonly cursor: Cursor;
}

/** The claimed items that were written. */
export interface ClaimedWrite {
  readonly items: readonly MappedItem[];
  readonly receipt: WriteReceipt;
}

const NOTHING_WRITTEN: WriteReceipt = { items: 0, newer: 0, superseded: 0, units: 0 };

interface RowPlace {
  readonly table: string;
  readonly cursor: Cursor;
}

export class KeyClaims {
  readonly #table: string;
  readonly #itemKeys: KeyRegister | null;
  readonly #shardValues: ShardValues | null;

  readonly #now: () => number;

  /** @param now seconds since the epoch */
  constructor(
    private readonly context: ShardContext,
    private readonly job: TableJob,
    { itemKeys, shardValues, now }: Registers & { readonly now: () => number },
  ) {
    this.#now = now;
    this.#table = job.mapping.table.name;
    this.#itemKeys = itemKeys;
    this.#shardValues =
      shardValues === null || job.shardColumn === null
        ? null
        : new ShardValues(
            shardValues,
            { shard: context.shard, table: this.#table },
            job.shardColumn,
            compileSameValue(job.mapping, job.shardColumn.name),
          );
  }

  /**
   * Claims the keys and sharding values of the items, and so finds an overwrite before it happens.
   * @returns the items to write: all except those of readings that are out of date
   * @throws FerryError E_SHARD_OVERLAP, E_ITEM_KEY_SHARED; E_SOURCE_*, E_INTERRUPTED
   */
  async claim(items: readonly MappedItem[], signal: AbortSignal): Promise<readonly MappedItem[]> {
    if (items.length === 0) return items;
    await this.#claimShardValues(items, signal);
    this.#compareItemKeys(items);
    return await this.#claimItemKeys(items, signal);
  }

  /**
   * Writes items that were claimed. Two rows with one key among the writer's queued items may be one row that moved.
   * Then the queued items are written again, without the reading that is out of date. The writer rejects only when no
   * request of either write is in flight, so the newer reading is written last. If the target refuses an item, none of
   * the items of its row count as written.
   * @param readAt when the SELECT was sent that read their rows
   * @param refuse receives the rows of refused items, each once, or throws where they are too many
   * @returns the items that were written, and their receipt
   * @throws FerryError E_TARGET_*, E_ITEM_KEY_SHARED; E_SOURCE_*, E_INTERRUPTED
   */
  async write(
    writer: ItemWriter,
    claimed: readonly MappedItem[],
    readAt: Instant,
    refuse: (rows: readonly RefusedRow[]) => void,
    signal: AbortSignal,
  ): Promise<ClaimedWrite> {
    for (let items = claimed; ;) {
      if (items.length === 0) return { items, receipt: NOTHING_WRITTEN };
      try {
        return { items, receipt: await writer.write(items, readAt) };
      } catch (thrown) {
        const refused = partlyRefused(thrown);
        if (refused === null) items = await this.#withoutMoved(thrown, items, signal);
        else {
          const rows = refusedRows(this.job, refused, items);
          refuse([...rows.values()]);
          return { items: this.#withoutRows(rows, items), receipt: refused.written };
        }
      }
    }
  }

  /** Returns the items of all other rows: a row is moved with all its items, or it is bad. */
  #withoutRows(refused: ReadonlyMap<Cursor, unknown>, items: readonly MappedItem[]): readonly MappedItem[] {
    return items.filter(({ row }) => !refused.has(this.job.source.cursorOf(row)));
  }

  /**
   * Returns the items without the readings that are out of date. If both rows exist, it records both, so that the
   * report can name them.
   * @throws FerryError E_ITEM_KEY_SHARED where both rows exist; E_SOURCE_*, E_INTERRUPTED; `thrown` where it is another
   * fault
   */
  async #withoutMoved(
    thrown: unknown,
    items: readonly MappedItem[],
    signal: AbortSignal,
  ): Promise<readonly MappedItem[]> {
    const rows = thrown instanceof FerryError && thrown.code === 'E_ITEM_KEY_SHARED' ? SharedKeyRows.of(thrown) : null;
    if (rows === null) throw thrown;
    const { first, second } = rows;
    const cursors = [this.job.source.cursorOf(first), this.job.source.cursorOf(second)] as const;
    // A row in conflict with itself has two item rules with one key.
    if (this.job.scanKey === null || cursors[0] === cursors[1]) return this.#refuseRows(first, second);
    const keyTexts = sharedKeyTexts(this.job, first, second);
    const standing = await whichStands(this.job, keyTexts, cursors, this.#now(), signal);
    if (standing === 'both') return this.#refuseRows(first, second);
    const overtaken = cursors.filter((_, index) => standing !== (['first', 'second'] as const)[index]);
    return items.filter(
      ({ keyText, row }) => !(keyTexts.has(keyText) && overtaken.includes(this.job.source.cursorOf(row))),
    );
  }

  async #claimShardValues(items: readonly MappedItem[], signal: AbortSignal): Promise<void> {
    const values = this.#shardValues;
    if (values === null) return;
    const overlap = await inTurn(this.context, values.register, () => values.claim(items), signal);
    if (overlap === null) return;
    const place = { table: this.#table, cursor: this.job.source.cursorOf(overlap.row) };
    const fault = overlappingRow(values.column.name, overlap.holder);
    this.context.store.badRows.record([
      { ...place, key: this.#keyText(place), chunk: null, itemsTaken: null, ...fault },
    ]);
    throw shardOverlap(this.#table, this.context.shard, values.column.name, overlap.holder);
  }

  /**
   * Compares the item keys of a table that is read whole. It needs no register, because one chunk holds all its rows.
   */
  #compareItemKeys(items: readonly MappedItem[]): void {
    if (this.job.scanKey !== null) return;
    const owners = new Map<string, Row>();
    for (const { keyText, row } of items) {
      const owner = owners.get(keyText);
      if (owner !== undefined) this.#refuseRows(owner, row);
      owners.set(keyText, row);
    }
  }

  async #claimItemKeys(items: readonly MappedItem[], signal: AbortSignal): Promise<readonly MappedItem[]> {
    if (this.#itemKeys === null) return items;
    const owner = { shard: this.context.shard, table: this.#table };
    const claims = items.map((item) => ({ item, claim: item.keyText, cursor: this.#owner(item) }));
    const register = this.#itemKeys;
    const conflicts = await inTurn(this.context, register, () => register.claim(owner, claims), signal);
    if (conflicts.length === 0) return items;
    const overtaken = new Set<MappedItem>();
    for (const conflict of conflicts) {
      const claim = claims[conflict.index];
      if (claim === undefined) continue;
      const place = await this.#settle(register, claim, conflict, signal);
      // One chunk may hold both readings.
      for (const { item, claim: itemKey, cursor } of claims) {
        if (itemKey === claim.claim && cursor === place) overtaken.add(item);
      }
    }
    return items.filter((item) => !overtaken.has(item));
  }

  /**
   * Finds out which of two readings of a row is current, and passes the claim to it.
   * @returns the cursor at which the outdated one was read
   */
  async #settle(register: KeyRegister, claim: Claim, found: KeyConflict, signal: AbortSignal): Promise<Cursor> {
    const owner = { shard: this.context.shard, table: this.#table };
    const { claim: itemKey, cursor } = claim;
    for (let holder = found; ;) {
      const readable = holder.shard === owner.shard && holder.table === owner.table && holder.cursor !== WHOLE_TABLE;
      if (!readable) return this.#refuseClaim(claim, holder);
      const places = [holder.cursor, cursor] as const;
      const standing = await whichStands(this.job, new Set([itemKey]), places, this.#now(), signal);
      if (standing === 'both') return this.#refuseClaim(claim, holder);
      if (standing !== 'second') return cursor;
      const from = holder.cursor;
      const transfer = (): Promise<boolean> => register.transfer(owner, { claim: itemKey, from, to: cursor });
      if (await inTurn(this.context, register, transfer, signal)) return from;
      const [next] = await inTurn(this.context, register, () => register.claim(owner, [claim]), signal);
      if (next === undefined) return holder.cursor;
      holder = next;
    }
  }

  #refuseClaim({ item }: Claim, holder: KeyConflict): never {
    const known = holder.shard === this.context.shard && holder.cursor !== WHOLE_TABLE;
    const rows = known ? [{ table: holder.table, cursor: holder.cursor }] : [];
    return this.#refuse([...rows, { table: this.#table, cursor: this.job.source.cursorOf(item.row) }], holder.shard);
  }

  #owner(item: MappedItem): Cursor {
    return this.job.scanKey === null ? WHOLE_TABLE : this.job.source.cursorOf(item.row);
  }

  #refuseRows(...rows: readonly [Row, Row]): never {
    return this.#refuse(
      rows.map((row) => ({ table: this.#table, cursor: this.job.source.cursorOf(row) })),
      this.context.shard,
    );
  }

  #refuse(rows: readonly RowPlace[], holder: string): never {
    this.context.store.badRows.record(
      rows.map((place) => ({ ...place, key: this.#keyText(place), chunk: null, itemsTaken: null, ...SHARED_KEY })),
    );
    throw sharedKey(this.#table, this.context.shard, holder);
  }

  /**
   * Returns the key as text. Only a table's own source can read its cursors, so a cursor of another table stays as it
   * is.
   */
  #keyText({ table, cursor }: RowPlace): string {
    return table === this.#table ? this.job.source.describeKey(cursor) : cursor;
  }
}
