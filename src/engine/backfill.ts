/**
 * Backfill of one table: scan, map, write, acknowledge, commit. A chunk is done only when DynamoDB has acknowledged every one of
 * its items and its bad rows are recorded.
 */
import { FerryError, interrupted } from '../core/errors.js';
import type { Cursor, MappedItem, Row } from '../core/model.js';
import type { RowChunk } from '../core/row-block.js';
import type { BadRowRecord, ItemWriter, KeyRegister, Pass } from '../core/ports.js';
import { BadRowBook } from './bad-row-book.js';
import type { BadRowLimit } from './bad-row-limit.js';
import { mapChunk } from './map-chunk.js';
import { runPass, type ChunkHandler, type ChunkResult } from './pass.js';
import type { PassProgress } from './progress.js';
import { overlappingRow, SHARED_KEY, sharedKey, SharedKeyRows, shardOverlap, stoppedRun } from './shared-key.js';
import { ShardValues } from './shard-values.js';
import type { ShardContext, TableJob } from './table-job.js';

const WHOLE_TABLE = '' as Cursor;

export interface BackfillParts {
  readonly writer: ItemWriter;
  /** Present where the schema does not prove that item keys are unique. */
  readonly itemKeys: KeyRegister | null;
  /** Present where a sharding column is declared: its values are claimed. */
  readonly shardValues: KeyRegister | null;
  readonly badRows: BadRowLimit;
  readonly progress: PassProgress;
  /** Seconds since the epoch. */
  readonly now: () => number;
}

/** @throws FerryError of the source, the target or the state; E_BAD_ROWS; E_ITEM_KEY_SHARED; E_INTERRUPTED */
export async function backfillTable(
  context: ShardContext,
  job: TableJob,
  pass: Pass,
  parts: BackfillParts,
): Promise<void> {
  await runPass(context, job, pass, context.store.progress(pass), new BackfillHandler(context, job, parts));
}

class BackfillHandler implements ChunkHandler {
  readonly #badRows: BadRowBook;
  readonly #shardValues: ShardValues | null;

  constructor(
    private readonly context: ShardContext,
    private readonly job: TableJob,
    private readonly parts: BackfillParts,
  ) {
    const { name } = job.mapping.table;
    const anew = context.store.badRows(name).filter(stoppedRun);
    if (anew.length > 0) {
      context.store.forgetBadRows(
        name,
        anew.map(({ cursor }) => cursor),
      );
    }
    this.#badRows = new BadRowBook(context.store, job);
    this.#shardValues =
      parts.shardValues === null || job.shardColumn === null
        ? null
        : new ShardValues(parts.shardValues, { shard: context.shard, table: job.mapping.table.name }, job.shardColumn);
  }

  async begin(chunk: RowChunk, _range: unknown, signal: AbortSignal): Promise<{ readonly done: Promise<ChunkResult> }> {
    const { writer } = this.parts;
    await writer.ready(signal);
    const mapped = mapChunk(this.job, chunk, this.parts.now());
    this.#record(chunk, mapped.badRows);
    this.#claimShardValues(mapped.items);
    this.#compareItemKeys(mapped.items);
    this.#claimItemKeys(mapped.items);
    if (signal.aborted) throw interrupted();
    const receipt = mapped.items.length === 0 ? Promise.resolve({ items: 0, units: 0 }) : writer.write(mapped.items);
    return {
      done: receipt.then(
        ({ units }) => this.#result(chunk, mapped, units),
        (thrown: unknown) => this.#explain(thrown),
      ),
    };
  }

  async stop(): Promise<void> {
    await this.parts.writer.close();
  }

  #result(chunk: RowChunk, mapped: ReturnType<typeof mapChunk>, units: number): ChunkResult {
    const record = {
      rows: chunk.rows.length,
      items: mapped.items.length,
      badRows: mapped.badRows.length,
      expiredRows: mapped.expiredRows,
      units,
      sourceDigest: mapped.digest,
      targetDigest: null,
      missing: 0,
      differing: 0,
      unresolved: 0,
    };
    this.parts.progress.add(record);
    return { record, differences: [] };
  }

  #record(chunk: RowChunk, badRows: readonly BadRowRecord[]): void {
    this.#badRows.update(chunk, badRows);
    for (const { table, column, reason } of badRows) {
      this.context.emitter.emit('row.bad', { shard: this.context.shard, table, column, reason });
    }
    this.parts.badRows.add(badRows.length);
  }

  #claimShardValues(items: readonly MappedItem[]): void {
    const values = this.#shardValues;
    const overlap = values?.claim(items) ?? null;
    if (values === null || overlap === null) return;
    const table = this.job.mapping.table.name;
    const cursor = this.job.source.cursorOf(overlap.row);
    this.context.store.recordBadRows([{ table, cursor, ...overlappingRow(values.column.name, overlap.holder) }]);
    throw shardOverlap(table, this.context.shard, values.column.name, overlap.holder);
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

  /** Where keys may collide, each is claimed before it is written: an overwrite is found before it happens. */
  #claimItemKeys(items: readonly MappedItem[]): void {
    if (this.parts.itemKeys === null) return;
    const claims = items.map((item) => ({ keyText: item.keyText, cursor: this.#owner(item) }));
    const table = this.job.mapping.table.name;
    const [conflict] = this.parts.itemKeys.claim({ shard: this.context.shard, table }, claims);
    const item = conflict === undefined ? undefined : items[conflict.index];
    if (conflict === undefined || item === undefined) return;
    const known = conflict.shard === this.context.shard && conflict.cursor !== WHOLE_TABLE;
    const owner = known ? [{ table: conflict.table, cursor: conflict.cursor }] : [];
    this.#refuse([...owner, { table, cursor: this.job.source.cursorOf(item.row) }], conflict.shard);
  }

  /** Rows of a table without a key may be others by the time it is read again: the table owns their item keys. */
  #owner(item: MappedItem): Cursor {
    return this.job.scanKey === null ? WHOLE_TABLE : this.job.source.cursorOf(item.row);
  }

  /** The writer found two rows with one key among its queued items: their scan keys are recorded, so that both can be named. */
  #explain(thrown: unknown): never {
    const rows = thrown instanceof FerryError && thrown.code === 'E_ITEM_KEY_SHARED' ? SharedKeyRows.of(thrown) : null;
    if (rows === null) throw thrown;
    return this.#refuseRows(rows.first, rows.second);
  }

  #refuseRows(...rows: readonly [Row, Row]): never {
    const table = this.job.mapping.table.name;
    return this.#refuse(
      rows.map((row) => ({ table, cursor: this.job.source.cursorOf(row) })),
      this.context.shard,
    );
  }

  #refuse(rows: readonly Pick<BadRowRecord, 'table' | 'cursor'>[], holder: string): never {
    this.context.store.recordBadRows(rows.map((row) => ({ ...row, ...SHARED_KEY })));
    throw sharedKey(this.job.mapping.table.name, this.context.shard, holder);
  }
}
