/**
 * Compares one chunk with its items: maps the rows again, reads their items with strong consistency, and looks again at
 * what differs. It records, for each chunk, the counts and the digest sums of both sides.
 */
import { ageOf } from '../../core/time/age.js';
import type { ComparisonTime } from '../../core/evidence.js';
import type { FoundItem } from '../../core/item/found-item.js';
import type { MappedItem } from '../../core/model.js';
import type { RowChunk } from '../../core/row-block.js';
import { Permits } from '../../core/async/permits.js';
import type { ItemReader, TargetGuard, TtlLook } from '../../core/ports/ports.js';
import type { Pass } from '../../core/ports/state-records.js';
import { BadRowTracker } from '../pass/bad-row-tracker.js';
import { mapChunk, type MappedChunk } from '../pass/map-chunk.js';
import { type ChunkHandler, type ChunkResult, type TakenChunk } from '../pass/segments.js';
import type { PassProgress } from '../pass/progress.js';
import type { ShardContext, TableJob } from '../pass/table-job.js';
import { compareItem } from './compare.js';
import { confirmDifferences } from './confirm-differences.js';
import type { SuspectCheck } from './suspect-check.js';
import { digestWithout, targetDigest } from './target-digest.js';
import type { TtlDeletions } from './ttl-deletions.js';

export interface VerifyDeps {
  readonly reader: ItemReader;
  readonly guard: TargetGuard;
  readonly progress: PassProgress;
  readonly suspects: SuspectCheck;
  /** Asks what the target deletes by itself. @throws FerryError of the target */
  readonly lookAtTtl: (signal: AbortSignal) => Promise<TtlLook>;
  /** Returns the time in seconds since the epoch. */
  readonly now: () => number;
}

export class VerifyHandler implements ChunkHandler {
  readonly compares = true;
  /** One for each chunk that is being compared: a scan waits while there are as many as there are scans. */
  readonly #slots: Permits;
  readonly #badRows: BadRowTracker;

  constructor(
    private readonly context: ShardContext,
    private readonly job: TableJob,
    private readonly pass: Pass,
    private readonly parts: VerifyDeps,
    private readonly deletions: TtlDeletions,
  ) {
    this.#slots = new Permits(() => context.scans);
    this.#badRows = new BadRowTracker(context, job);
  }

  async begin(chunk: RowChunk, signal: AbortSignal): Promise<TakenChunk> {
    await this.#slots.take(signal);
    const done = this.#mapAndCompare(chunk, signal).finally(() => this.#slots.give());
    return { done };
  }

  /**
   * What was taken for deleted by TTL is that only where TTL is still what it was, and what was compared says something
   * of the table that is still the one that was read from the first item to the last.
   */
  async conclude(signal: AbortSignal): Promise<void> {
    await this.parts.guard.confirm(signal);
    this.context.store.passes.noteTtl(this.pass, (await this.parts.lookAtTtl(signal)).deletesBy);
  }

  /** What waits here ends with the pass's own signal. */
  stop(): Promise<void> {
    return Promise.resolve();
  }

  #sort(items: readonly MappedItem[], held: readonly FoundItem[]): Sorted {
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
    return { at: readAt.wall, steady: Math.floor(this.context.store.clock.latest() - ageOf(readAt)) };
  }

  /** @param now seconds since the epoch, by which the chunk was mapped */
  async #compare(chunk: RowChunk, mapped: MappedChunk, now: number, signal: AbortSignal): Promise<ChunkResult> {
    const { reader, guard, progress, suspects } = this.parts;
    const compared = suspects.beforeReading();
    const { found: held, units } = await reader.read(mapped.items, signal);
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
