/** Compares what a row maps to with the item in the target. Where the two differ, both are canonical texts. */
import { SAME, type FoundItem } from '../../core/item/found-item.js';
import { versionOrder } from '../../core/item/item-version.js';
import type { Difference, MappedItem } from '../../core/model.js';
import type { TtlDeletions } from './ttl-deletions.js';

/**
 * Returns null where the target agrees. `expired`: the item is absent, and TTL may have deleted it (AWS: within days of
 * its time). That is no difference, and the item does not count as seen. `newer`: a live writer has overtaken the row,
 * by the attribute that holds the version. An item with the row's own version, or with one that does not compare, must
 * be equal.
 * @param version the attribute that holds an item's version; null: nobody else writes
 */
export function compareItem(
  item: MappedItem,
  held: FoundItem,
  deletions: Pick<TtlDeletions, 'mayHaveDeleted'>,
  version: string | null,
): Difference | 'newer' | 'expired' | null {
  if (held === SAME) return null;
  if (held === null) {
    if (deletions.mayHaveDeleted(item)) return 'expired';
    return { class: 'missing', keyText: item.keyText, attributes: [] };
  }
  if (version !== null && isNewer(held, item.text, version)) return 'newer';
  return { class: 'differing', keyText: item.keyText, attributes: differingAttributes(item.text, held) };
}

/** Returns whether the item in the target is newer. @param held and @param mapped: canonical texts */
export function isNewer(held: string, mapped: string, version: string): boolean {
  return versionOrder(parseItem(held)[version], parseItem(mapped)[version]) === 'newer';
}

/** Returns the names of attributes that differ or that only one side has, sorted. */
function differingAttributes(mapped: string, held: string): readonly string[] {
  return attributeDifferences(mapped, held).map((difference) => difference.name);
}

export interface AttributeDifference {
  readonly name: string;
  /** DynamoDB JSON of the value in the target; null where it is absent. It holds row values. */
  readonly held: string | null;
  readonly mapped: string | null;
}

export function attributeDifferences(mapped: string, held: string): readonly AttributeDifference[] {
  const [left, right] = [parseItem(mapped), parseItem(held)];
  const names = [...new Set([...Object.keys(left), ...Object.keys(right)])].sort();
  return names
    .map((name) => ({ name, held: valueText(right, name), mapped: valueText(left, name) }))
    .filter((difference) => difference.held !== difference.mapped);
}

/**
 * Returns the attribute's value as text. Canonical texts keep map keys sorted, so equal values give equal texts. The
 * check is by own name, because an attribute may be called `constructor`.
 */
function valueText(item: Readonly<Record<string, unknown>>, name: string): string | null {
  return Object.hasOwn(item, name) ? JSON.stringify(item[name]) : null;
}

export function parseItem(text: string): Readonly<Record<string, unknown>> {
  return JSON.parse(text) as Record<string, unknown>;
}
