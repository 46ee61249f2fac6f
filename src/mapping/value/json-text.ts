/**
 * Writes JSON strings with the fewest escapes (those of JSON.stringify): one spelling for each text, on both sides of a
 * comparison.
 */

/** Printable ASCII except `"` and `\`: such a text is its own JSON, and its UTF-8 length is its length. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** Half of a surrogate pair is not a character and has no UTF-8 form. */
const LONE_SURROGATE = /\p{Surrogate}/u;

export function isPlain(text: string): boolean {
  return PLAIN.test(text);
}

/** Returns whether a text survives storing as UTF-8 and reading back. */
export function isWellFormed(text: string): boolean {
  return PLAIN.test(text) || !LONE_SURROGATE.test(text);
}

/** Returns the text between the quotes of a JSON string. */
export function escapeJson(text: string): string {
  if (PLAIN.test(text)) return text;
  return JSON.stringify(text).slice(1, -1);
}

export function quoteJson(text: string): string {
  return `"${escapeJson(text)}"`;
}
