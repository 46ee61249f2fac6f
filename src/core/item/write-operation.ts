/**
 * A write operation puts an item at its item key, or deletes whatever is there. A put is the mapped item itself, so
 * that the millions of puts of a backfill need no object more.
 */
import type { ItemKey, MappedItem, Row } from '../model.js';

export type WriteOperation = MappedItem | ItemDelete;

/**
 * What a writer does with an operation on an item key whose earlier operation is not acknowledged yet.
 *
 * - `reject`: the writes of both fail with E_ITEM_KEY_SHARED. A backfill wants that: two rows have one item key.
 * - `supersede`: the later operation replaces an earlier one that is only queued, and waits behind one that is in
 *   flight. A change stream wants that: the later state of the same item key is the one that counts.
 */
export type KeyConflictPolicy = 'reject' | 'supersede';

/** Deletes the item at a key; a key without an item is left as it is. It keeps no memory of mapped items. */
export class ItemDelete implements ItemKey {
  readonly keyHash: number;
  readonly keyText: string;
  readonly partition: string;
  /** Holds the key's text as UTF-8, from `start` to `end`. */
  readonly buffer: Buffer;
  readonly start = 0;
  readonly end: number;
  /**
   * Bytes that the writer debits from its budget before the service answers: those of one write unit. The service takes
   * a unit for each KB of the item that it deletes, which is not known here.
   */
  readonly bytes = 1;

  /**
   * @param key its hash is the one that a mapped item with this key has
   * @param row the row whose item is deleted, as far as the caller knows its cells: for naming it in a report
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
