/**
 * Confirms each difference before it counts, because a live write may have changed the row between the two reads. It
 * reads row and item again, with growing pauses. A difference counts only if the row stayed the same between two reads
 * and the target still differs. An item whose version in the target is newer is no difference. A row that keeps
 * changing is `unresolved` and never passes. So is an absent row of a table without a key: nothing shows whether it was
 * changed or deleted.
 *
 * Every row that is read again has one of five outcomes: it is equal, different, bad, expired, or gone from its key. A
 * bad row's value became one that the mapping cannot represent. If the item key of a row changed, its items at the new
 * keys are compared. The item at the old key is then extra, and only a look at the whole target finds extra items.
 *
 * Rows that have grown too large to hold together are read again in parts, down to a single row.
 *
 * A row that was bad at its first read stays bad and is not read again. It has no item to compare, and a table with
 * many bad rows would be read twice. If the row was repaired since, `backfill --retry-bad` moves it, or the next
 * verification finds it good.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { FerryError, interrupted } from '../../core/errors.js';
import type { Cursor, Difference, MappedItem, Row } from '../../core/model.js';
import type { ItemReader } from '../../core/ports/target-ports.js';
import type { BadRowRecord, DifferenceRecord } from '../../core/ports/state-records.js';
import { BadValue } from '../../mapping/value/bad-value.js';
import { compareItem } from './compare.js';
import { badRowRecord, itemsOf } from '../pass/map-chunk.js';
import type { TableJob } from '../pass/table-job.js';
import type { TtlDeletions } from './ttl-deletions.js';

/** Pauses before the second, third and fourth look, in ms. */
const PAUSES_MS = [100, 500, 2_000];

/** What the first comparison of a chunk left open. */
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
  /** Key texts of items that were there at a later look. */
  readonly seen: ReadonlySet<string>;
  /** Rows that became bad since their first read, each once. */
  readonly badRows: readonly BadRowRecord[];
  /** Number of rows that expired since their first read. */
  readonly expiredRows: number;
}

/**
 * Looks at the candidates again until each has an outcome.
 * @param candidates what the first comparison left open
 * @param now seconds since the epoch: the time by which the candidates were mapped, so that none of them expires
 * between two looks
 * @throws FerryError E_SOURCE_*, E_TARGET_*, E_INTERRUPTED
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
        // Finishes one half before the other, so that only the rows of one half are in memory.
        for (const half of halves(job, open)) await lookFrom(index, half);
        return;
      }
      open = await compareNow(open, found);
    }
    confirmed.push(...open.map((item) => unresolved(job, item)));
  };
  /** @returns the items that differ and whose row has changed since */
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
      // Two items of one row lead to the same new items where both their keys changed.
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

/**
 * Reads each row once, whatever it maps to.
 * @returns a function that finds the row of an item; `too large`: the rows are too large to hold together
 */
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

/** Splits the items of two rows or more into halves. Items of one row stay together. */
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
 * Returns the item that the row gives now at the same key. If it gives none there, it returns the row's items at new
 * keys. An item whose key stayed was compared by itself. It returns none where the row has become bad or expired.
 * @param former returns the row's items as the row was before
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

/** Returns a text that identifies an item of a row, also beside an item of another row with the same key. */
function placeOf(job: TableJob, { keyText, row }: MappedItem): string {
  return `${job.source.cursorOf(row)} ${keyText}`;
}

function unresolved(job: TableJob, { keyText, row }: MappedItem): DifferenceRecord {
  return record(job, { class: 'unresolved', keyText, attributes: [] }, row);
}

function record(job: TableJob, difference: Difference, row: Row): DifferenceRecord {
  return { ...difference, cursor: job.source.cursorOf(row) };
}
