/**
 * A difference is a candidate until it is confirmed: under live writes the row may have changed between the two reads. Row and
 * item are read again, with growing pauses; it counts only if the row did not change between two reads and the target still
 * differs. What is newer in the target by its version is none. What keeps changing is `unresolved`, never passed; so is a row of a table
 * without a key that is not there as it was: nothing tells whether it was changed or deleted.
 *
 * Every row that is read again comes to something: equal, a difference, bad (its value became one that cannot be represented),
 * expired by then, or gone from its key. A row that was bad at first and is mended by then is compared like one that changed. Where a
 * row's item key changed, its items at the new key are compared; the item at the old key then is extra, and to find those is the
 * business of a look at the whole target, not of this one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { interrupted } from '../core/errors.js';
import type { Cursor, Difference, MappedItem, Row } from '../core/model.js';
import type { ItemReader } from '../core/ports.js';
import type { BadRowRecord, DifferenceRecord } from '../core/state-ports.js';
import { BadValue } from '../mapping/bad-value.js';
import { compareItem } from './compare.js';
import { badRowRecord } from './map-chunk.js';
import type { TableJob } from './table-job.js';
import type { TtlDeletions } from './ttl-deletions.js';

/** Pauses before the second, third and fourth look, in ms. */
const PAUSES_MS = [100, 500, 2_000];

/** What a chunk's first comparison left open. */
export interface Candidates {
  /** Items that differed. */
  readonly items: readonly MappedItem[];
  /** Rows that were bad. */
  readonly badRows: readonly BadRowRecord[];
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
  /** The bad rows of the chunk, each once: those that became bad are among them, those that were mended are not. */
  readonly badRows: readonly BadRowRecord[];
  /** Rows that were not expired when they were read first. */
  readonly expiredRows: number;
}

/**
 * @param candidates what the first comparison left open
 * @param now seconds since the epoch: the time by which the candidates were mapped, so that none of them expires between two looks
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
  const bad = new Map(candidates.badRows.map((row) => [row.cursor, row]));
  const expired: string[] = [];
  const seen = new Set<string>();
  const expiredRows = new Set<Cursor>();
  const remap = (row: Row): readonly MappedItem[] => {
    const items: MappedItem[] = [];
    const cursor = job.source.cursorOf(row);
    try {
      if (job.mapping.map(row, items, { now }) === 'expired') expiredRows.add(cursor);
      bad.delete(cursor);
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      bad.set(cursor, badRowRecord(job, row, error, candidates.last));
    }
    return items;
  };
  const mended = await mendedItems(job, candidates.badRows, bad, remap, signal);
  let open = candidates.items;
  for (const [look, pause] of PAUSES_MS.entries()) {
    const first = look === 0 ? mended : [];
    if (open.length + first.length === 0) break;
    await sleep(pause, undefined, { signal }).catch(() => {
      throw interrupted();
    });
    const rows = await job.source.refetch(
      open.map((item) => item.row),
      signal,
    );
    const gone = open.filter((_, index) => job.scanKey === null && rows[index] === null);
    confirmed.push(...gone.map((item) => unresolved(job, item)));
    const again = open.flatMap((before, index) => {
      const row = rows[index] ?? null;
      return row === null ? [] : itemsNow(before, remap(row));
    });
    again.push(...first.map((after) => ({ after, changed: true })));
    const { held } = await reader.read(
      again.map(({ after }) => after),
      signal,
    );
    const changing = new Map<string, MappedItem>();
    for (const [index, { after, changed }] of again.entries()) {
      const found = held[index] ?? null;
      if (found !== null) seen.add(after.keyText);
      const difference = compareItem(after, found, deletions, job.mapping.version);
      if (difference === null) continue;
      if (difference === 'expired') expired.push(after.keyText);
      else if (difference === 'newer') newer.push(after.keyText);
      else if (changed) changing.set(after.keyText, after);
      else confirmed.push(record(job, difference, after.row));
    }
    open = [...changing.values()];
  }
  return {
    differences: [...confirmed, ...open.map((item) => unresolved(job, item))],
    newer,
    expired,
    seen,
    badRows: [...bad.values()],
    expiredRows: expiredRows.size,
  };
}

/**
 * Items of rows that were bad and are not any more: those were moved by nobody, as a rule. A row without a key that was mended is another
 * row, and one that is gone from its key is nothing to be compared.
 */
async function mendedItems(
  job: TableJob,
  recorded: readonly BadRowRecord[],
  bad: Map<Cursor, BadRowRecord>,
  remap: (row: Row) => readonly MappedItem[],
  signal: AbortSignal,
): Promise<readonly MappedItem[]> {
  if (recorded.length === 0 || job.scanKey === null) return [];
  const cursors = recorded.map(({ cursor }) => cursor);
  const rows = await job.source.at(cursors, signal);
  return rows.flatMap((row, index) => {
    const cursor = cursors[index];
    const now = row === null ? null : job.source.cursorOf(row);
    // Its key reads otherwise by now (`abc`, `ABC`), or it is gone.
    if (cursor !== undefined && now !== cursor) bad.delete(cursor);
    return row === null ? [] : remap(row);
  });
}

/** The item that the row gives now at the same key; all its items where the key changed; none where it has become bad or expired. */
function itemsNow(
  before: MappedItem,
  items: readonly MappedItem[],
): readonly { readonly after: MappedItem; readonly changed: boolean }[] {
  const same = items.find((candidate) => candidate.keyText === before.keyText);
  return (same === undefined ? items : [same]).map((after) => ({ after, changed: after.text !== before.text }));
}

function unresolved(job: TableJob, { keyText, row }: MappedItem): DifferenceRecord {
  return record(job, { class: 'unresolved', keyText, attributes: [] }, row);
}

function record(job: TableJob, difference: Difference, row: Row): DifferenceRecord {
  return { ...difference, cursor: job.source.cursorOf(row) };
}
