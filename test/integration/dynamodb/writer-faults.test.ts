/** The writer against a DynamoDB that misbehaves: whatever happens, what is acknowledged is there, once and whole. */
import { describe, expect, test } from 'vitest';
import type { MappedItem } from '../../../src/core/model.js';
import { TokenBucket } from '../../../src/dynamodb/capacity/token-bucket.js';
import { sampleItem, sampleItems } from '../../contract/item-writer-samples.js';
import { openTarget, type TargetUnderTest } from '../../contract/item-writer-target.js';
import { dynamodbServers } from '../../support/dynamodb.js';
import { atRandom, type Fate, inOrder, seededRandom, startFaultProxy } from '../../support/fault-proxy.js';
import { bytesOf } from '../../support/mapped-item.js';

/** Where no answer comes; long enough for those that do, on a machine that is busy. */
const TIMEOUTS = { connectTimeoutMs: 2000, answerTimeoutMs: 2000 };
const SEED = Number(process.env['DYNAFERRY_TEST_SEED'] ?? Date.now() % 1_000_000);

const textsOf = (items: readonly MappedItem[]): readonly string[] => items.map((item) => item.text).sort();
const sorted = async (target: TargetUnderTest): Promise<readonly string[]> => [...(await target.stored())].sort();

function payloads(target: TargetUnderTest, name: string): readonly Record<string, unknown>[] {
  return target.events
    .filter((event) => event.name === name)
    .map((event) => event.payload as unknown as Record<string, unknown>);
}

describe.each(dynamodbServers)('writer faults: $name', (server) => {
  test('the item writer sends unprocessed items again until none is left', async () => {
    const unprocessed: Fate = { kind: 'unprocessed', share: 0.4 };
    await using proxy = await startFaultProxy(
      server.endpoint,
      inOrder(unprocessed, unprocessed, { kind: 'unprocessed', share: 1 }),
    );
    await using target = await openTarget(server, { endpoint: proxy.endpoint });
    const items = sampleItems(60, 5, 'A', 'héllo "wörld" \\ 你好 😀\n');
    expect(await target.writer.write(items)).toEqual({ items: 60, newer: 0, superseded: 0, units: 60 });
    expect(await sorted(target)).toEqual(textsOf(items));
    expect(payloads(target, 'request.retried').every((retry) => retry['reason'] === 'UnprocessedItems')).toBe(true);
    expect(target.suspects).toEqual([]);
    const acknowledged = payloads(target, 'batch.acknowledged').reduce((sum, event) => sum + Number(event['items']), 0);
    expect(acknowledged).toBe(60);
    // What waits out its backoff is no reason for a request: one without items, of which the service would complain.
    const sent = payloads(target, 'batch.sent');
    expect(sent.filter(({ items, units }) => Number(items) < 1 || units !== items)).toEqual([]);
  });

  test('the item writer counts only attempts without any progress', async () => {
    const fates: Fate[] = [
      { kind: 'unprocessed', share: 0.5 },
      { kind: 'unprocessed', share: 0.5 },
      { kind: 'throttle' },
      { kind: 'throttle' },
    ];
    await using proxy = await startFaultProxy(server.endpoint, inOrder(...fates));
    await using target = await openTarget(server, { endpoint: proxy.endpoint, maxInFlightRequests: 1 });
    await target.writer.write(sampleItems(20, 1));
    expect(payloads(target, 'request.retried').map((retry) => retry['attempt'])).toEqual([0, 0, 1, 2]);
  });

  test.each([
    ['ProvisionedThroughputExceededException', 'ThrottlingReasons', ['TableWriteProvisionedThroughputExceeded']],
    ['ThrottlingException', 'throttlingReasons', ['IndexWriteMaxOnDemandThroughputExceeded']],
    ['RequestLimitExceeded', 'ThrottlingReasons', undefined],
  ])('the item writer retries after %s, and reports it with its reasons', async (name, spelling, reasons) => {
    const fate: Fate = { kind: 'throttle', name, spelling, ...(reasons && { reasons }) };
    await using proxy = await startFaultProxy(server.endpoint, inOrder(fate));
    await using target = await openTarget(server, { endpoint: proxy.endpoint });
    const items = sampleItems(5, 5);
    await target.writer.write(items);
    expect(await sorted(target)).toEqual(textsOf(items));
    expect(payloads(target, 'target.throttled')).toEqual([{ shard: 's01', items: 5, reasons: reasons ?? [] }]);
    expect(payloads(target, 'request.retried')).toMatchObject([{ reason: name, attempt: 1, ambiguous: false }]);
  });

  test('a hot key range stops the item writer for its own partition key alone', async () => {
    const reasons = ['TableWriteKeyRangeThroughputExceeded'];
    const isHot = (entries: readonly string[]): boolean => entries.some((entry) => entry.includes('"hot"'));
    let refusals = 6;
    await using proxy = await startFaultProxy(server.endpoint, ({ entries }) =>
      isHot(entries) && refusals-- > 0 ? { kind: 'throttle', reasons } : { kind: 'pass' },
    );
    await using target = await openTarget(server, {
      endpoint: proxy.endpoint,
      maxInFlightRequests: 1,
      random: () => 0.999,
    });
    let hotDone = false;
    const hot = target.writer.write(Array.from({ length: 25 }, (_, i) => sampleItem('hot', String(i)))).then(() => {
      hotDone = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    await target.writer.write(sampleItems(200, 10, 'cold'));
    expect(hotDone).toBe(false);
    refusals = 0;
    await hot;
    expect((await target.stored()).length).toBe(225);
  });

  test.each<[string, Fate, boolean]>([
    ['a reset after it was applied', { kind: 'reset', applied: true }, true],
    ['a reset before it was applied', { kind: 'reset', applied: false }, true],
    ['no answer in time', { kind: 'hang', applied: true }, true],
    [
      'InternalServerError after it was applied',
      { kind: 'error', status: 500, name: 'InternalServerError', applied: true },
      true,
    ],
    ['ServiceUnavailable', { kind: 'error', status: 503, name: 'ServiceUnavailable' }, true],
    ['an answer cut off', { kind: 'garbled', applied: true }, true],
    ['a throttle, which is surely not applied', { kind: 'throttle' }, false],
  ])('the item writer reports suspects before it retries, after %s', async (_, fate, ambiguous) => {
    const arrived: number[] = [];
    await using proxy = await startFaultProxy(server.endpoint, inOrder(fate));
    const told: string[] = [];
    await using target = await openTarget(server, {
      endpoint: proxy.endpoint,
      ...(fate.kind === 'hang' && { timeouts: TIMEOUTS }),
      onSuspects: (keys) => {
        arrived.push(proxy.requests.length);
        told.push(...keys);
      },
    });
    const items = sampleItems(8, 2);
    await target.writer.write(items);
    expect(await sorted(target)).toEqual(textsOf(items));
    expect(payloads(target, 'request.retried')).toMatchObject([{ operation: 'BatchWriteItem', ambiguous }]);
    expect([...told].sort()).toEqual(ambiguous ? items.map((item) => item.keyText).sort() : []);
    if (ambiguous) expect(arrived).toEqual([1]);
    expect(proxy.requests.length).toBeGreaterThan(1);
  });

  test('the item writer stops the run, and repeats nothing, where it cannot record suspects', async () => {
    await using proxy = await startFaultProxy(server.endpoint, inOrder({ kind: 'reset', applied: true }));
    await using target = await openTarget(server, {
      endpoint: proxy.endpoint,
      onSuspects: () => {
        throw new Error('disk full');
      },
    });
    await expect(target.writer.write(sampleItems(5, 5))).rejects.toMatchObject({ code: 'E_INTERNAL' });
    expect(proxy.requests.length).toBe(1);
  });

  test('the item writer fails with E_TARGET_CONNECT once its patience is over with an endpoint that refuses connections', async () => {
    const closed = await startFaultProxy(server.endpoint, inOrder());
    await closed[Symbol.asyncDispose]();
    await using target = await openTarget(server, {
      endpoint: closed.endpoint,
      retryTimeoutSeconds: 0.5,
      timeouts: TIMEOUTS,
    });
    await expect(target.writer.write(sampleItems(30, 30))).rejects.toMatchObject({ code: 'E_TARGET_CONNECT' });
    expect(target.suspects).toEqual([]);
    await expect(target.writer.waitForRoom(new AbortController().signal)).rejects.toMatchObject({
      code: 'E_TARGET_CONNECT',
    });
  });

  test.each<[string, Fate]>([
    ['refuses all requests', { kind: 'throttle' }],
    ['answers that nothing was processed', { kind: 'unprocessed', share: 1 }],
  ])('the item writer fails with E_TARGET_UNAVAILABLE when its patience ends with a table that %s', async (_, fate) => {
    await using proxy = await startFaultProxy(server.endpoint, () => fate);
    await using target = await openTarget(server, { endpoint: proxy.endpoint, retryTimeoutSeconds: 0.5 });
    await expect(target.writer.write(sampleItems(30, 30))).rejects.toMatchObject({ code: 'E_TARGET_UNAVAILABLE' });
  });

  test('the item writer does not count waits for a small budget between two failures as patience', async () => {
    await using proxy = await startFaultProxy(server.endpoint, inOrder({ kind: 'throttle' }, { kind: 'throttle' }));
    // Ten units for an item, and what was refused stays debited: the next try comes two seconds later.
    const budget = new TokenBucket(5);
    await using target = await openTarget(server, { endpoint: proxy.endpoint, retryTimeoutSeconds: 1, budget });
    const items = sampleItems(1, 1, 'A', 'x'.repeat(10_000));
    expect(await target.writer.write(items)).toMatchObject({ items: 1 });
    expect(payloads(target, 'request.retried')).toHaveLength(2);
  });

  test.each([
    ['AccessDeniedException', 'E_TARGET_ACCESS'],
    ['UnrecognizedClientException', 'E_TARGET_CREDENTIALS'],
    ['ExpiredTokenException', 'E_TARGET_CREDENTIALS'],
    ['InvalidSignatureException', 'E_TARGET_CREDENTIALS'],
    ['ResourceNotFoundException', 'E_TARGET_GONE'],
    ['SomethingNewException', 'E_TARGET_REQUEST'],
  ])('%s ends the run of the item writer with %s, and its message shows no text of the service', async (name, code) => {
    await using proxy = await startFaultProxy(server.endpoint, () => ({
      kind: 'error',
      status: 400,
      name,
      date: new Date(),
    }));
    await using target = await openTarget(server, { endpoint: proxy.endpoint });
    const [one, two] = await Promise.allSettled([
      target.writer.write(sampleItems(30, 3)),
      target.writer.write(sampleItems(30, 3, 'B')),
    ]);
    expect([one, two]).toMatchObject([{ reason: { code } }, { reason: { code } }]);
    const { message, hint } = (one as { reason: { message: string; hint: string } }).reason;
    expect(message).toContain(name);
    expect(message + hint).not.toContain('SECRET');
  });

  test('the item writer corrects its clock by the clock of the service', async () => {
    const date = new Date(Date.now() + 40 * 60_000);
    await using proxy = await startFaultProxy(
      server.endpoint,
      inOrder({ kind: 'error', status: 400, name: 'InvalidSignatureException', date }),
    );
    await using target = await openTarget(server, { endpoint: proxy.endpoint });
    await target.writer.write(sampleItems(5, 5));
    const dates = proxy.requests.map((request) => String(request.headers['x-amz-date']).slice(0, 13));
    expect(dates[1]).toBe(date.toISOString().replace(/[-:]/g, '').slice(0, 13));
    expect(payloads(target, 'request.retried')).toEqual([]);
  });

  test('the item writer fails the write of a refused item alone, not those of the other items in its batch', async () => {
    await using target = await openTarget(server);
    const good = sampleItem('A', 'bad', 'SECRET');
    const bad: MappedItem = { ...good, ...bytesOf('{"pk":{"S":"A"},"body":{"S":"SECRET"}}') };
    const [one, two, three] = await Promise.allSettled([
      target.writer.write(sampleItems(10, 2, 'X')),
      target.writer.write([...sampleItems(10, 2, 'Y'), bad]),
      target.writer.write(sampleItems(10, 2, 'Z')),
    ]);
    expect([one, three]).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }]);
    expect(two).toMatchObject({ status: 'rejected', reason: { code: 'E_TARGET_REQUEST', cause: { row: bad.row } } });
    expect((two as { reason: Error }).reason.message).not.toContain('SECRET');
  });

  test('the item writer counts the computed units for an answer without ConsumedCapacity', async () => {
    await using proxy = await startFaultProxy(server.endpoint, () => ({ kind: 'no capacity' }));
    await using target = await openTarget(server, { endpoint: proxy.endpoint });
    expect(await target.writer.write(sampleItems(10, 2, 'A', 'x'.repeat(1500)))).toEqual({
      items: 10,
      newer: 0,
      superseded: 0,
      units: 20,
    });
  });

  test('the item writer keeps its limits of requests in flight, operations and keys per batch, and mixes partitions', async () => {
    await using proxy = await startFaultProxy(server.endpoint, () => ({ kind: 'late', ms: 20 }));
    await using target = await openTarget(server, { endpoint: proxy.endpoint, maxInFlightRequests: 3 });
    const items = Array.from({ length: 10 }, (_, p) =>
      Array.from({ length: 50 }, (_, i) => sampleItem(`P${String(p)}`, String(i))),
    );
    await target.writer.write(items.flat());
    expect(proxy.mostAtOnce).toBe(3);
    expect(proxy.requests.length).toBe(20);
    for (const { entries } of proxy.requests) {
      expect(entries.length).toBe(25);
      const partitions = entries.map(
        (entry) => (JSON.parse(entry) as { PutRequest: { Item: { pk: { S: string } } } }).PutRequest.Item.pk.S,
      );
      expect(new Set(partitions).size).toBe(10);
    }
  });

  test('the item writer with a budget of 100 WCU takes at least 2.4 seconds for 300 items', async () => {
    await using target = await openTarget(server, { budget: new TokenBucket(100), maxInFlightRequests: 8 });
    const begun = performance.now();
    await target.writer.write(sampleItems(300, 30));
    expect(performance.now() - begun).toBeGreaterThan(2400);
  });

  test('the item writer pays for the writes of an index, and counts them in the receipt', async () => {
    const budget = new TokenBucket(50);
    const index = {
      name: 'by_body',
      partitionKey: { name: 'body', type: 'S' },
      sortKey: null,
      projection: 'all',
    } as const;
    await using target = await openTarget(server, { budget, indexes: [index] });
    // dynalite charges for no index.
    const units = server.name === 'dynalite' ? 25 : 50;
    while (budget.tryTake(1)); // what was saved up meanwhile
    const begun = performance.now();
    expect(await target.writer.write(sampleItems(25, 25))).toEqual({ items: 25, newer: 0, superseded: 0, units });
    await budget.take(0, AbortSignal.timeout(10_000));
    expect(performance.now() - begun).toBeGreaterThan((units / 50) * 900);
  });

  test(`the item writer stores every item despite random faults, and never sends a key twice at once (seed ${String(SEED)})`, async () => {
    const random = seededRandom(SEED);
    const fates: Fate[] = [
      { kind: 'unprocessed', share: 0.3 },
      { kind: 'unprocessed', share: 1 },
      { kind: 'throttle', reasons: ['TableWriteKeyRangeThroughputExceeded'] },
      { kind: 'throttle' },
      { kind: 'reset', applied: true },
      { kind: 'reset', applied: false },
      { kind: 'error', status: 500, name: 'InternalServerError', applied: true },
      { kind: 'garbled', applied: true },
      { kind: 'no capacity' },
      { kind: 'late', ms: 30 },
    ];
    await using proxy = await startFaultProxy(server.endpoint, atRandom(random, 0.4, fates), random);
    await using target = await openTarget(server, {
      endpoint: proxy.endpoint,
      maxInFlightRequests: 6,
      random,
    });
    const items = sampleItems(1200, 40);
    const writes: Promise<unknown>[] = [];
    for (let i = 0; i < items.length; i += 100) {
      await target.writer.waitForRoom(AbortSignal.timeout(20_000));
      writes.push(target.writer.write(items.slice(i, i + 100)));
    }
    await Promise.all(writes);
    expect(await sorted(target)).toEqual(textsOf(items));
    expect(proxy.races).toEqual([]);
  });
});
