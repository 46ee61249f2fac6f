/**
 * Bounds the bytes of an answer, so that an endless one does not fill the memory. The bounds are not estimates: the
 * JSON of an item is longer than its billed size.
 */

/** Bytes for everything around the items, such as capacity figures and names. An error fits too. */
export const ANSWER_WORDS_BYTES = 64 * 1024;
/** JSON writes a control character of one byte as six, `\\u0001`. */
export const ESCAPED = 6;
/** A list element of one byte, billed as two, has at most 15 bytes of JSON: `{"BOOL":false},`. */
const JSON_BYTES_PER_BYTE = 8;
/** AWS: an item has at most 400 KB, and BatchGetItem answers with at most 16 MB. */
const MOST_ITEM_BYTES = 400 * 1024;
const MOST_ITEMS_BYTES = 16 * 1024 * 1024;

/**
 * @param items the most items that the answer may hold
 * @returns bytes
 */
export function answerBytesOf(items: number): number {
  return ANSWER_WORDS_BYTES + JSON_BYTES_PER_BYTE * Math.min(MOST_ITEMS_BYTES, items * MOST_ITEM_BYTES);
}
