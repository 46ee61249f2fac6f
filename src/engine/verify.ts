/**
 * Verify, pass 1: reads the rows again, maps them, reads their items with strong consistency and compares item by item;
 * stores for each chunk the counts and the digest sums of both sides. Finds missing and differing items; extra ones are
 * beyond it.
 */
import { ageOf } from '../core/time/age.js';
import type { ComparisonTime } from '../core/evidence.js';
import type { HeldItem } from '../core/held-item.js';
import type { MappedItem, Range, Row } from '../core/model.js';
import type { RowChunk } from '../core/row-block.js';
import { Permits } from '../core/async/permits.js';
import type { ItemReader, TargetGuard, TtlLook } from '../core/ports/ports.js';
import type { Pass, RangeProgress } from '../core/ports/state-ports.js';
import { BadRowBook } from './pass/bad-row-book.js';
import { compareItem } from './verify/compare.js';
import { mapChunk, type MappedChunk } from './pass/map-chunk.js';
import { runPass, type ChunkHandler, type ChunkResult } from './pass/pass.js';
import type { PassProgress } from './pass/progress.js';
import { confirmDifferences } from './verify/recheck.js';
import type { SuspectCheck } from './verify/suspect-check.js';
import type { ShardContext, TableJob } from './pass/table-job.js';
import { digestWithout, targetDigest } from './verify/target-digest.js';
import { TtlDeletions } from './verify/ttl-deletions.js';

export interface VerifyParts {
  readonly reader: ItemReader;
  readonly guard: TargetGuard;
  readonly progress: PassProgress;
  readonly suspects: SuspectCheck;
  /** Asks what the target deletes by itself. @throws FerryError of the target */
  readonly lookAtTtl: (signal: AbortSignal) => Promise<TtlLook>;
  /** Seconds since the epoch. */
  readonly now: () => number;
}

/**
 * @throws FerryError of the source, the target or the state; E_INTERRUPTED. Differences are no errors: they go to the
 * state.
 */
export async function verifyTable(context: ShardContext, job: TableJob, pass: Pass, parts: VerifyParts): Promise<void> {
  const look = await parts.lookAtTtl(context.signal);
  context.store.noteTtl(pass, look.deletesBy);
  const backfill = context.store.summary('backfill', job.mapping.table.name);
  const writtenSince = (backfill?.pass.startedAt ?? context.store.now()) / 1_000;
  const deletions = new TtlDeletions(look, writtenSince, leftBehind(context, job));
  const handler = new VerifyHandler(context, job, pass, parts, deletions);
  await runPass(context, job, pass, withOpenEnd(context.store.progress(pass)), handler);
}

/** Rows that a chunk of the backfill counts as bad, and that no retry has moved since. */
function leftBehind({ store }: ShardContext, { mapping, source }: TableJob): (row: Row) => boolean {
  const table = mapping.table.name;
  const any = store.countBadRows(table) > 0;
  return (row) => any && store.badRowsAt(table, [source.cursorOf(row)]).some(({ place }) => place !== null);
}

/**
 * A plan's last range ends at the upper bound that was there when it was made. Verification is about all rows: it goes
 * on to the end.
 */
function withOpenEnd(progress: readonly RangeProgress[]): readonly RangeProgress[] {
  const last = Math.max(...progress.map(({ range }) => range.index));
  return progress.map((entry) =>
    entry.range.index === last ? { ...entry, range: { ...entry.range, upTo: null } } : entry,
  );
}

class VerifyHandler implements ChunkHandler {
  /** One for each chunk being compared: a scan waits while there are as many as there are scans. */
  readonly #places: Permits;
  readonly #badRows: BadRowBook;

  constructor(
    private readonly context: ShardContext,
    private readonly job: TableJob,
    private readonly pass: Pass,
    private readonly parts: VerifyParts,
    private readonly deletions: TtlDeletions,
  ) {
    this.#places = new Permits(() => context.scans);
    this.#badRows = new BadRowBook(context, job);
  }

  async begin(chunk: RowChunk, _range: Range, signal: AbortSignal): Promise<{ readonly done: Promise<ChunkResult> }> {
    await this.#places.take(signal);
    const done = this.#mapAndCompare(chunk, signal).finally(() => this.#places.give());
    return { done };
  }

  /**
   * What was taken for deleted by TTL is that only where TTL is still what it was, and what was compared says something
   * of the table that is still the one that was read from the first item to the last.
   */
  async conclude(signal: AbortSignal): Promise<void> {
    await this.parts.guard.confirm(signal);
    this.context.store.noteTtl(this.pass, (await this.parts.lookAtTtl(signal)).deletesBy);
  }

  /** What waits here ends with the pass's own signal. */
  stop(): Promise<void> {
    return Promise.resolve();
  }

  #sort(items: readonly MappedItem[], held: readonly HeldItem[]): Sorted {
    const candidates: MappedItem[] = [];
    const expired: MappedItem[] = [];
    const absent: MappedItem[] = [];
    for (const [index, item] of items.entries()) {
      const found = held[index] ?? null;
      if (found === null) absent.push(item);
      const difference = compareItem(item, found, this.deletions, this.job.mapping.version);
      if (difference === 'expired') expired.push(item);
      else if (difference !== null) candidates.push(item);
    }
    return { candidates, expired, absent };
  }

  async #mapAndCompare(chunk: RowChunk, signal: AbortSignal): Promise<ChunkResult> {
    const now = this.parts.now();
    return await this.#compare(chunk, mapChunk(this.job, chunk, now), now, signal);
  }

  /** A comparison is as old as its rows: they were asked for before anything was compared. */
  #asOldAs({ readAt }: RowChunk): ComparisonTime {
    return { at: readAt.wall, steady: Math.floor(this.context.store.latest() - ageOf(readAt)) };
  }

  /** @param now seconds since the epoch, by which the chunk was mapped */
  async #compare(chunk: RowChunk, mapped: MappedChunk, now: number, signal: AbortSignal): Promise<ChunkResult> {
    const { reader, guard, progress, suspects } = this.parts;
    const compared = suspects.beforeReading();
    const { held, units } = await reader.read(mapped.items, signal);
    const { candidates, expired, absent } = this.#sort(mapped.items, held);
    const confirmed = await confirmDifferences(
      this.job,
      { items: candidates, last: chunk.last },
      reader,
      this.deletions,
      now,
      signal,
    );
    // Before anything is said of it: a table that took its place lacks everything.
    await guard.atCheckpoint(signal);
    const { differences, newer } = confirmed;
    const badRows = [...mapped.badRows, ...confirmed.badRows];
    compared(keyTextsOf(mapped.items));
    this.#badRows.update(chunk, badRows, new Set(differences.map(({ cursor }) => cursor)), now);
    const count = (wanted: string): number => differences.filter((difference) => difference.class === wanted).length;
    const record = {
      rows: chunk.rows.length,
      items: mapped.items.length - absent.length + seenLater(confirmed.seen, candidates, absent),
      badRows: badRows.length,
      expiredRows: mapped.expiredRows + confirmed.expiredRows,
      expiredItems: expired.length + confirmed.expired.length,
      newerItems: newer.length,
      units,
      sourceDigest: digestWithout(mapped, expired, confirmed.expired),
      targetDigest: targetDigest(mapped, held),
      comparedAt: this.#asOldAs(chunk),
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
        items: 1,
      });
    }
    progress.add(record);
    mapped.release();
    return { record, differences };
  }
}

interface Sorted {
  /** To be looked at again. */
  readonly candidates: readonly MappedItem[];
  /** Not there, and TTL may have deleted them. */
  readonly expired: readonly MappedItem[];
  /** Not there at the first look, for whatever reason. */
  readonly absent: readonly MappedItem[];
}

/** Items that were there at a later look alone: they came meanwhile, or the keys of their rows' items changed. */
function seenLater(
  seen: ReadonlySet<string>,
  candidates: readonly MappedItem[],
  absent: readonly MappedItem[],
): number {
  if (seen.size === 0) return 0;
  const absentAtFirst = new Set(absent);
  const before = new Set(candidates.filter((item) => !absentAtFirst.has(item)).map(({ keyText }) => keyText));
  return [...seen].filter((keyText) => !before.has(keyText)).length;
}

/** Made while they are asked for: mostly nobody does. */
function* keyTextsOf(items: readonly MappedItem[]): Generator<string> {
  for (const { keyText } of items) yield keyText;
}
