/**
 * The key of the item just written, as text: copied out of the item's own bytes, so that key and item cannot differ. Rows come in
 * key order, so a partition is often the one before, and then its text is the same string.
 */
import { literal, type ItemBuffer } from './item-buffer.js';
import { MAX_PARTITION_KEY_BYTES, MAX_SORT_KEY_BYTES } from './item-size.js';
import type { KeyAttribute } from './key-attribute.js';

/** `\u0000` stands for one byte. */
const MAX_ESCAPED_BYTES = 6;
/** More than the braces and commas. */
const FRAME_BYTES = 64;

const BEGIN = literal('{');
const BETWEEN = literal('"},');
const END = literal('"}}');

export class KeyReader {
  /** `{"pk":{"S":"..."},"sk":{"S":"..."}}` */
  keyText = '';
  /** `{"S":"..."}` of the partition key. */
  partition = '';
  readonly #text: Buffer;
  #at = 0;
  /** All bytes of the text, or'ed: whether it is ASCII. */
  #seen = 0;
  readonly #partitionKey: KeyAttribute;
  readonly #sortKey: KeyAttribute | null;
  readonly #latest = Buffer.alloc(MAX_PARTITION_KEY_BYTES * MAX_ESCAPED_BYTES);
  #latestLength = -1;

  constructor(partitionKey: KeyAttribute, sortKey: KeyAttribute | null) {
    this.#partitionKey = partitionKey;
    this.#sortKey = sortKey;
    const names = partitionKey.opening.bytes.length + (sortKey?.opening.bytes.length ?? 0);
    this.#text = Buffer.alloc((MAX_PARTITION_KEY_BYTES + MAX_SORT_KEY_BYTES) * MAX_ESCAPED_BYTES + names + FRAME_BYTES);
  }

  /** Reads the key of the item under way, whose keys are written. */
  read(out: ItemBuffer): void {
    this.#at = 0;
    this.#seen = 0;
    this.#add(BEGIN.bytes, 0, BEGIN.bytes.length);
    this.#addKey(this.#partitionKey, out);
    if (this.#sortKey !== null) {
      this.#add(BETWEEN.bytes, 0, BETWEEN.bytes.length);
      this.#addKey(this.#sortKey, out);
    }
    this.#add(END.bytes, 0, END.bytes.length);
    this.keyText = this.#text.toString(this.#seen < 0x80 ? 'latin1' : 'utf8', 0, this.#at);
    this.#readPartition(out);
  }

  #addKey(key: KeyAttribute, out: ItemBuffer): void {
    this.#add(key.opening.bytes, 0, key.opening.bytes.length);
    this.#add(out.buffer, out.start + key.from, out.start + key.to);
  }

  #add(bytes: Uint8Array, from: number, to: number): void {
    const text = this.#text;
    let at = this.#at;
    for (let i = from; i < to; i += 1, at += 1) {
      const byte = bytes[i] as number;
      text[at] = byte;
      this.#seen |= byte;
    }
    this.#at = at;
  }

  #readPartition({ buffer, start }: ItemBuffer): void {
    const { from, to } = this.#partitionKey;
    const latest = this.#latest;
    const length = to - from;
    let same = length === this.#latestLength;
    for (let i = 0; same && i < length; i += 1) same = latest[i] === buffer[start + from + i];
    if (same) return;
    buffer.copy(latest, 0, start + from, start + to);
    this.#latestLength = length;
    this.partition = `{"${this.#partitionKey.type}":"${buffer.toString('utf8', start + from, start + to)}"}`;
  }
}
