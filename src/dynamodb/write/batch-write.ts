/**
 * BatchWriteItem on the wire: the request body joined from ready items, and what the answer says of them.
 * Unconditional: whatever was at a key is overwritten.
 */
import { listIn, objectIn, ofTable, orUnreadable, UnreadableAnswer, unitsInList } from '../http/answer-shape.js';
import { ANSWER_WORDS_BYTES, ESCAPED } from '../http/answer-size.js';
import type { KeyNames } from '../key-text.js';
import { keyTextOf } from '../key-text.js';
import type { QueuedItem } from './partition-queue.js';
import { NONE, type WriteAnswer, type WriteFormat } from './write-format.js';

/** AWS, BatchWriteItem: at most 25 operations and 16 MB; a little less leaves room for the words around the items. */
export const MAX_OPERATIONS = 25;
export const MAX_ITEM_BYTES = 16_000_000;

/** Batches differ in length: room that fits most of the next ones. */
const SPARE = 1.25;
/** Batches of large items are rare, and their room is not worth keeping. */
const MAX_KEPT_BYTES = 256 * 1024;

const BETWEEN = Buffer.from('}},{"PutRequest":{"Item":');
const TAIL = Buffer.from('}}]},"ReturnConsumedCapacity":"INDEXES"}');

export class BatchWriteFormat implements WriteFormat {
  readonly operation = 'BatchWriteItem';
  readonly maxItems = MAX_OPERATIONS;
  readonly #head: Buffer;
  readonly #names: KeyNames;
  /** As many as were ever in flight at once: memory that the garbage collector need not look for. */
  readonly #free: ArrayBufferLike[] = [];

  constructor(
    readonly table: string,
    names: KeyNames,
  ) {
    this.#names = names;
    this.#head = Buffer.from(`{"RequestItems":{${JSON.stringify(table)}:[{"PutRequest":{"Item":`);
  }

  /** The items' bytes, copied as they are. */
  body(batch: readonly QueuedItem[]): Buffer {
    let length = this.#head.length + TAIL.length + BETWEEN.length * (batch.length - 1);
    for (const { item } of batch) length += item.end - item.start;
    const body = this.#room(length);
    let at = 0;
    for (const { item } of batch) {
      at += (at === 0 ? this.#head : BETWEEN).copy(body, at);
      at += item.buffer.copy(body, at, item.start, item.end);
    }
    TAIL.copy(body, at);
    return body;
  }

  /**
   * A body whose request was answered may be written over: nobody sends it again, and its signature fits no other
   * bytes.
   */
  release(body: Buffer): void {
    if (body.buffer.byteLength <= MAX_KEPT_BYTES) this.#free.push(body.buffer);
  }

  #room(length: number): Buffer {
    const free = this.#free.pop();
    const room = free !== undefined && free.byteLength >= length ? free : new ArrayBuffer(Math.ceil(length * SPARE));
    return Buffer.from(room, 0, length);
  }

  answer(json: string, batch: readonly QueuedItem[]): WriteAnswer {
    return orUnreadable(() => {
      const parsed = objectIn(JSON.parse(json));
      const unprocessed = ofTable(parsed['UnprocessedItems'], this.table);
      const units = unitsInList(parsed['ConsumedCapacity'], this.table);
      const found = unprocessed === undefined ? NONE : this.#found(listIn(unprocessed), batch);
      return { unprocessed: found, newer: NONE, incomparable: false, units, indexed: true };
    });
  }

  #found(operations: readonly unknown[], batch: readonly QueuedItem[]): ReadonlySet<QueuedItem> {
    const byKey = new Map(batch.map((queued) => [queued.item.keyText, queued]));
    const found = new Set<QueuedItem>();
    for (const operation of operations) {
      const { Item } = objectIn(objectIn(operation)['PutRequest']);
      const key = keyTextOf(objectIn(Item), this.#names);
      const queued = key === null ? undefined : byKey.get(key);
      // One that was not sent, or comes back twice: which of the others it is, nobody knows.
      if (queued === undefined || found.has(queued)) throw new UnreadableAnswer();
      found.add(queued);
    }
    return found;
  }

  /** All of the request may come back, its characters escaped. */
  answerBytes(body: Buffer): number {
    return ANSWER_WORDS_BYTES + ESCAPED * body.length;
  }

  refusal(): null {
    return null;
  }
}
