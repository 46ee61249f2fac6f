/**
 * Finds where strings, objects and arrays end in JSON, as bytes of UTF-8. It checks nothing else: a caller parses the
 * part, or compares it with bytes that are known to be JSON. It expects no white space between tokens, as the services
 * put none there. A caller that meets some parses the whole answer.
 */

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPENING_BRACE = 0x7b;
export const CLOSING_BRACE = 0x7d;
export const OPENING_BRACKET = 0x5b;
export const CLOSING_BRACKET = 0x5d;
const BACKSLASH = 0x5c;

/**
 * @param at the index of the opening quote
 * @returns the index behind the closing quote; -1 if it is missing
 */
export function endOfString(bytes: Buffer, at: number): number {
  const { length } = bytes;
  for (let i = at + 1; i < length; i += 1) {
    const byte = bytes[i];
    if (byte === QUOTE) return i + 1;
    if (byte === BACKSLASH) i += 1;
  }
  return -1;
}

/**
 * @param at the index of the opening brace or bracket
 * @returns the index behind the closing one; -1 if it is missing
 */
export function endOfNested(bytes: Buffer, at: number): number {
  const { length } = bytes;
  let depth = 0;
  let i = at;
  while (i < length) {
    const byte = bytes[i];
    if (byte === QUOTE) {
      i = endOfString(bytes, i);
      if (i === -1) return -1;
      continue;
    }
    i += 1;
    if (byte === OPENING_BRACE || byte === OPENING_BRACKET) depth += 1;
    else if (byte === CLOSING_BRACE || byte === CLOSING_BRACKET) {
      depth -= 1;
      if (depth === 0) return i;
    }
  }
  return -1;
}
