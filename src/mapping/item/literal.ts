/** A literal is a text that every item of a mapping contains, ready to copy into an item buffer. */

/** Bytes that an item buffer copies at once. */
export const WORD = 4;

/** A text that every item contains, ready to copy. */
export interface Literal {
  readonly bytes: Uint8Array;
  /** The same text, four bytes a word, little endian, with zeros at the end. */
  readonly words: Int32Array;
}

export function literal(text: string): Literal {
  const bytes = new Uint8Array(Buffer.from(text));
  const padded = Buffer.alloc(Math.ceil(bytes.length / WORD) * WORD);
  padded.set(bytes);
  const words = Int32Array.from({ length: padded.length / WORD }, (_, word) => padded.readInt32LE(word * WORD));
  return { bytes, words };
}
