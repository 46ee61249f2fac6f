/** The target's item at the key of a mapped item. */
import type { MappedItem } from '../model.js';

/** An item equal to the mapped one: their canonical texts are the same. */
export const SAME: unique symbol = Symbol('same');

/** `SAME`: an equal item; a text: the canonical text of another item; null: the target has no item there. */
export type FoundItem = typeof SAME | string | null;

/** Returns how the target's item compares to the mapped one. @param text canonical text of the target's item */
export function foundAs(text: string, item: MappedItem): FoundItem {
  return text === item.text ? SAME : text;
}
