/**
 * The contract of ItemWriter for many operations on few item keys. It covers several operations in a row or in one
 * write, what fails together, and how much a writer accepts. After any sequence, the table holds what the last
 * operation of each key left.
 */
import { describe, expect, test } from 'vitest';
import type { MappedItem } from '../../src/core/model.js';
import type { WriteReceipt } from '../../src/core/ports/target-ports.js';
import type { WriteOperation } from '../../src/core/item/write-operation.js';
import { TokenBucket } from '../../src/dynamodb/capacity/token-bucket.js';
import { dynamodbServers } from '../support/dynamodb.js';
import { atRandom, type Fate, inOrder, seededRandom, startFaultProxy } from '../support/fault-proxy.js';
import { sampleItem, sampleItems } from './item-writer-samples.js';
import { deleteOf, keyOfEntry, openSequence, outcome, PAIRS, settledBy } from './item-writer-sequence-stage.js';
import { openTarget } from './item-writer-target.js';

const SEED = Number(process.env['DYNAFERRY_TEST_SEED'] ?? Date.now() % 1_000_000);
const SUPERSEDE = { keyConflicts: 'supersede' } as const;
const never = new AbortController().signal;

const [PUTS] = PAIRS;
const first = PUTS?.first ?? sampleItem('K', '1');
const third = sampleItem('K', '1', 'third', '3');
const INVALID: Fate = { kind: 'error', status: 400, name: 'ValidationException' };
/** No row is to blame for it: the write of the operation fails as a whole. */
const WRONG_KEYS: Fate = { ...INVALID, text: 'One of the required keys was not given a value: missing the key sk' };

describe.each(dynamodbServers)('ItemWriter contract, many operations: $name', (server) => {
  test('the item writer sends only the last of several queued operations on one key, and each receipt waits for it', async () => {
    await using stage = await openSequence(server, SUPERSEDE);
    const { earlier, later } = await stage.play({ pair: '', first, second: deleteOf('K', '1') }, 'queued', {
      kind: 'pass',
    });
    const next = [sampleItem('K', '1', 'x', '4'), deleteOf('K', '1'), third];
    const others = next.map(async (operation) => await outcome(stage.writer.write([operation])));
    await stage.arrived('later');
    for (const each of [earlier, later, ...others]) expect(await settledBy(each, 1)).toBe(false);
    stage.letPass('later');
    const receipts = await Promise.all([earlier, later, ...others]);
    const superseded = { items: 1, newer: 0, superseded: 1, units: 0 };
    expect(receipts).toEqual([
      ...Array.from({ length: 4 }, () => superseded),
      { ...superseded, superseded: 0, units: 1 },
    ]);
    expect(stage.sent().length).toBe(1);
    expect(await stage.stored()).toEqual([third.text]);
  });

  test('behind a request in flight, the item writer sends only the last of several later operations on its key', async () => {
    await using stage = await openSequence(server, SUPERSEDE);
    const between: Promise<unknown>[] = [];
    const { earlier, later } = await stage.play(
      { pair: '', first, second: deleteOf('K', '1') },
      'in flight',
      { kind: 'unprocessed', share: 1 },
      () => between.push(...[sampleItem('K', '1', 'x', '4'), third].map((each) => outcome(stage.writer.write([each])))),
    );
    await stage.arrived('later');
    stage.letPass('later');
    expect(await Promise.all([earlier, later, ...between])).toMatchObject([
      { superseded: 1, units: 0 },
      { superseded: 1, units: 0 },
      { superseded: 1, units: 0 },
      { superseded: 0, units: 1 },
    ]);
    expect(stage.sent().length).toBe(2);
    expect(await stage.stored()).toEqual([third.text]);
  });

  test('the item writer applies operations of one write in order, so the table holds the last one of each key', async () => {
    await using target = await openTarget(server, SUPERSEDE);
    const write = [first, deleteOf('K', '1'), sampleItem('L', '1'), third, deleteOf('L', '1')];
    expect(await target.writer.write(write)).toMatchObject({ items: 5, newer: 0, superseded: 3 });
    expect(await target.stored()).toEqual([third.text]);
  });

  test.each([
    ['for its row', INVALID],
    ['for no row’s fault', WRONG_KEYS],
  ])('the item writer refuses the write of a replaced operation when the later one is refused %s', async (_, fate) => {
    await using proxy = await startFaultProxy(server.endpoint, inOrder(fate));
    await using target = await openTarget(server, { ...SUPERSEDE, endpoint: proxy.endpoint });
    const writes = [first, third].map(async (each) => await outcome(target.writer.write([each])));
    expect(await Promise.all(writes)).toEqual([{ code: 'E_TARGET_REQUEST' }, { code: 'E_TARGET_REQUEST' }]);
    expect(await target.stored()).toEqual([]);
    expect(await target.writer.write([third])).toMatchObject({ items: 1, superseded: 0 });
  });

  test('a dropped later operation takes down the write of the operation that it replaced, and no other write', async () => {
    await using proxy = await startFaultProxy(server.endpoint, ({ ordinal, body }) =>
      ordinal === 0 ? { kind: 'throttle' } : body.includes('bad') ? WRONG_KEYS : { kind: 'pass' },
    );
    let retried: () => void = () => undefined;
    const parked = new Promise<void>((resolve) => (retried = resolve));
    await using target = await openTarget(server, {
      ...SUPERSEDE,
      endpoint: proxy.endpoint,
      // The key waits for some seconds.
      random: () => 40,
      onEvent: ({ name }) => {
        if (name === 'request.retried') retried();
      },
    });
    const replaced = outcome(target.writer.write([sampleItem('K', '1'), sampleItem('L', '1')]));
    await parked;
    const failing = outcome(target.writer.write([sampleItem('A', 'bad'), third]));
    const other = outcome(target.writer.write([sampleItem('M', '1')]));
    expect(await Promise.all([failing, replaced])).toEqual([
      { code: 'E_TARGET_REQUEST' },
      { code: 'E_TARGET_REQUEST' },
    ]);
    expect(await other).toMatchObject({ items: 1 });
    // Nothing of either write still waits, so the keys are free.
    expect(await target.writer.write([sampleItem('L', '1', 'again')])).toMatchObject({ items: 1, superseded: 0 });
    expect(proxy.requests.filter(({ body }) => body.includes('"third"'))).toEqual([]);
  });

  test('close() of the item writer ends a queued operation with E_INTERRUPTED, and the request before it with its answer', async () => {
    await using stage = await openSequence(server, SUPERSEDE);
    let closed: Promise<void> | undefined;
    const { earlier, later } = await stage.play(
      { pair: '', first, second: third },
      'in flight',
      { kind: 'pass' },
      () => {
        closed = stage.writer.close();
      },
    );
    expect(await later).toEqual({ code: 'E_INTERRUPTED' });
    expect(await earlier).toMatchObject({ items: 1, superseded: 0 });
    await closed;
    expect(await stage.stored()).toEqual(stage.after(first));
  });

  test('a replaced operation takes room in the item writer until the later operation is acknowledged', async () => {
    await using target = await openTarget(server, { ...SUPERSEDE, maxInFlightRequests: 1 });
    const writes = Array.from({ length: 100 }, (_, i) =>
      target.writer.write([sampleItem('K', '1', 'x', String(i % 10))]),
    );
    let room = false;
    const waiting = target.writer.waitForRoom(never).then(() => (room = true));
    await Promise.resolve();
    expect(room).toBe(false);
    await Promise.all([waiting, ...writes]);
    expect(await target.stored()).toEqual([sampleItem('K', '1', 'x', '9').text]);
    await target.writer.waitForRoom(never);
  });

  test('the item writer debits a delete as one unit, then corrects the budget by what the delete consumed', async () => {
    const budget = new TokenBucket(1e6);
    await using target = await openTarget(server, { budget });
    await target.writer.write([sampleItem('K', '1', 'x'.repeat(4_500))]);
    const before = budget.consumed;
    const receipt = await target.writer.write([deleteOf('K', '1')]);
    const debited = target.events.flatMap(({ name, payload }) => (name === 'batch.sent' ? [payload.units] : [])).at(-1);
    expect(debited).toBeLessThan(10);
    expect(receipt).toEqual({ items: 1, newer: 0, superseded: 0, units: 5 });
    expect(budget.consumed - before).toBe(5);
    expect(await target.stored()).toEqual([]);
  });

  test('deletes of large items do not raise what the item writer debits for puts, but what it debits for deletes', async () => {
    await using target = await openTarget(server);
    const large = (partition: string): MappedItem[] => sampleItems(10, 10, partition, 'x'.repeat(4_500));
    const deletes = (items: readonly MappedItem[]): readonly WriteOperation[] =>
      items.map(({ row: [partition, sort] }) => deleteOf(String(partition), String(sort)));
    await target.writer.write([...large('A'), ...large('B')]);
    await target.writer.write(deletes(large('A')));
    await target.writer.write(sampleItems(10, 10));
    await target.writer.write(deletes(large('B')));
    const debits = target.events.flatMap(({ name, payload }) => (name === 'batch.sent' ? [payload.units] : []));
    expect(debits).toEqual([100, 10, 10, 50]);
  });

  test('the receipts of one batch of puts and deletes count its units by what puts and deletes cost before', async () => {
    await using target = await openTarget(server);
    const items = [sampleItem('K', '1', 'x'.repeat(4_500)), sampleItem('L', '1', 'x'.repeat(4_500))];
    await target.writer.write(items);
    await target.writer.write([deleteOf('K', '1')]);
    const receipts = await Promise.all([
      target.writer.write([sampleItem('M', '1')]),
      target.writer.write([deleteOf('L', '1')]),
    ]);
    expect(receipts.map(({ units }) => units)).toEqual([1, 5]);
  });

  test('the item writer sends unprocessed puts and deletes of one batch again, each by its kind and key', async () => {
    const half: Fate = { kind: 'unprocessed', share: 0.5 };
    await using proxy = await startFaultProxy(server.endpoint, inOrder(half, half, half, half));
    await using target = await openTarget(server, { endpoint: proxy.endpoint });
    await target.writer.write(sampleItems(10, 10));
    const put = sampleItems(10, 10, 'B');
    const deletes = sampleItems(10, 10).map((item) => deleteOf(String(item.row[0]), String(item.row[1])));
    expect(await target.writer.write([...put, ...deletes])).toMatchObject({ items: 20, superseded: 0 });
    expect([...(await target.stored())].sort()).toEqual(put.map(({ text }) => text).sort());
  });

  test('the item writer beside a live writer refuses deletes with E_LIVE_WRITER, as a late put could bring the item back', async () => {
    await using target = await openTarget(server, { ...SUPERSEDE, conditional: true });
    const item = sampleItem('K', '1');
    await target.writer.write([item]);
    const [refused, other] = [
      target.writer.write([sampleItem('L', '1'), deleteOf('K', '1')]),
      target.writer.write([third]),
    ];
    await expect(refused).rejects.toMatchObject({ code: 'E_LIVE_WRITER' });
    expect(await other).toMatchObject({ items: 1 });
    expect(await target.stored()).toEqual([third.text]);
  });

  test('the item writer beside a live writer replaces a queued put by a later one, whose condition decides', async () => {
    await using target = await openTarget(server, { ...SUPERSEDE, conditional: true });
    const versions = ['2', '3', '4'].map((version) => sampleItem('K', '1', 'row', version));
    const receipts = await Promise.all(versions.map(async (item) => await target.writer.write([item])));
    expect(receipts.map(({ superseded, newer }) => [superseded, newer])).toEqual([
      [1, 0],
      [1, 0],
      [0, 0],
    ]);
    expect(await target.stored()).toEqual([versions[2]?.text]);
  });

  test(`the item writer leaves the last operation of each key after any sequence of operations (seed ${String(SEED)})`, async () => {
    const random = seededRandom(SEED);
    const fates: Fate[] = [
      { kind: 'unprocessed', share: 0.4 },
      { kind: 'unprocessed', share: 1 },
      { kind: 'throttle', reasons: ['TableWriteKeyRangeThroughputExceeded'] },
      { kind: 'throttle' },
      { kind: 'reset', applied: true },
      { kind: 'reset', applied: false },
      { kind: 'error', status: 500, name: 'InternalServerError', applied: true },
      { kind: 'garbled', applied: true },
      { kind: 'late', ms: 10 },
    ];
    const plan = atRandom(random, 0.5, fates);
    await using proxy = await startFaultProxy(server.endpoint, plan, random, { raceOf: keyOfEntry });
    await using target = await openTarget(server, {
      ...SUPERSEDE,
      endpoint: proxy.endpoint,
      maxInFlightRequests: 3,
      random,
    });
    const pick = (count: number): number => Math.floor(random() * count);
    const model = new Map<string, string | null>();
    const writes: Promise<WriteReceipt>[] = [];
    let asked = 0;
    for (let step = 0; step < 150; step++) {
      const operations = Array.from({ length: 1 + pick(5) }, (): WriteOperation => {
        const [partition, sort] = [`P${String(pick(3))}`, String(pick(4))];
        const operation =
          random() < 0.4
            ? deleteOf(partition, sort)
            : sampleItem(partition, sort, `step ${String(step)}`, String(pick(99)));
        model.set(operation.keyText, 'text' in operation ? operation.text : null);
        return operation;
      });
      asked += operations.length;
      await target.writer.waitForRoom(AbortSignal.timeout(20_000));
      writes.push(target.writer.write(operations));
      if (random() < 0.3) await new Promise((resolve) => setTimeout(resolve, pick(8)));
    }
    const receipts = await Promise.all(writes);
    const total = (of: (receipt: WriteReceipt) => number): number => receipts.reduce((sum, each) => sum + of(each), 0);
    expect(total(({ items }) => items)).toBe(asked);
    expect(total(({ superseded }) => superseded)).toBeGreaterThan(0);
    const acknowledged = target.events.reduce(
      (sum, { name, payload }) => sum + (name === 'batch.acknowledged' ? payload.items : 0),
      0,
    );
    expect(total(({ superseded }) => superseded)).toBe(asked - acknowledged);
    expect([...(await target.stored())].sort()).toEqual([...model.values()].filter((text) => text !== null).sort());
    expect(proxy.races).toEqual([]);
  });
});
