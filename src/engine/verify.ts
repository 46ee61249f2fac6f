/**
 * Verify, pass 1: reads the rows again, maps them, reads their items with strong consistency and compares item by item; stores for
 * each chunk the counts and the digest sums of both sides. Finds missing and differing items; extra ones are beyond it.
 */
import { ageOf } from '../core/age.js';
import { interrupted } from '../core/errors.js';
import type { MappedItem, Range } from '../core/model.js';
import type { RowChunk } from '../core/row-block.js';
import type { ItemReader } from '../core/ports.js';
import type { ComparisonTime } from '../core/evidence.js';
import type { Pass, RangeProgress } from '../core/state-ports.js';
import { BadRowBook } from './bad-row-book.js';
import { compareItem } from './compare.js';
import { mapChunk, type MappedChunk } from './map-chunk.js';
import { runPass, type ChunkHandler, type ChunkResult } from './pass.js';
import type { PassProgress } from './progress.js';
import { confirmDifferences } from './recheck.js';
import type { SuspectCheck } from './suspect-check.js';
import type { ShardContext, TableJob } from './table-job.js';
import { targetDigest } from './target-digest.js';

export interface VerifyParts {
  readonly reader: ItemReader;
  readonly progress: PassProgress;
  readonly suspects: SuspectCheck;
  /** Seconds since the epoch. */
  readonly now: () => number;
}

/** @throws FerryError of the source, the target or the state; E_INTERRUPTED. Differences are no errors: they go to the state. */
export async function verifyTable(context: ShardContext, job: TableJob, pass: Pass, parts: VerifyParts): Promise<void> {
  await runPass(context, job, pass, withOpenEnd(context.store.progress(pass)), new VerifyHandler(context, job, parts));
}

/** A plan's last range ends at the upper bound that was there when it was made. Verification is about all rows: it goes on to the end. */
function withOpenEnd(progress: readonly RangeProgress[]): readonly RangeProgress[] {
  const last = Math.max(...progress.map(({ range }) => range.index));
  return progress.map((entry) =>
    entry.range.index === last ? { ...entry, range: { ...entry.range, upTo: null } } : entry,
  );
}

class VerifyHandler implements ChunkHandler {
  /** Chunks being compared; a scan waits while there are as many as there are scans. */
  #open = 0;
  readonly #waiting: (() => void)[] = [];
  readonly #badRows: BadRowBook;

  constructor(
    private readonly context: ShardContext,
    private readonly job: TableJob,
    private readonly parts: VerifyParts,
  ) {
    this.#badRows = new BadRowBook(context.store, job);
  }

  async begin(chunk: RowChunk, _range: Range, signal: AbortSignal): Promise<{ readonly done: Promise<ChunkResult> }> {
    while (this.#open >= this.context.scans && !signal.aborted) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    if (signal.aborted) throw interrupted();
    this.#open += 1;
    // As old as its rows: they were asked for before anything was compared.
    const comparedAt = { at: chunk.readAt.wall, steady: Math.floor(this.context.store.now() - ageOf(chunk.readAt)) };
    const mapped = mapChunk(this.job, chunk, this.parts.now());
    return { done: this.#compare(chunk, mapped, comparedAt, signal).finally(() => this.#release()) };
  }

  stop(): Promise<void> {
    this.#wake();
    return Promise.resolve();
  }

  #release(): void {
    this.#open -= 1;
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async #compare(
    chunk: RowChunk,
    mapped: MappedChunk,
    comparedAt: ComparisonTime,
    signal: AbortSignal,
  ): Promise<ChunkResult> {
    const { reader, progress, suspects, now } = this.parts;
    const compared = suspects.beforeReading();
    const { held, units } = await reader.read(mapped.items, signal);
    const candidates = mapped.items.filter(
      (item, index) => compareItem(item, held[index] ?? null, now(), this.job.mapping.version) !== null,
    );
    const { differences, newer } = await confirmDifferences(this.job, candidates, reader, now, signal);
    compared(keyTextsOf(mapped.items));
    this.#badRows.update(chunk, mapped.badRows, new Set(differences.map(({ cursor }) => cursor)));
    const count = (wanted: string): number => differences.filter((difference) => difference.class === wanted).length;
    const record = {
      rows: chunk.rows.length,
      items: mapped.items.length,
      badRows: mapped.badRows.length,
      expiredRows: mapped.expiredRows,
      newerItems: newer.length,
      units,
      sourceDigest: mapped.digest,
      targetDigest: targetDigest(mapped, held),
      comparedAt,
      missing: count('missing'),
      differing: count('differing'),
      unresolved: count('unresolved'),
    };
    for (const { class: kind, attributes } of differences) {
      this.context.emitter.emit('difference.found', {
        shard: this.context.shard,
        table: this.job.mapping.table.name,
        class: kind,
        attributes,
      });
    }
    progress.add(record);
    mapped.release();
    return { record, differences };
  }
}

/** Made while they are asked for: mostly nobody does. */
function* keyTextsOf(items: readonly MappedItem[]): Generator<string> {
  for (const { keyText } of items) yield keyText;
}
