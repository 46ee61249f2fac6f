/**
 * The digest sums of both sides: that of the mapped items, without those that TTL may have deleted, and that of the
 * target's items. Equal items have equal digests, so equal sides have equal sums.
 */
import { SAME, type FoundItem } from '../../core/item/found-item.js';
import type { MappedItem } from '../../core/model.js';
import { DigestSum } from '../../mapping/item/digest.js';

/**
 * Returns the digest sum of the target's items.
 * @param mapped the items, and the sum of their digests
 * @param held the target's item at each key, in the order of the items
 */
export function targetDigest(
  mapped: { readonly items: readonly MappedItem[]; readonly digest: string },
  held: readonly FoundItem[],
): string {
  if (held.every((each) => each === SAME)) return mapped.digest;
  const sum = new DigestSum();
  for (const [index, { buffer, start, end }] of mapped.items.entries()) {
    const each = held[index] ?? null;
    if (each !== null) sum.add(each === SAME ? buffer.subarray(start, end) : each);
  }
  return sum.toString();
}

/**
 * Returns the digest sum of the mapped items without those that count as deleted by TTL.
 * @param keyTexts the keys of further such items
 */
export function digestWithout(
  mapped: { readonly items: readonly MappedItem[]; readonly digest: string },
  expired: readonly MappedItem[],
  keyTexts: readonly string[],
): string {
  if (expired.length === 0 && keyTexts.length === 0) return mapped.digest;
  const gone = new Set<MappedItem | string>([...expired, ...keyTexts]);
  const sum = new DigestSum();
  for (const item of mapped.items) {
    if (gone.has(item) || (keyTexts.length > 0 && gone.has(item.keyText))) continue;
    sum.add(item.buffer.subarray(item.start, item.end));
  }
  return sum.toString();
}
