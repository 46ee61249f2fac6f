/**
 * The size of an attribute value as DynamoDB bills it (AWS, "DynamoDB item sizes and formats"): UTF-8 bytes of strings
 * and names, raw bytes of binary, 1 for BOOL and NULL, 3 and 1 an element for lists and maps. Storage's extra 100 bytes
 * are not in.
 */
import { isPlain } from './json-text.js';

/** Largest item, names included, in bytes. */
export const MAX_ITEM_BYTES = 400 * 1024;
/** Longest key values, in bytes. */
export const MAX_PARTITION_KEY_BYTES = 2048;
export const MAX_SORT_KEY_BYTES = 1024;

/** Collects the billed bytes of the item being built. */
export interface SizeCounter {
  bytes: number;
}

export function textBytes(text: string): number {
  return isPlain(text) ? text.length : Buffer.byteLength(text);
}
