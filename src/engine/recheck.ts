/**
 * A difference is a candidate until it is confirmed: under live writes the row may have changed between the two reads. Row and
 * item are read again, with growing pauses; it counts only if the row did not change between two reads and the target still
 * differs. What is newer in the target by its version is none. What keeps changing is `unresolved`, never passed; so is a row of a table without a key that is not there as it was:
 * nothing tells whether it was changed or deleted.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { interrupted } from '../core/errors.js';
import type { Difference, MappedItem, Row } from '../core/model.js';
import type { ItemReader } from '../core/ports.js';
import type { DifferenceRecord } from '../core/state-ports.js';
import { BadValue } from '../mapping/bad-value.js';
import { compareItem } from './compare.js';
import type { TableJob } from './table-job.js';
import type { TtlDeletions } from './ttl-deletions.js';

/** Pauses before the second, third and fourth look, in ms. */
const PAUSES_MS = [100, 500, 2_000];

export interface Confirmed {
  readonly differences: readonly DifferenceRecord[];
  /** Key texts of items that the target has in a newer version. */
  readonly newer: readonly string[];
  /** Key texts of items that are not there, and that TTL may have deleted. */
  readonly expired: readonly string[];
  /** Key texts of items that were there after all, or differ. */
  readonly seen: ReadonlySet<string>;
}

/**
 * @param candidates items whose first comparison failed
 * @param now seconds since the epoch: the time by which the candidates were mapped, so that none of them expires between two looks
 */
export async function confirmDifferences(
  job: TableJob,
  candidates: readonly MappedItem[],
  reader: ItemReader,
  deletions: TtlDeletions,
  now: number,
  signal: AbortSignal,
): Promise<Confirmed> {
  const confirmed: DifferenceRecord[] = [];
  const newer: string[] = [];
  const expired: string[] = [];
  const seen = new Set<string>();
  let open = candidates;
  for (const pause of PAUSES_MS) {
    if (open.length === 0) break;
    await sleep(pause, undefined, { signal }).catch(() => {
      throw interrupted();
    });
    const rows = await job.source.refetch(
      open.map((item) => item.row),
      signal,
    );
    const gone = open.filter((_, index) => job.scanKey === null && rows[index] === null);
    confirmed.push(...gone.map((item) => unresolved(job, item)));
    const again = open.flatMap((before, index) =>
      remap(job, rows[index] ?? null, before, now).map((after) => ({ after, changed: after.text !== before.text })),
    );
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
  return { differences: [...confirmed, ...open.map((item) => unresolved(job, item))], newer, expired, seen };
}

function unresolved(job: TableJob, { keyText, row }: MappedItem): DifferenceRecord {
  return record(job, { class: 'unresolved', keyText, attributes: [] }, row);
}

/** The item that the row gives now at the same key; all its items where the key changed; none where the row is gone or has become bad. */
function remap(job: TableJob, row: Row | null, item: MappedItem, now: number): readonly MappedItem[] {
  if (row === null) return [];
  const items: MappedItem[] = [];
  try {
    job.mapping.map(row, items, { now });
  } catch (error) {
    if (error instanceof BadValue) return [];
    throw error;
  }
  const same = items.find((candidate) => candidate.keyText === item.keyText);
  return same === undefined ? items : [same];
}

function record(job: TableJob, difference: Difference, row: Row): DifferenceRecord {
  return { ...difference, cursor: job.source.cursorOf(row) };
}
