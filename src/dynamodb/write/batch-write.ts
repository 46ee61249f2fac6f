/**
 * BatchWriteFormat speaks BatchWriteItem: it joins the request body from ready bytes, and reads the answer. Its writes
 * are unconditional: they overwrite or delete whatever is at a key.
 */
import { listIn, objectIn, ofTable, orUnreadable, UnreadableAnswer, unitsInList } from '../http/answer-shape.js';
import { ANSWER_WORDS_BYTES, ESCAPED } from '../http/answer-size.js';
import { isDelete, type WriteOperation } from '../../core/item/write-operation.js';
import type { KeyNames } from '../key-text.js';
import { keyTextOf } from '../key-text.js';
import type { QueuedOperation } from './queued-operation.js';
import { NONE, type WriteAnswer, type WriteFormat } from './write-format.js';

/** AWS, BatchWriteItem: at most 25 operations and 16 MB. A little less leaves room for the words around the items. */
export const MAX_OPERATIONS = 25;
export const MAX_BATCH_BYTES = 16_000_000;

/** A body gets this many times the bytes that it needs, so that its room fits most of the next ones. */
const SPARE = 1.25;
/** The room of a larger body is not kept: such bodies are rare. */
const MAX_KEPT_BYTES = 256 * 1024;

interface Opening {
  readonly put: Buffer;
  readonly delete: Buffer;
}

/** The text before the item of a put, and before the key of a delete. */
const FIRST: Opening = { put: Buffer.from('{"PutRequest":{"Item":'), delete: Buffer.from('{"DeleteRequest":{"Key":') };
const NEXT: Opening = {
  put: Buffer.from('}},{"PutRequest":{"Item":'),
  delete: Buffer.from('}},{"DeleteRequest":{"Key":'),
};
const TAIL = Buffer.from('}}]},"ReturnConsumedCapacity":"INDEXES"}');

export class BatchWriteFormat implements WriteFormat {
  readonly operation = 'BatchWriteItem';
  readonly maxItems = MAX_OPERATIONS;
  readonly takesDeletes = true;
  readonly #head: Buffer;
  readonly #names: KeyNames;
  /** The rooms of bodies that were answered, for the next bodies: the garbage collector need not look for them. */
  readonly #free: ArrayBufferLike[] = [];

  constructor(
    readonly table: string,
    names: KeyNames,
  ) {
    this.#names = names;
    this.#head = Buffer.from(`{"RequestItems":{${JSON.stringify(table)}:[`);
  }

  /** Copies the bytes of items and keys as they are. */
  body(batch: readonly QueuedOperation[]): Buffer {
    let length = this.#head.length + TAIL.length;
    let opening = FIRST;
    for (const { operation } of batch) {
      length += openingOf(operation, opening).length + operation.end - operation.start;
      opening = NEXT;
    }
    const body = this.#room(length);
    let at = this.#head.copy(body);
    opening = FIRST;
    for (const { operation } of batch) {
      at += openingOf(operation, opening).copy(body, at);
      at += operation.buffer.copy(body, at, operation.start, operation.end);
      opening = NEXT;
    }
    TAIL.copy(body, at);
    return body;
  }

  /**
   * Takes back the room of a body whose request was answered. Nothing sends it again, and its signature fits no other
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

  answer(json: string, batch: readonly QueuedOperation[]): WriteAnswer {
    return orUnreadable(() => {
      const parsed = objectIn(JSON.parse(json));
      const unprocessed = ofTable(parsed['UnprocessedItems'], this.table);
      const units = unitsInList(parsed['ConsumedCapacity'], this.table);
      const found = unprocessed === undefined ? NONE : this.#found(listIn(unprocessed), batch);
      return { unprocessed: found, newer: NONE, incomparable: false, units, indexed: true };
    });
  }

  #found(operations: readonly unknown[], batch: readonly QueuedOperation[]): ReadonlySet<QueuedOperation> {
    const byKey = new Map(batch.map((queued) => [queued.operation.keyText, queued]));
    const found = new Set<QueuedOperation>();
    for (const operation of operations) {
      const { PutRequest, DeleteRequest } = objectIn(operation);
      const deletes = PutRequest === undefined;
      const attributes = deletes ? objectIn(DeleteRequest)['Key'] : objectIn(PutRequest)['Item'];
      const key = keyTextOf(objectIn(attributes), this.#names);
      const queued = key === null ? undefined : byKey.get(key);
      // The answer names an operation that was not sent, or one twice: nothing in it can be trusted.
      if (queued === undefined || isDelete(queued.operation) !== deletes || found.has(queued)) {
        throw new UnreadableAnswer();
      }
      found.add(queued);
    }
    return found;
  }

  /** The service may return the whole request, with every character escaped. */
  answerBytes(body: Buffer): number {
    return ANSWER_WORDS_BYTES + ESCAPED * body.length;
  }

  conditionFailed(): null {
    return null;
  }
}

function openingOf(operation: WriteOperation, opening: Opening): Buffer {
  return isDelete(operation) ? opening.delete : opening.put;
}
