/**
 * BatchWriteItem on the wire: the request body joined from ready items, and what came of it.
 */
import { asFerryError } from '../core/errors.js';
import type { ItemAttributes, KeyNames } from './key-text.js';
import { keyTextOf } from './key-text.js';
import type { QueuedItem } from './partition-queue.js';
import type { RequestChannel } from './request-channel.js';
import { judge, RequestFailure, type Verdict } from './service-errors.js';

export const BATCH_WRITE = 'BatchWriteItem';

/** AWS, BatchWriteItem: at most 25 operations and 16 MB; a little less leaves room for the words around the items. */
export const MAX_OPERATIONS = 25;
export const MAX_ITEM_BYTES = 16_000_000;

/** Batches differ in length: room that fits most of the next ones. */
const SPARE = 1.25;
/** Batches of large items are rare, and their room is not worth keeping. */
const MAX_KEPT_BYTES = 256 * 1024;

const BETWEEN = Buffer.from('}},{"PutRequest":{"Item":');
const TAIL = Buffer.from('}}]},"ReturnConsumedCapacity":"INDEXES"}');

export class BatchWriteFormat {
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

  /** A body whose request was answered may be written over: nobody sends it again, and its signature fits no other bytes. */
  release(body: Buffer): void {
    if (body.buffer.byteLength <= MAX_KEPT_BYTES) this.#free.push(body.buffer);
  }

  #room(length: number): Buffer {
    const free = this.#free.pop();
    const room = free !== undefined && free.byteLength >= length ? free : new ArrayBuffer(Math.ceil(length * SPARE));
    return Buffer.from(room, 0, length);
  }

  /**
   * @returns null where the answer cannot be read, or speaks of items that were not sent: then nothing counts as written
   */
  answer(json: string, batch: readonly QueuedItem[]): BatchWriteAnswer | null {
    let parsed: RawAnswer;
    try {
      parsed = JSON.parse(json) as RawAnswer;
    } catch {
      return null;
    }
    const units = consumedUnits(parsed.ConsumedCapacity);
    // The only table of the request, by whichever of its names the service answers with.
    const unprocessed = Object.values(parsed.UnprocessedItems ?? {}).flat();
    if (unprocessed.length === 0) return { unprocessed: NONE, units };
    const byKey = new Map(batch.map((queued) => [queued.item.keyText, queued]));
    const found = new Set<QueuedItem>();
    for (const operation of unprocessed) {
      const key = keyTextOf(operation.PutRequest?.Item ?? {}, this.#names);
      const queued = key === null ? undefined : byKey.get(key);
      if (queued === undefined) return null;
      found.add(queued);
    }
    return { unprocessed: found, units };
  }
}

/** What came of one request: an answer, or what its failure means. */
export type BatchWriteOutcome =
  { readonly kind: 'answered'; readonly answer: BatchWriteAnswer } | (Verdict & { readonly failure: RequestFailure });

/** Sends one batch, once. Never rejects. */
export async function sendBatch(
  channel: RequestChannel,
  format: BatchWriteFormat,
  batch: readonly QueuedItem[],
): Promise<BatchWriteOutcome> {
  try {
    const body = format.body(batch);
    const answer = format.answer(await channel.post(BATCH_WRITE, body), batch);
    format.release(body);
    if (answer !== null) return { kind: 'answered', answer };
    return { kind: 'unavailable', ambiguous: true, failure: new RequestFailure('unreadable answer', 200, true) };
  } catch (thrown) {
    if (thrown instanceof RequestFailure) return { ...judge(thrown, BATCH_WRITE, format.table), failure: thrown };
    const error = asFerryError(thrown);
    return { kind: 'fatal', error, failure: new RequestFailure(error.code, 0, false) };
  }
}

export interface BatchWriteAnswer {
  readonly unprocessed: ReadonlySet<QueuedItem>;
  /** Write units of table and indexes; null where the service does not say. */
  readonly units: number | null;
}

const NONE: ReadonlySet<QueuedItem> = new Set();

interface RawAnswer {
  readonly ConsumedCapacity?: readonly { readonly CapacityUnits?: number }[];
  readonly UnprocessedItems?: Readonly<
    Record<string, readonly { readonly PutRequest?: { readonly Item?: ItemAttributes } }[]>
  >;
}

/** CapacityUnits is the whole of table and indexes, whether `INDEXES` is honoured or answered as `TOTAL`. */
export function consumedUnits(capacities: readonly { readonly CapacityUnits?: number }[] | undefined): number | null {
  let sum: number | null = null;
  for (const { CapacityUnits } of capacities ?? []) {
    if (typeof CapacityUnits === 'number') sum = (sum ?? 0) + CapacityUnits;
  }
  return sum;
}
