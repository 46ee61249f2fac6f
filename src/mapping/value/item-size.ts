/**
 * Counts the size of an attribute value as DynamoDB bills it (AWS, "DynamoDB item sizes and formats"). Strings and
 * names count their UTF-8 bytes, and binary values their raw bytes. BOOL and NULL count 1. A list or map counts 3, and
 * 1 for each element. The extra 100 bytes of storage are not included.
 */
import { isPlain } from './json-text.js';

/** Largest item, names included, in bytes. */
export const MAX_ITEM_BYTES = 400 * 1024;
/** Longest key values, in bytes. */
export const MAX_PARTITION_KEY_BYTES = 2048;
export const MAX_SORT_KEY_BYTES = 1024;

/** Collects the billed bytes of the current item. */
export interface SizeCounter {
  bytes: number;
}

export function textBytes(text: string): number {
  return isPlain(text) ? text.length : Buffer.byteLength(text);
}
