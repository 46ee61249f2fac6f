/**
 * A write operation puts an item at its item key, or deletes the item there. A put is the mapped item itself, so that
 * the millions of puts of a backfill need no further objects.
 */
import type { ItemKey, MappedItem, Row } from '../model.js';

export type WriteOperation = MappedItem | ItemDelete;

/**
 * What a writer does with an operation on an item key whose earlier operation is not acknowledged yet.
 *
 * - `reject`: the writes of both fail with E_ITEM_KEY_SHARED. A backfill needs that: two rows have one item key.
 * - `supersede`: the later operation replaces an earlier one that is only queued, and waits behind one in flight. A
 *   change stream needs that: the latest state of an item key is the one that counts.
 */
export type KeyConflictPolicy = 'reject' | 'supersede';

/** Deletes the item at a key. If the key has no item, nothing changes. The object keeps no memory of mapped items. */
export class ItemDelete implements ItemKey {
  readonly keyHash: number;
  readonly keyText: string;
  readonly partition: string;
  /** Holds the key's text as UTF-8, from `start` to `end`. */
  readonly buffer: Buffer;
  readonly start = 0;
  readonly end: number;
  /**
   * Bytes that the writer debits from its budget before the service answers: those of one write unit. The service
   * charges a unit for each KB of the deleted item, whose size is unknown here.
   */
  readonly bytes = 1;

  /**
   * @param key its hash is that of a mapped item with this key
   * @param row the row whose item is deleted, with the cells that the caller knows: a report names it
   */
  constructor(
    { keyHash, keyText, partition }: ItemKey,
    readonly row: Row,
  ) {
    this.keyHash = keyHash;
    this.keyText = keyText;
    this.partition = partition;
    this.buffer = Buffer.from(keyText);
    this.end = this.buffer.length;
  }
}

export function isDelete(operation: WriteOperation): operation is ItemDelete {
  return operation instanceof ItemDelete;
}
