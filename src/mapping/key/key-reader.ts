/**
 * The key of the item just written, read out of the item's own bytes, so that key and item cannot differ: where it
 * stands, its hash, and its partition. Its text is made only where somebody asks. Rows come in key order, so a
 * partition is often the one before, and then its text and its hash are at hand.
 */
import type { ItemBuffer } from '../item/item-buffer.js';
import { MAX_PARTITION_KEY_BYTES } from '../value/item-size.js';
import type { KeyAttributeEmitter } from './key-attribute.js';

/** `\u0000` stands for one byte. */
const MAX_ESCAPED_BYTES = 6;
/** Hashes are small integers to V8: a Map takes them without an object each. */
const HASH_BITS = 0x3fffffff;

/** Where the values of an item's keys stand between their quotes, counted from the item's start. */
export interface KeySpan {
  readonly partitionFrom: number;
  readonly partitionTo: number;
  /** Both 0 where there is no sort key. */
  readonly sortFrom: number;
  readonly sortTo: number;
}

export class KeyReader implements KeySpan {
  /** `{"S":"..."}` of the partition key. */
  partition = '';
  /** Below 2^30; of equal keys it is equal. */
  hash = 0;
  readonly #partitionKey: KeyAttributeEmitter;
  readonly #sortKey: KeyAttributeEmitter | null;
  readonly #latest = Buffer.alloc(MAX_PARTITION_KEY_BYTES * MAX_ESCAPED_BYTES);
  #latestLength = -1;
  #partitionHash = 0;

  get partitionFrom(): number {
    return this.#partitionKey.from;
  }

  get partitionTo(): number {
    return this.#partitionKey.to;
  }

  get sortFrom(): number {
    return this.#sortKey?.from ?? 0;
  }

  get sortTo(): number {
    return this.#sortKey?.to ?? 0;
  }

  constructor(partitionKey: KeyAttributeEmitter, sortKey: KeyAttributeEmitter | null) {
    this.#partitionKey = partitionKey;
    this.#sortKey = sortKey;
  }

  /** Reads the key of the item under way, whose keys are written. */
  read(out: ItemBuffer): void {
    this.#readPartition(out);
    const sort = this.#sortKey;
    const hash = sort === null ? this.#partitionHash : out.hash(sort.from, sort.to, this.#partitionHash);
    this.hash = (hash ^ (hash >>> 15)) & HASH_BITS;
  }

  /** `{"pk":{"S":"..."},"sk":{"S":"..."}}` of an item that begins at `start`. */
  textOf(buffer: Buffer, start: number, span: KeySpan): string {
    const value = (from: number, to: number): string => buffer.toString('utf8', start + from, start + to);
    const partition = `${this.#partitionKey.openingText}${value(span.partitionFrom, span.partitionTo)}"}`;
    if (this.#sortKey === null) return `{${partition}}`;
    return `{${partition},${this.#sortKey.openingText}${value(span.sortFrom, span.sortTo)}"}}`;
  }

  #readPartition(out: ItemBuffer): void {
    const { buffer, start } = out;
    const { from, to } = this.#partitionKey;
    const latest = this.#latest;
    const length = to - from;
    let same = length === this.#latestLength;
    for (let i = 0; same && i < length; i += 1) same = latest[i] === buffer[start + from + i];
    if (same) return;
    buffer.copy(latest, 0, start + from, start + to);
    this.#latestLength = length;
    this.#partitionHash = out.hash(from, to, length);
    this.partition = `{"${this.#partitionKey.type}":"${buffer.toString('utf8', start + from, start + to)}"}`;
  }
}
