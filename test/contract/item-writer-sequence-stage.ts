/**
 * A stage for two operations on one item key: a writer behind a fault proxy. It controls what arrives when, and records
 * what it saw.
 */
import type { ItemWriter, WriteReceipt } from '../../src/core/ports/target-ports.js';
import { isDelete, ItemDelete, type WriteOperation } from '../../src/core/item/write-operation.js';
import type { DynamodbServer } from '../support/dynamodb.js';
import { type Fate, startFaultProxy } from '../support/fault-proxy.js';
import { PASS } from '../support/fault-proxy/fates.js';
import { sampleItem } from './item-writer-samples.js';
import { openTarget, type TargetOptions } from './item-writer-target.js';

/** Far more than a receipt takes to settle that waits for nothing. */
export const SOON_MS = 30;

const ORIGINAL = sampleItem('K', '1', 'original', '1');
const put = (body: string, version: string): WriteOperation => sampleItem('K', '1', body, version);

export const KEY_TEXT = ORIGINAL.keyText;

export function deleteOf(partition: string, sort: string): ItemDelete {
  const item = sampleItem(partition, sort);
  return new ItemDelete(item, item.row);
}

export interface Pair {
  readonly pair: string;
  readonly first: WriteOperation;
  readonly second: WriteOperation;
}

export const PAIRS: readonly Pair[] = [
  { pair: 'a put after a put', first: put('first', '2'), second: put('second', '3') },
  { pair: 'a delete after a put', first: put('first', '2'), second: deleteOf('K', '1') },
  { pair: 'a put after a delete', first: deleteOf('K', '1'), second: put('second', '3') },
  { pair: 'a delete after a delete', first: deleteOf('K', '1'), second: deleteOf('K', '1') },
];

/** Returns the entry of an operation as BatchWriteItem has it. */
export function entryOf(operation: WriteOperation): unknown {
  const value = JSON.parse(operation.buffer.toString('utf8', operation.start, operation.end)) as unknown;
  return isDelete(operation) ? { DeleteRequest: { Key: value } } : { PutRequest: { Item: value } };
}

/** The item key of an entry: no two requests may have it both. */
export function keyOfEntry(entry: string): string {
  const { PutRequest, DeleteRequest } = JSON.parse(entry) as Record<string, Record<string, Record<string, unknown>>>;
  const { pk, sk } = PutRequest?.['Item'] ?? DeleteRequest?.['Key'] ?? {};
  return JSON.stringify({ pk, sk });
}

/** The receipt, or the code that the write was rejected with. */
export async function outcome(write: Promise<WriteReceipt>): Promise<WriteReceipt | { readonly code: string }> {
  try {
    return await write;
  } catch (thrown) {
    return { code: (thrown as { code: string }).code };
  }
}

export async function settledBy(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), ms)));
  const settled = await Promise.race([promise.then(() => true), late]);
  clearTimeout(timer);
  return settled;
}

class Signal {
  give: () => void = () => undefined;
  readonly given = new Promise<void>((resolve) => (this.give = resolve));
}

type Outcome = ReturnType<typeof outcome>;

export interface Sequence extends AsyncDisposable {
  readonly writer: ItemWriter;
  /** Key texts of what may have been applied, as they were told. */
  readonly told: readonly string[];
  readonly races: readonly string[];
  /**
   * Writes both operations, the later one in that state of the earlier one; the request of the later one is held.
   * @param beforeAnswer called once the later one waits behind the one in flight
   */
  play(
    pair: Pair,
    when: string,
    fate: Fate,
    beforeAnswer?: () => unknown,
  ): Promise<{ readonly earlier: Outcome; readonly later: Outcome }>;
  arrived(which: 'later'): Promise<void>;
  letPass(which: 'later'): void;
  releaseHeld(): Promise<number>;
  /** Entries that arrived, in order. */
  sent(): readonly unknown[];
  stored(): Promise<readonly string[]>;
  /** Returns the items that the table holds at first. */
  before(): readonly string[];
  after(operation: WriteOperation): readonly string[];
}

/** The key has an item before: a delete has something to take away. */
export async function openSequence(server: DynamodbServer, options: TargetOptions): Promise<Sequence> {
  const [earlierArrived, laterArrived, letEarlier, letLater, retried] = Array.from(
    { length: 5 },
    () => new Signal(),
  ) as [Signal, Signal, Signal, Signal, Signal];
  let playing: { readonly when: string; readonly fate: Fate } | null = null;
  let requests = 0;
  const proxy = await startFaultProxy(
    server.endpoint,
    () => {
      if (playing === null) return PASS;
      const earlier = requests++ === 0 && playing.when !== 'queued';
      if (!earlier) {
        laterArrived.give();
        return { kind: 'after', done: letLater.given };
      }
      earlierArrived.give();
      return { kind: 'after', done: letEarlier.given, then: playing.fate };
    },
    undefined,
    { raceOf: keyOfEntry },
  );
  const target = await openTarget(server, {
    endpoint: proxy.endpoint,
    onEvent: ({ name }) => {
      if (name === 'request.retried') retried.give();
    },
    ...options,
  });
  await target.writer.write([ORIGINAL]);
  const before = proxy.requests.length;
  return {
    writer: target.writer,
    told: target.suspects,
    races: proxy.races,
    async play({ first, second }, when, fate, beforeAnswer) {
      playing = { when, fate };
      const write = async (operation: WriteOperation): Outcome => await outcome(target.writer.write([operation]));
      const earlier = write(first);
      if (when === 'queued') return { earlier, later: write(second) };
      await earlierArrived.given;
      if (when === 'in flight') {
        const later = write(second);
        beforeAnswer?.();
        // Long enough for a request that should not be sent yet.
        await settledBy(laterArrived.given, SOON_MS);
        if (proxy.requests.length > before + 1) throw new Error('the later one was sent beside the earlier one');
        letEarlier.give();
        return { earlier, later };
      }
      letEarlier.give();
      // The turn in which it is put back ends before this goes on, and its backoff is a timer's.
      await (when === 'ended' ? earlier : retried.given);
      return { earlier, later: write(second) };
    },
    arrived: () => laterArrived.given,
    letPass: () => letLater.give(),
    releaseHeld: () => proxy.releaseHeld(),
    sent: () =>
      proxy.requests.slice(before).flatMap(({ entries }) => entries.map((entry) => JSON.parse(entry) as unknown)),
    stored: () => target.stored(),
    before: () => [ORIGINAL.text],
    after: (operation) => (isDelete(operation) ? [] : [operation.text]),
    async [Symbol.asyncDispose]() {
      letEarlier.give();
      letLater.give();
      await target[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}
