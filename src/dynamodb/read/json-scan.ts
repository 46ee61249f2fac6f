/**
 * Finds where strings, objects and arrays end in JSON, as bytes of UTF-8. It checks nothing else: a caller parses the
 * part, or finds it equal to bytes that are known to be JSON. Callers skip white space; services put none between
 * tokens.
 */

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPENING_BRACE = 0x7b;
export const CLOSING_BRACE = 0x7d;
export const OPENING_BRACKET = 0x5b;
export const CLOSING_BRACKET = 0x5d;
const BACKSLASH = 0x5c;

/** @param at of its opening quote @returns behind its closing quote, -1 where it has none */
export function endOfString(bytes: Buffer, at: number): number {
  const { length } = bytes;
  for (let i = at + 1; i < length; i += 1) {
    const byte = bytes[i];
    if (byte === QUOTE) return i + 1;
    if (byte === BACKSLASH) i += 1;
  }
  return -1;
}

/** @param at of the brace or bracket that opens it @returns behind the one that closes it, -1 where there is none */
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
