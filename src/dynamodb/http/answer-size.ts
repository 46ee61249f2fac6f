/**
 * Bounds the bytes of an answer, so that one without end does not fill the memory. They are bounds, not estimates: the
 * JSON of an item is longer than its billed size.
 */

/** Everything around the items: figures of capacity, names. An error is no longer. */
export const ANSWER_WORDS_BYTES = 64 * 1024;
/** A control character of one byte is six in JSON, `\\u0001`. */
export const ESCAPED = 6;
/** An element of one byte within a list, billed as two, is at most `{"BOOL":false},`. */
const JSON_BYTES_PER_BYTE = 8;
/** AWS: an item has 400 KB at most, a BatchGetItem answers 16 MB at most. */
const MOST_ITEM_BYTES = 400 * 1024;
const MOST_ITEMS_BYTES = 16 * 1024 * 1024;

/** @param items that it may hold, at most */
export function answerBytesOf(items: number): number {
  return ANSWER_WORDS_BYTES + JSON_BYTES_PER_BYTE * Math.min(MOST_ITEMS_BYTES, items * MOST_ITEM_BYTES);
}
