/**
 * The dry run: for each given row, the item that a backfill would write beside the item in the target. It writes
 * nothing, counts nothing and keeps nothing.
 */
import { SAME, type FoundItem } from '../core/item/found-item.js';
import type { BadRow, MappedItem, Row } from '../core/model.js';
import type { ItemReader } from '../core/ports/target-ports.js';
import { BadValue } from '../mapping/value/bad-value.js';
import { attributeDifferences, isNewer, parseItem, type AttributeDifference } from './verify/compare.js';
import type { TableJob } from './pass/table-job.js';

export interface RowDiff {
  /** The row's scan key, as text. */
  readonly row: string;
  readonly outcome: 'mapped' | 'expired' | 'bad';
  readonly bad: BadRow | null;
  readonly items: readonly ItemDiff[];
}

export interface ItemDiff {
  readonly keyText: string;
  /** `newer`: it differs, and the target has a newer version, so a backfill would leave it as it is. */
  readonly outcome: 'new' | 'same' | 'changed' | 'newer';
  readonly bytes: number;
  /** For `changed` and `newer`: the attributes that differ; for `new`: all; for `same`: none. Values are row values. */
  readonly attributes: readonly AttributeDifference[];
}

/** Compares what the rows map to with the target. @param now seconds since the epoch @throws FerryError E_TARGET_* */
export async function diffRows(
  job: TableJob,
  rows: readonly Row[],
  reader: ItemReader,
  now: number,
  signal: AbortSignal,
): Promise<readonly RowDiff[]> {
  const mapped = rows.map((row) => mapRow(job, row, now));
  const items = mapped.flatMap((entry) => entry.items);
  const { found: held } = await reader.read(items, signal);
  const heldOf = new Map<MappedItem, FoundItem>(items.map((item, index) => [item, held[index] ?? null]));
  return mapped.map((entry) => ({
    row: entry.row,
    outcome: entry.outcome,
    bad: entry.bad,
    items: entry.items.map((item) => diffItem(item, heldOf.get(item) ?? null, job.mapping.version)),
  }));
}

function mapRow(
  job: TableJob,
  row: Row,
  now: number,
): Omit<RowDiff, 'items'> & { readonly items: readonly MappedItem[] } {
  const items: MappedItem[] = [];
  const name = job.source.describeKey(job.source.cursorOf(row));
  try {
    return { row: name, outcome: job.mapping.map(row, items, { now }), bad: null, items };
  } catch (error) {
    if (error instanceof BadValue)
      return { row: name, outcome: 'bad', bad: error.toBadRow(job.mapping.table), items: [] };
    throw error;
  }
}

function diffItem(item: MappedItem, held: FoundItem, version: string | null): ItemDiff {
  const base = { keyText: item.keyText, bytes: item.bytes };
  if (held === SAME) return { ...base, outcome: 'same', attributes: [] };
  if (held !== null) {
    const outcome = version !== null && isNewer(held, item.text, version) ? 'newer' : 'changed';
    return { ...base, outcome, attributes: attributeDifferences(item.text, held) };
  }
  const attributes = Object.entries(parseItem(item.text)).map(([name, value]) => ({
    name,
    held: null,
    mapped: JSON.stringify(value),
  }));
  return { ...base, outcome: 'new', attributes };
}
