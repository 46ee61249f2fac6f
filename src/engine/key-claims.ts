/**
 * Two rows never overwrite each other: before its item is written, a row claims its item keys where the schema does not prove that
 * they are its own, and its value of a declared sharding column. What the writer finds among its queued items is told the same way.
 * Rows that stand in each other's way are recorded, so that the report can name them.
 */
import { FerryError } from '../core/errors.js';
import type { Cursor, MappedItem, Row } from '../core/model.js';
import type { KeyRegister } from '../core/state-ports.js';
import { overlappingRow, SHARED_KEY, sharedKey, SharedKeyRows, shardOverlap } from './shared-key.js';
import { ShardValues } from './shard-values.js';
import type { ShardContext, TableJob } from './table-job.js';

export interface Registers {
  /** Present where the schema does not prove that item keys are unique. */
  readonly itemKeys: KeyRegister | null;
  /** Present where a sharding column is declared: its values are claimed. */
  readonly shardValues: KeyRegister | null;
}

/** Rows of a table without a key may be others by the time it is read again: the table owns their item keys. */
const WHOLE_TABLE = '' as Cursor;

interface RowPlace {
  readonly table: string;
  readonly cursor: Cursor;
}

export class KeyClaims {
  readonly #table: string;
  readonly #itemKeys: KeyRegister | null;
  readonly #shardValues: ShardValues | null;

  constructor(
    private readonly context: ShardContext,
    private readonly job: TableJob,
    { itemKeys, shardValues }: Registers,
  ) {
    this.#table = job.mapping.table.name;
    this.#itemKeys = itemKeys;
    this.#shardValues =
      shardValues === null || job.shardColumn === null
        ? null
        : new ShardValues(shardValues, { shard: context.shard, table: this.#table }, job.shardColumn);
  }

  /** An overwrite is found before it happens. @throws FerryError E_SHARD_OVERLAP, E_ITEM_KEY_SHARED */
  claim(items: readonly MappedItem[]): void {
    if (items.length === 0) return;
    this.#claimShardValues(items);
    this.#compareItemKeys(items);
    this.#claimItemKeys(items);
  }

  /** What a write rejected with: two rows with one key among the writer's queued items are recorded, so that both can be named. */
  explain(thrown: unknown): never {
    const rows = thrown instanceof FerryError && thrown.code === 'E_ITEM_KEY_SHARED' ? SharedKeyRows.of(thrown) : null;
    if (rows === null) throw thrown;
    return this.#refuseRows(rows.first, rows.second);
  }

  #claimShardValues(items: readonly MappedItem[]): void {
    const values = this.#shardValues;
    const overlap = values?.claim(items) ?? null;
    if (values === null || overlap === null) return;
    const place = { table: this.#table, cursor: this.job.source.cursorOf(overlap.row) };
    const fault = overlappingRow(values.column.name, overlap.holder);
    this.context.store.recordBadRows([{ ...place, key: this.#keyText(place), chunk: null, ...fault }]);
    throw shardOverlap(this.#table, this.context.shard, values.column.name, overlap.holder);
  }

  /** A table that is read whole needs no register to tell that no two of its rows share an item key. */
  #compareItemKeys(items: readonly MappedItem[]): void {
    if (this.job.scanKey !== null) return;
    const owners = new Map<string, Row>();
    for (const { keyText, row } of items) {
      const owner = owners.get(keyText);
      if (owner !== undefined) this.#refuseRows(owner, row);
      owners.set(keyText, row);
    }
  }

  #claimItemKeys(items: readonly MappedItem[]): void {
    if (this.#itemKeys === null) return;
    const { shard } = this.context;
    const claims = items.map((item) => ({ keyText: item.keyText, cursor: this.#owner(item) }));
    const [conflict] = this.#itemKeys.claim({ shard, table: this.#table }, claims);
    const item = conflict === undefined ? undefined : items[conflict.index];
    if (conflict === undefined || item === undefined) return;
    const known = conflict.shard === shard && conflict.cursor !== WHOLE_TABLE;
    const holder = known ? [{ table: conflict.table, cursor: conflict.cursor }] : [];
    this.#refuse([...holder, { table: this.#table, cursor: this.job.source.cursorOf(item.row) }], conflict.shard);
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
    this.context.store.recordBadRows(
      rows.map((place) => ({ ...place, key: this.#keyText(place), chunk: null, ...SHARED_KEY })),
    );
    throw sharedKey(this.#table, this.context.shard, holder);
  }

  /** A cursor of another table is read by that table's own source only. */
  #keyText({ table, cursor }: RowPlace): string {
    return table === this.#table ? this.job.source.describeKey(cursor) : cursor;
  }
}
