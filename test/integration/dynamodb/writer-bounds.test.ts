/** What the writer bears, what it pays, and what it waits for. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { sampleItem, sampleItems } from '../../contract/item-writer-samples.js';
import { openTarget, type TargetUnderTest } from '../../contract/item-writer-target.js';
import { dynamodbServers } from '../../support/dynamodb.js';
import { type Fate, inOrder, startFaultProxy } from '../../support/fault-proxy.js';
import { bytesOf } from '../../support/mapped-item.js';
import { SeenBucket } from '../../support/seen-bucket.js';

const never = new AbortController().signal;
/** 3 units. */
const BODY = 'x'.repeat(2_500);

function payloads(target: TargetUnderTest, name: string): readonly Record<string, unknown>[] {
  return target.events
    .filter((event) => event.name === name)
    .map((event) => event.payload as unknown as Record<string, unknown>);
}

describe.each(dynamodbServers)('bounds: $name', (server) => {
  test('the patience of the item writer counts from its last progress, so occasional failures never end a run', async () => {
    let requests = 0;
    await using proxy = await startFaultProxy(server.endpoint, () =>
      requests++ % 2 === 0 ? { kind: 'error', status: 503, name: 'ServiceUnavailable' } : { kind: 'pass' },
    );
    await using target = await openTarget(server, {
      endpoint: proxy.endpoint,
      maxInFlightRequests: 1,
      retryTimeoutSeconds: 0.6,
      random: () => 0,
    });
    for (let i = 0; i < 5; i++) {
      await target.writer.write([sampleItem('A', String(i))]);
      expect((await target.reader.read([sampleItem('A', String(i))], never)).found.length).toBe(1);
      await sleep(200);
    }
    expect(payloads(target, 'request.retried').length).toBe(10);
  });

  test.each<[string, Fate]>([
    ['answers that processed nothing', { kind: 'unprocessed', share: 1 }],
    ['refusals', { kind: 'throttle' }],
    ['errors', { kind: 'error', status: 500, name: 'InternalServerError' }],
  ])('the item writer and the item reader wait longer after each of several %s', async (_, fate) => {
    let left = 4;
    await using proxy = await startFaultProxy(server.endpoint, () => (left-- > 0 ? fate : { kind: 'pass' }));
    await using target = await openTarget(server, {
      endpoint: proxy.endpoint,
      maxInFlightRequests: 1,
      random: () => 0.5,
    });
    const items = sampleItems(3, 3);
    await target.writer.write(items);
    const told = (operation: string) =>
      payloads(target, 'request.retried')
        .filter((retry) => retry['operation'] === operation)
        .map((retry) => [retry['attempt'], retry['delayMs']]);
    const growing = [1, 2, 3, 4].map((attempt) => [attempt, 25 * 2 ** attempt]);
    expect(told('BatchWriteItem')).toEqual(growing);
    left = 4;
    await target.reader.read(items, never);
    expect(told('BatchGetItem')).toEqual(growing);
  });

  test('the item writer waits longer after a hot key range, and reports it as a throttle with its own reasons', async () => {
    const reasons = ['TableWriteKeyRangeThroughputExceeded'];
    await using proxy = await startFaultProxy(server.endpoint, inOrder({ kind: 'throttle', reasons }));
    await using target = await openTarget(server, { endpoint: proxy.endpoint, random: () => 0.5 });
    await target.writer.write(sampleItems(2, 1));
    expect(payloads(target, 'request.retried')).toMatchObject([{ attempt: 1, delayMs: 250, throttled: true }]);
    expect(payloads(target, 'target.throttled')).toMatchObject([{ items: 2, reasons }]);
  });

  test.each<[string, Fate | 'refused connections', number]>([
    ['keeps a throttled write debited, so that futile attempts have a limited rate', { kind: 'throttle' }, 30],
    ['keeps a write debited that may have been applied', { kind: 'reset', applied: true }, 30],
    ['keeps a write debited whose answer it cannot read', { kind: 'garbled', applied: true }, 30],
    ['credits a write that surely did not happen', 'refused connections', 0],
    ['credits a write that no retry could change', { kind: 'error', status: 400, name: 'AccessDeniedException' }, 0],
  ])('the item writer %s', async (_, fate, kept) => {
    const budget = new SeenBucket(1_000_000);
    await using proxy = await startFaultProxy(server.endpoint, () =>
      fate === 'refused connections' ? { kind: 'pass' } : fate,
    );
    await using target = await openTarget(server, {
      endpoint: proxy.endpoint,
      budget,
      retryTimeoutSeconds: 0,
    });
    if (fate === 'refused connections') await proxy[Symbol.asyncDispose]();
    await expect(target.writer.write(sampleItems(10, 10, 'A', BODY))).rejects.toThrow('BatchWriteItem');
    expect(budget.debited).toBeCloseTo(kept);
    expect(budget.consumed).toBe(0);
    expect(payloads(target, 'batch.sent')).toEqual([{ shard: 's01', items: 10, units: 30 }]);
  });

  test('the item writer pays for the written part of a batch, and keeps the rest debited', async () => {
    const budget = new SeenBucket(1_000_000);
    await using proxy = await startFaultProxy(server.endpoint, inOrder({ kind: 'unprocessed', count: 4 }));
    await using target = await openTarget(server, { endpoint: proxy.endpoint, budget });
    expect(await target.writer.write(sampleItems(10, 10, 'A', BODY))).toEqual({
      items: 10,
      newer: 0,
      superseded: 0,
      units: 30,
    });
    expect(budget.debited).toBeCloseTo(30 + 12);
    expect(budget.consumed).toBe(30);
    expect(payloads(target, 'batch.acknowledged')).toMatchObject([
      { items: 6, newer: 0, unprocessed: 4, units: 18 },
      { items: 4, newer: 0, unprocessed: 0, units: 12 },
    ]);
  });

  test('the item writer pays nothing for an item that is refused as invalid, and the real cost of the others in its batch', async () => {
    const budget = new SeenBucket(1_000_000);
    await using target = await openTarget(server, { budget });
    // Its sort key is missing, whatever its keyText says.
    const bad = { ...sampleItem('A', 'bad', BODY), ...bytesOf('{"pk":{"S":"A"}}') };
    const good = target.writer.write(sampleItems(7, 7, 'B', BODY));
    await expect(target.writer.write([bad])).rejects.toMatchObject({ code: 'E_TARGET_REQUEST' });
    await good;
    expect(budget.debited).toBeCloseTo(21);
  });

  test('the item writer pays the larger of both items for an overwrite, and learns from it for the next estimate', async () => {
    const budget = new SeenBucket(1_000_000);
    await using target = await openTarget(server, { budget });
    await target.writer.write(sampleItems(10, 10, 'A', BODY));
    const { units } = await target.writer.write(sampleItems(10, 10, 'A'));
    expect(budget.debited).toBeCloseTo(30 + units);
    const sent = payloads(target, 'batch.sent').map((event) => Number(event['units']));
    expect(sent).toEqual([30, 10]);
    await target.writer.write(sampleItems(10, 10, 'B'));
    // A tenth of the surprise.
    expect(Number(payloads(target, 'batch.sent')[2]?.['units'])).toBeCloseTo(10 * (1 + 0.1 * (units / 10 - 1)));
  });

  test('the item writer divides the units of a batch among the writes in it, and the parts add up', async () => {
    await using proxy = await startFaultProxy(server.endpoint, () => ({ kind: 'altered', alter: costing(20) }));
    await using target = await openTarget(server, { endpoint: proxy.endpoint });
    const receipts = await Promise.all([
      target.writer.write(sampleItems(4, 4, 'A')),
      target.writer.write(sampleItems(2, 2, 'B')),
      target.writer.write(sampleItems(2, 2, 'C', BODY)),
    ]);
    expect(proxy.requests.length).toBe(1);
    // Of 4 + 2 + 6 computed units.
    expect(receipts.map(({ units }) => units)).toEqual([7, 3, 10]);
  });

  test('close() of the item writer waits for requests in flight, whose items are then stored and acknowledged', async () => {
    await using proxy = await startFaultProxy(server.endpoint, () => ({ kind: 'late', ms: 300 }));
    await using target = await openTarget(server, { endpoint: proxy.endpoint, maxInFlightRequests: 2 });
    const items = sampleItems(50, 50);
    let answered = 0;
    const writes = [items.slice(0, 25), items.slice(25)].map(async (part) => {
      const receipt = await target.writer.write(part);
      answered++;
      return receipt;
    });
    await expect.poll(() => proxy.requests.length, { timeout: 10_000 }).toBe(2);
    const queued = target.writer.write(sampleItems(30, 3, 'queued'));
    const refused = expect(queued).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    await target.writer.close();
    expect(answered).toBe(2);
    expect(await Promise.all(writes)).toMatchObject([{ items: 25 }, { items: 25 }]);
    await refused;
    expect((await target.stored()).length).toBe(50);
    expect([target.suspects, proxy.requests.length]).toEqual([[], 2]);
  });

  test('the item writer of a failed run sends nothing more, and rejects all writes with the first error', async () => {
    let requests = 0;
    await using proxy = await startFaultProxy(server.endpoint, () =>
      requests++ === 0 ? { kind: 'error', status: 400, name: 'AccessDeniedException' } : { kind: 'late', ms: 100 },
    );
    await using target = await openTarget(server, { endpoint: proxy.endpoint, maxInFlightRequests: 2 });
    const code = 'E_TARGET_ACCESS';
    const writes = await Promise.allSettled([
      target.writer.write(sampleItems(25, 25, 'A')),
      target.writer.write(sampleItems(25, 25, 'B')),
      target.writer.write(sampleItems(500, 25, 'C')),
    ]);
    // The second was in flight, and is heard out.
    expect(writes).toMatchObject([{ reason: { code } }, { value: { items: 25 } }, { reason: { code } }]);
    expect(proxy.requests.length).toBe(2);
    await expect(target.writer.waitForRoom(never)).rejects.toMatchObject({ code });
    await expect(target.writer.write(sampleItems(1, 1))).rejects.toMatchObject({ code });
    await expect(target.writer.write([])).rejects.toMatchObject({ code });
    await target.writer.close();
    await expect(target.writer.write(sampleItems(1, 1))).rejects.toMatchObject({ code });
  });
});

/** An answer in which the whole request cost that much. */
function costing(units: number) {
  return (answer: Record<string, unknown>): Record<string, unknown> => {
    const [{ TableName }] = answer['ConsumedCapacity'] as [{ readonly TableName: string }];
    return { ...answer, ConsumedCapacity: [{ TableName, CapacityUnits: units }] };
  };
}
