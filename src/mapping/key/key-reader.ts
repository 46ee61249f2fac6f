/**
 * A key reader reads the key of the item just written from the item's own bytes, so key and item cannot differ. It
 * gives the key's position, its hash, and its partition. It makes the key's text only on request. Rows arrive in key
 * order, so a partition is often the previous one, and its text and hash are kept.
 */
import type { ItemBuffer } from '../item/item-buffer.js';
import { MAX_PARTITION_KEY_BYTES } from '../value/item-size.js';
import type { KeyAttributeEmitter } from './key-attribute.js';

/** `\u0000` stands for one byte. */
const MAX_ESCAPED_BYTES = 6;
/** V8 holds such hashes as small integers: a Map needs no object for each. */
const HASH_BITS = 0x3fffffff;

/** Positions of the values of an item's keys, between their quotes, in bytes from the item's start. */
export interface KeySpan {
  readonly partitionFrom: number;
  readonly partitionTo: number;
  /** Both are 0 without a sort key. */
  readonly sortFrom: number;
  readonly sortTo: number;
}

export class KeyReader implements KeySpan {
  /** `{"S":"..."}` of the partition key. */
  partition = '';
  /** A number below 2^30. Equal keys have equal hashes. */
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

  /** Reads the key of the current item. Its keys must be written. */
  read(out: ItemBuffer): void {
    this.#readPartition(out);
    const sort = this.#sortKey;
    const hash = sort === null ? this.#partitionHash : out.hash(sort.from, sort.to, this.#partitionHash);
    this.hash = (hash ^ (hash >>> 15)) & HASH_BITS;
  }

  /** Returns `{"pk":{"S":"..."},"sk":{"S":"..."}}` of an item that starts at `start`. */
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
