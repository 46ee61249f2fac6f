/**
 * Compares one chunk with its items: maps the rows again, reads their items with strong consistency, and looks at
 * differing ones again. It records, for each chunk, the counts and the digest sums of both sides.
 */
import { ageOf } from '../../core/time/age.js';
import type { ComparisonTime } from '../../core/evidence.js';
import type { FoundItem } from '../../core/item/found-item.js';
import type { MappedItem } from '../../core/model.js';
import type { RowChunk } from '../../core/row-block.js';
import { Permits } from '../../core/async/permits.js';
import type { ItemReader, TargetGuard, TtlLook } from '../../core/ports/target-ports.js';
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
  /** One slot for each chunk that is being compared. A scan waits while as many chunks as scans are compared. */
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
   * Confirms that the target is still the table that was read from the first item to the last, and records TTL's
   * attribute again. If TTL has changed, the items that counted as deleted by TTL may be missing.
   */
  async conclude(signal: AbortSignal): Promise<void> {
    await this.parts.guard.confirm(signal);
    this.context.store.passes.noteTtl(this.pass, (await this.parts.lookAtTtl(signal)).deletesBy);
  }

  /** Does nothing: the pass's own signal ends all waits here. */
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

  /**
   * Returns the time of the comparison, which is that of its rows: the SELECT was sent before anything was compared.
   */
  #asOldAs({ readAt }: RowChunk): ComparisonTime {
    return { at: readAt.wall, steady: Math.floor(this.context.store.clock.latest() - ageOf(readAt)) };
  }

  /**
   * Compares the items of one chunk with the target. @param now seconds since the epoch, by which the chunk was mapped
   */
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
    // Checks first that the target is still the same table: a table in its place would lack every item.
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
  /** Items to look at again. */
  readonly candidates: readonly MappedItem[];
  /** Absent items that TTL may have deleted. */
  readonly expired: readonly MappedItem[];
  /** Items that were absent at the first look, for whatever reason. */
  readonly absent: readonly MappedItem[];
}

/**
 * Returns how many items only a later look found. They were written since, or the keys of their rows' items changed.
 */
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

/** Yields the item keys one by one, so that no key is made unless somebody asks for it. Mostly nobody does. */
function* keyTextsOf(items: readonly MappedItem[]): Generator<string> {
  for (const { keyText } of items) yield keyText;
}
