/**
 * Backfill of one table: scan, map, write, acknowledge, commit. A chunk is done only when DynamoDB has acknowledged every one of
 * its items and its bad rows are recorded.
 */
import { interrupted } from '../core/errors.js';
import type { RowChunk } from '../core/row-block.js';
import type { ItemWriter, WriteReceipt } from '../core/ports.js';
import type { BadRowRecord, Pass } from '../core/state-ports.js';
import { BadRowBook } from './bad-row-book.js';
import type { BadRowLimit } from './bad-row-limit.js';
import { KeyClaims, type Registers } from './key-claims.js';
import { mapChunk } from './map-chunk.js';
import { runPass, type ChunkHandler, type ChunkResult } from './pass.js';
import type { PassProgress } from './progress.js';
import { stoppedRun } from './shared-key.js';
import type { ShardContext, TableJob } from './table-job.js';

export interface BackfillParts extends Registers {
  readonly writer: ItemWriter;
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
  readonly #claims: KeyClaims;

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
    this.#claims = new KeyClaims(context, job, parts);
  }

  async begin(chunk: RowChunk, _range: unknown, signal: AbortSignal): Promise<{ readonly done: Promise<ChunkResult> }> {
    const { writer } = this.parts;
    await writer.ready(signal);
    const mapped = mapChunk(this.job, chunk, this.parts.now());
    this.#record(chunk, mapped.badRows);
    this.#claims.claim(mapped.items);
    if (signal.aborted) throw interrupted();
    const receipt =
      mapped.items.length === 0
        ? Promise.resolve({ items: 0, newer: 0, units: 0 })
        : writer.write(mapped.items, chunk.readAt);
    return {
      done: receipt.then(
        (written) => this.#result(chunk, mapped, written),
        (thrown: unknown) => this.#claims.explain(thrown),
      ),
    };
  }

  async stop(): Promise<void> {
    await this.parts.writer.close();
  }

  #result(chunk: RowChunk, mapped: ReturnType<typeof mapChunk>, { newer, units }: WriteReceipt): ChunkResult {
    const record = {
      rows: chunk.rows.length,
      items: mapped.items.length,
      badRows: mapped.badRows.length,
      expiredRows: mapped.expiredRows,
      newerItems: newer,
      units,
      sourceDigest: mapped.digest,
      targetDigest: null,
      comparedAt: null,
      missing: 0,
      differing: 0,
      unresolved: 0,
    };
    this.parts.progress.add(record);
    mapped.release();
    return { record, differences: [] };
  }

  #record(chunk: RowChunk, badRows: readonly BadRowRecord[]): void {
    this.#badRows.update(chunk, badRows, new Set());
    for (const { table, column, reason } of badRows) {
      this.context.emitter.emit('row.bad', { shard: this.context.shard, table, column, reason });
    }
    this.parts.badRows.add(badRows.length);
  }
}
