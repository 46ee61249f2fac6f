/**
 * Compares what a row maps to with what the target holds; what both are made of, where they differ, are canonical
 * texts.
 */
import { SAME, type FoundItem } from '../../core/item/found-item.js';
import { versionOrder } from '../../core/item/item-version.js';
import type { Difference, MappedItem } from '../../core/model.js';
import type { TtlDeletions } from './ttl-deletions.js';

/**
 * null where the target agrees. `expired`: it is not there, and TTL may have deleted it (AWS: within days of its time):
 * no difference, and not seen either. `newer`: a live writer has overtaken the row, by the attribute that holds the
 * version; an item of the row's own version, or of none that compares, has to be equal.
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

/** @param held and @param mapped: canonical texts */
export function isNewer(held: string, mapped: string, version: string): boolean {
  return versionOrder(parseItem(held)[version], parseItem(mapped)[version]) === 'newer';
}

/** Names of attributes that only one side has or that differ, sorted. */
function differingAttributes(mapped: string, held: string): readonly string[] {
  return attributeDifferences(mapped, held).map((difference) => difference.name);
}

export interface AttributeDifference {
  readonly name: string;
  /** DynamoDB JSON of the value in the target, null where it is absent. Holds row values. */
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
 * Canonical texts keep map keys sorted, so equal values print alike. By own name: an attribute may be called
 * `constructor`.
 */
function valueText(item: Readonly<Record<string, unknown>>, name: string): string | null {
  return Object.hasOwn(item, name) ? JSON.stringify(item[name]) : null;
}

export function parseItem(text: string): Readonly<Record<string, unknown>> {
  return JSON.parse(text) as Record<string, unknown>;
}
