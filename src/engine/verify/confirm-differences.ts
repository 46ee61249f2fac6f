/**
 * A difference is a candidate until it is confirmed: under live writes the row may have changed between the two reads.
 * Row and item are read again, with growing pauses; it counts only if the row did not change between two reads and the
 * target still differs. What is newer in the target by its version is none. What keeps changing is `unresolved`, never
 * passed; so is a row of a table without a key that is not there as it was: nothing tells whether it was changed or
 * deleted.
 *
 * Every row that is read again comes to something: equal, a difference, bad (its value became one that cannot be
 * represented), expired by then, or gone from its key. Where a row's item key changed, its items at the new keys are
 * compared; the item at the old key then is extra, and to find those is the business of a look at the whole target, not
 * of this one.
 *
 * Rows that have grown so large meanwhile that they cannot be held together are looked at in parts, down to one.
 *
 * A row that was bad when it was read counts as that, and is not read again: it has no item to compare, and a table
 * with many of them would be read twice. Where it was mended meanwhile, `backfill --retry-bad` moves it, or the next
 * verification finds it good.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { FerryError, interrupted } from '../../core/errors.js';
import type { Cursor, Difference, MappedItem, Row } from '../../core/model.js';
import type { ItemReader } from '../../core/ports/ports.js';
import type { BadRowRecord, DifferenceRecord } from '../../core/ports/state-records.js';
import { BadValue } from '../../mapping/value/bad-value.js';
import { compareItem } from './compare.js';
import { badRowRecord, itemsOf } from '../pass/map-chunk.js';
import type { TableJob } from '../pass/table-job.js';
import type { TtlDeletions } from './ttl-deletions.js';

/** Pauses before the second, third and fourth look, in ms. */
const PAUSES_MS = [100, 500, 2_000];

/** What a chunk's first comparison left open. */
export interface Candidates {
  /** Items that differed. */
  readonly items: readonly MappedItem[];
  /** Cursor of the chunk's last row. */
  readonly last: Cursor;
}

export interface Confirmed {
  readonly differences: readonly DifferenceRecord[];
  /** Key texts of items that the target has in a newer version. */
  readonly newer: readonly string[];
  /** Key texts of items that are not there, and that TTL may have deleted. */
  readonly expired: readonly string[];
  /** Key texts of items that were there when they were looked at again. */
  readonly seen: ReadonlySet<string>;
  /** Rows that became bad since they were read first, each once. */
  readonly badRows: readonly BadRowRecord[];
  /** Rows that were not expired when they were read first. */
  readonly expiredRows: number;
}

/**
 * @param candidates what the first comparison left open
 * @param now seconds since the epoch: the time by which the candidates were mapped, so that none of them expires
 * between two looks
 */
export async function confirmDifferences(
  job: TableJob,
  candidates: Candidates,
  reader: ItemReader,
  deletions: TtlDeletions,
  now: number,
  signal: AbortSignal,
): Promise<Confirmed> {
  const confirmed: DifferenceRecord[] = [];
  const newer: string[] = [];
  const bad = new Map<Cursor, BadRowRecord>();
  const expired: string[] = [];
  const seen = new Set<string>();
  const expiredRows = new Set<Cursor>();
  const remap = (row: Row): readonly MappedItem[] => {
    const items: MappedItem[] = [];
    const cursor = job.source.cursorOf(row);
    try {
      if (job.mapping.map(row, items, { now }) === 'expired') expiredRows.add(cursor);
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      bad.set(cursor, badRowRecord(job, row, error, candidates.last));
    }
    return items;
  };
  const lookFrom = async (first: number, items: readonly MappedItem[]): Promise<void> => {
    let open = items;
    for (const [index, pause] of PAUSES_MS.entries()) {
      if (index < first) continue;
      if (open.length === 0) break;
      await sleep(pause, undefined, { signal }).catch(() => {
        throw interrupted();
      });
      const found = await rowsNow(job, open, signal);
      if (found === 'too large') {
        // Each half to its end, so that no more than its rows are held.
        for (const half of halves(job, open)) await lookFrom(index, half);
        return;
      }
      open = await compareNow(open, found);
    }
    confirmed.push(...open.map((item) => unresolved(job, item)));
  };
  /** @returns what has changed since, and differs */
  const compareNow = async (
    open: readonly MappedItem[],
    rowOf: (item: MappedItem, index: number) => Row | null,
  ): Promise<readonly MappedItem[]> => {
    const gone = open.filter((item, index) => job.scanKey === null && rowOf(item, index) === null);
    confirmed.push(...gone.map((item) => unresolved(job, item)));
    const looked = new Map<string, ItemNow>();
    for (const [index, before] of open.entries()) {
      const row = rowOf(before, index);
      if (row === null) continue;
      // Two items of one row lead to the same ones where both their keys changed.
      for (const item of itemsNow(before, remap(row), () => itemsOf(job, before.row, now))) {
        looked.set(placeOf(job, item.after), item);
      }
    }
    const again = [...looked];
    const { found: held } = await reader.read(
      again.map(([, { after }]) => after),
      signal,
    );
    const changing = new Map<string, MappedItem>();
    for (const [index, [place, { after, changed }]] of again.entries()) {
      const found = held[index] ?? null;
      if (found !== null) seen.add(after.keyText);
      const difference = compareItem(after, found, deletions, job.mapping.version);
      if (difference === null) continue;
      if (difference === 'expired') expired.push(after.keyText);
      else if (difference === 'newer') newer.push(after.keyText);
      else if (changed) changing.set(place, after);
      else confirmed.push(record(job, difference, after.row));
    }
    return [...changing.values()];
  };
  await lookFrom(0, candidates.items);
  return {
    differences: confirmed,
    newer,
    expired,
    seen,
    badRows: [...bad.values()],
    expiredRows: expiredRows.size,
  };
}

/** Asks for each row once, whatever it maps to. @returns how to find the row of an item; `too large`: not together */
async function rowsNow(
  job: TableJob,
  items: readonly MappedItem[],
  signal: AbortSignal,
): Promise<((item: MappedItem, index: number) => Row | null) | 'too large'> {
  const { source, scanKey } = job;
  if (scanKey === null) {
    const all = items.map(({ row }) => source.cursorOf(row));
    const found = await source.at(all, signal);
    return (_, index) => found[index] ?? null;
  }
  const cursors = [...new Set(items.map(({ row }) => source.cursorOf(row)))];
  try {
    const found = await source.at(cursors, signal);
    const rows = new Map(cursors.map((cursor, index) => [cursor, found[index] ?? null]));
    return ({ row }) => rows.get(source.cursorOf(row)) ?? null;
  } catch (error) {
    if (cursors.length > 1 && error instanceof FerryError && error.code === 'E_ROW_TOO_LARGE') return 'too large';
    throw error;
  }
}

/** Of items of two rows or more: those of one row stay together. */
function halves({ source }: TableJob, items: readonly MappedItem[]): readonly (readonly MappedItem[])[] {
  const rows = [...new Set(items.map(({ row }) => source.cursorOf(row)))];
  const first = new Set(rows.slice(0, Math.ceil(rows.length / 2)));
  const isFirst = ({ row }: MappedItem): boolean => first.has(source.cursorOf(row));
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}

interface ItemNow {
  readonly after: MappedItem;
  readonly changed: boolean;
}

/**
 * The item that the row gives now at the same key. Where it gives none there, its items at keys that it had not before:
 * an item of it whose key stayed was compared by itself. None where the row has become bad or expired.
 * @param former the row's items as it was before
 */
function itemsNow(
  before: MappedItem,
  items: readonly MappedItem[],
  former: () => readonly MappedItem[],
): readonly ItemNow[] {
  const same = items.find(({ keyText }) => keyText === before.keyText);
  if (same !== undefined) return [{ after: same, changed: same.text !== before.text }];
  const keys = new Set(former().map(({ keyText }) => keyText));
  return items.filter(({ keyText }) => !keys.has(keyText)).map((after) => ({ after, changed: true }));
}

/** Tells an item of a row from every other item, also from one of another row that has the same key. */
function placeOf(job: TableJob, { keyText, row }: MappedItem): string {
  return `${job.source.cursorOf(row)} ${keyText}`;
}

function unresolved(job: TableJob, { keyText, row }: MappedItem): DifferenceRecord {
  return record(job, { class: 'unresolved', keyText, attributes: [] }, row);
}

function record(job: TableJob, difference: Difference, row: Row): DifferenceRecord {
  return { ...difference, cursor: job.source.cursorOf(row) };
}
