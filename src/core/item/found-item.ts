/** What the target holds at the key of an item that a row maps to. */
import type { MappedItem } from '../model.js';

/** An item equal to the mapped one: their canonical texts are the same. */
export const SAME: unique symbol = Symbol('same');

/** The same item; the canonical text of another one; null where there is none. */
export type FoundItem = typeof SAME | string | null;

/** @param text canonical text of what is held */
export function foundAs(text: string, item: MappedItem): FoundItem {
  return text === item.text ? SAME : text;
}
