/**
 * JSON strings with the fewest escapes (those of JSON.stringify): one spelling for each text, on both sides of a comparison.
 */

/** Printable ASCII but `"` and `\`: such a text stands in JSON as it is, and its UTF-8 length is its length. */
const PLAIN = /^[ !#-[\]-~]*$/;

export function isPlain(text: string): boolean {
  return PLAIN.test(text);
}

/** The text between the quotes of a JSON string. */
export function escapeJson(text: string): string {
  if (PLAIN.test(text)) return text;
  const quoted = JSON.stringify(text);
  return quoted.slice(1, -1);
}

export function quoteJson(text: string): string {
  return `"${escapeJson(text)}"`;
}
