/**
 * `backfill` moves each table: it scans, maps, writes, waits for the acknowledgement and commits. A chunk is done only
 * when DynamoDB has acknowledged all its items and the state has recorded its bad rows. A run does not read tables
 * again that are done. A dry run takes the same steps and writes nothing.
 */
import { interrupted } from '../core/errors.js';
import type { RowChunk } from '../core/row-block.js';
import type { ItemWriter, TargetGuard } from '../core/ports/target-ports.js';
import type { BadRowRecord, Pass } from '../core/ports/state-records.js';
import { BadRowTracker } from './pass/bad-row-tracker.js';
import { BadRowLimit } from './pass/bad-row-limit.js';
import { type ClaimedWrite, KeyClaims, type Registers } from './claims/key-claims.js';
import { digestOf, mapChunk } from './pass/map-chunk.js';
import { runPass } from './pass/pass.js';
import { tableSegments, type ChunkHandler, type ChunkResult, type TakenChunk } from './pass/segments.js';
import type { PassProgress } from './pass/progress.js';
import { refusedRecord, type RefusedRow } from './pass/refused-rows.js';
import { stoppedRun } from './claims/shared-key.js';
import type { ShardContext, TableJob } from './pass/table-job.js';
import { closeWithTarget, emitPhase, secondsNow, type ShardRun } from './verb/shard-run.js';
import { isFinished, isUnfinished, movedResult, NO_ROWS, verdictOf, type RowsResult } from './verb/shard-result.js';
import type { OpenedVerb, Verb } from './verb/verb.js';
import { walkTable } from './verb/walk-table.js';

export interface BackfillOptions {
  /** Maximum number of bad rows that the run may leave behind, over all tables of the shard. */
  readonly maxBadRows: number;
}

export interface BackfillResult extends RowsResult {
  /** The shard had nothing left to do. */
  readonly alreadyDone: boolean;
}

/**
 * Moves all rows of a shard.
 * @throws FerryError of the source, the target or the state; E_BAD_ROWS; E_ITEM_KEY_SHARED; E_SHARD_OVERLAP;
 * E_INTERRUPTED
 */
export const BACKFILL: Verb<BackfillOptions, BackfillResult> = {
  command: 'backfill',
  consumes: 'write',
  startsState: true,
  acceptsMapping: false,
  keyGuard: 'configured',
  nothing: { ...NO_ROWS, alreadyDone: false },
  resumes: (store, table) => isUnfinished(store.passes.summary('backfill', table)),
  plan: ({ tables, store }) =>
    tables.filter((job) => !isFinished(store.passes.summary('backfill', job.mapping.table.name))),
  open: async (run, tables) => (tables.length === 0 ? allDone(run) : await openBackfill(run)),
  known: (record) => ({ ...movedResult(record), alreadyDone: false }),
  counted: ({ backfill }) => backfill,
};

function allDone(run: ShardRun): OpenedVerb<BackfillResult> {
  return {
    work: () => Promise.resolve(),
    close: () => Promise.resolve(),
    conclude: () => concluded(run, true),
  };
}

function concluded(run: ShardRun, alreadyDone: boolean): ReturnType<OpenedVerb<BackfillResult>['conclude']> {
  const result = movedResult(run);
  return { ...result, ...verdictOf(result.badRows > 0), alreadyDone };
}

async function openBackfill(run: ShardRun<BackfillOptions>): Promise<OpenedVerb<BackfillResult>> {
  emitPhase(run, 'backfilling');
  const already = run.tables.reduce(
    (sum, job) => sum + (run.store.passes.summary('backfill', job.mapping.table.name)?.counts.badRows ?? 0),
    0,
  );
  // A dry run has no limit, because it must find all bad rows.
  const badRows = new BadRowLimit(run.shard, run.dryRun ? Infinity : run.options.maxBadRows, already);
  const target = await run.openTarget();
  const { guard } = target;
  const registers = await run.openRegisters().catch((thrown: unknown) => {
    target.close();
    throw thrown;
  });
  return {
    async work(job) {
      const writer = target.openWriter();
      try {
        await walkTable(run, job, { kind: 'backfill', phase: 'backfilling', guard }, (pass, progress) =>
          backfillTable(run, job, pass, { writer, guard, ...registers, badRows, progress, now: secondsNow }),
        );
      } finally {
        await writer.close();
      }
    },
    close: () => closeWithTarget(registers, target),
    conclude() {
      emitPhase(run, 'backfilled');
      return concluded(run, false);
    },
  };
}

export interface BackfillDeps extends Registers {
  readonly writer: ItemWriter;
  readonly guard: TargetGuard;
  readonly badRows: BadRowLimit;
  readonly progress: PassProgress;
  /** Seconds since the epoch. */
  readonly now: () => number;
}

/** Number of recorded bad rows that one query reads. */
const LOOKED_AT = 1_000;

/**
 * Moves the rows of one table.
 * @throws FerryError of the source, the target or the state; E_BAD_ROWS; E_ITEM_KEY_SHARED; E_SHARD_OVERLAP;
 * E_INTERRUPTED
 */
export async function backfillTable(
  context: ShardContext,
  job: TableJob,
  pass: Pass,
  parts: BackfillDeps,
): Promise<void> {
  const segments = tableSegments(context, job, pass);
  await runPass(context, { pass, segments, handler: new BackfillHandler(context, job, parts) });
}

class BackfillHandler implements ChunkHandler {
  readonly compares = false;
  readonly #badRows: BadRowTracker;
  readonly #claims: KeyClaims;

  constructor(
    private readonly context: ShardContext,
    private readonly job: TableJob,
    private readonly parts: BackfillDeps,
  ) {
    forgetWhatStopped(context, job);
    this.#badRows = new BadRowTracker(context, job);
    this.#claims = new KeyClaims(context, job, parts);
  }

  async begin(chunk: RowChunk, signal: AbortSignal): Promise<TakenChunk> {
    const { writer, guard } = this.parts;
    await writer.waitForRoom(signal);
    const now = this.parts.now();
    const mapped = mapChunk(this.job, chunk, now);
    this.#record(chunk, mapped.badRows, mapped.badRows.length, now);
    const items = await this.#claims.claim(mapped.items, signal);
    if (signal.aborted) throw interrupted();
    const badRows = [...mapped.badRows];
    const refuse = (refused: readonly RefusedRow[]): void => {
      badRows.push(...refused.map((row) => refusedRecord(this.job, row, chunk.last)));
      this.#record(chunk, badRows, refused.length, now);
    };
    const written = this.#claims.write(writer, items, chunk.readAt, refuse, signal);
    const recordable = async (): Promise<ChunkResult> => {
      const done = await written;
      await guard.atCheckpoint(signal);
      return this.#result(chunk, mapped, done, badRows.length);
    };
    return { done: recordable() };
  }

  /** Confirms that the run wrote to one and the same table from the first item to the last. */
  async conclude(signal: AbortSignal): Promise<void> {
    await this.parts.guard.confirm(signal);
  }

  async stop(): Promise<void> {
    await this.parts.writer.close();
  }

  #result(
    chunk: RowChunk,
    mapped: ReturnType<typeof mapChunk>,
    { items, receipt }: ClaimedWrite,
    badRows: number,
  ): ChunkResult {
    const { newer, units } = receipt;
    const record = {
      rows: chunk.rows.length,
      items: items.length,
      badRows,
      expiredRows: mapped.expiredRows,
      expiredItems: 0,
      newerItems: newer,
      units,
      sourceDigest: items.length === mapped.items.length ? mapped.digest : digestOf(items),
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

  /**
   * Records the bad rows of the chunk and counts the added ones.
   * @param badRows all bad rows of the chunk that are known so far
   * @param added how many of them, at the end of the list, were not known before
   */
  #record(chunk: RowChunk, badRows: readonly BadRowRecord[], added: number, now: number): void {
    this.#badRows.update(chunk, badRows, new Set(), now);
    for (const { table, column, reason } of badRows.slice(badRows.length - added)) {
      this.context.emitter.emit('row.rejected', { shard: this.context.shard, table, column, reason, rows: 1 });
    }
    this.parts.badRows.add(added);
  }
}

/**
 * Forgets the rows that stopped an earlier run, so that this run checks them again. If their conflict still exists,
 * they stop this run too.
 */
function forgetWhatStopped({ store }: ShardContext, { mapping }: TableJob): void {
  const { name } = mapping.table;
  for (let after = 0; ;) {
    const part = store.badRows.list(name, { after, limit: LOOKED_AT });
    const last = part.at(-1);
    if (last === undefined) return;
    after = last.number;
    const again = part.filter(stoppedRun).map(({ cursor }) => cursor);
    if (again.length > 0) store.badRows.forget(name, again);
  }
}
