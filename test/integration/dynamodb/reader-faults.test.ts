/** The reader against a DynamoDB that misbehaves: every item that is there is found, whatever it takes. */
import { describe, expect, test } from 'vitest';
import { TokenBucket } from '../../../src/dynamodb/capacity/token-bucket.js';
import { SAME } from '../../../src/core/item/found-item.js';
import { sampleItems } from '../../contract/item-writer-samples.js';
import { openTarget } from '../../contract/item-writer-target.js';
import { dynamodbServers } from '../../support/dynamodb.js';
import { type Fate, type FaultPlan, inOrder, startFaultProxy } from '../../support/fault-proxy.js';

/** Where no answer comes; long enough for those that do, on a machine that is busy. */
const TIMEOUTS = { connectTimeoutMs: 2000, answerTimeoutMs: 2000 };
const never = new AbortController().signal;

/** The n-th BatchGetItem meets the n-th fate; writes pass. */
function readsInOrder(...fates: readonly Fate[]): FaultPlan {
  let reads = 0;
  return ({ operation }) => (operation === 'BatchGetItem' ? fates[reads++] : undefined) ?? { kind: 'pass' };
}

describe.each(dynamodbServers)('reader faults: $name', (server) => {
  test.each<[string, Fate]>([
    ['some keys unprocessed', { kind: 'unprocessed', share: 0.5 }],
    ['all keys unprocessed', { kind: 'unprocessed', share: 1 }],
    ['a throttle', { kind: 'throttle', reasons: ['TableReadProvisionedThroughputExceeded'] }],
    ['a reset', { kind: 'reset', applied: false }],
    ['no answer in time', { kind: 'hang', applied: false }],
    ['an answer cut off', { kind: 'garbled', applied: false }],
    ['InternalServerError', { kind: 'error', status: 500, name: 'InternalServerError' }],
  ])('the item reader asks again after %s', async (_, fate) => {
    await using proxy = await startFaultProxy(server.endpoint, readsInOrder(fate, fate));
    await using target = await openTarget(server, {
      endpoint: proxy.endpoint,
      ...(fate.kind === 'hang' && { timeouts: TIMEOUTS }),
    });
    const items = sampleItems(130, 9);
    await target.writer.write(items);
    const { found: held } = await target.reader.read(items, never);
    expect(held).toEqual(items.map(() => SAME));
    const retried = target.events.filter((event) => event.name === 'request.retried');
    expect(retried.length).toBe(2);
    expect(retried[0]?.payload).toMatchObject({ operation: 'BatchGetItem', ambiguous: false });
    expect(target.suspects).toEqual([]);
  });

  test('the item reader without ConsumedCapacity computes units from sizes: 4 KB each, and one for a missing item', async () => {
    await using proxy = await startFaultProxy(server.endpoint, () => ({ kind: 'no capacity' }));
    await using target = await openTarget(server, { endpoint: proxy.endpoint });
    const items = sampleItems(10, 2, 'A', 'x'.repeat(5000));
    await target.writer.write(items);
    const asked = [...items, ...sampleItems(3, 1, 'absent')];
    expect((await target.reader.read(asked, never)).units).toBe(23);
  });

  test.each([
    ['AccessDeniedException', 'E_TARGET_ACCESS'],
    ['ResourceNotFoundException', 'E_TARGET_GONE'],
    ['ValidationException', 'E_TARGET_REQUEST'],
  ])('%s ends a read with %s', async (name, code) => {
    await using proxy = await startFaultProxy(server.endpoint, () => ({ kind: 'error', status: 400, name }));
    await using target = await openTarget(server, { endpoint: proxy.endpoint });
    await expect(target.reader.read(sampleItems(300, 3), never)).rejects.toMatchObject({ code });
  });

  test.each<[string, Fate]>([
    ['refuses all requests', { kind: 'throttle' }],
    ['answers that nothing was processed', { kind: 'unprocessed', share: 1 }],
  ])('the item reader fails with E_TARGET_UNAVAILABLE when its patience ends with a table that %s', async (_, fate) => {
    await using proxy = await startFaultProxy(server.endpoint, () => fate);
    await using target = await openTarget(server, { endpoint: proxy.endpoint, retryTimeoutSeconds: 0.3 });
    await expect(target.reader.read(sampleItems(300, 3), never)).rejects.toMatchObject({
      code: 'E_TARGET_UNAVAILABLE',
    });
  });

  test('the item reader does not count waits for a small budget between two failures as patience', async () => {
    const throttle: Fate = { kind: 'throttle' };
    await using proxy = await startFaultProxy(server.endpoint, inOrder(throttle, throttle));
    // Ten keys at a unit each, and what was refused stays debited: the next try comes two seconds later.
    const readBudget = new TokenBucket(5);
    await using target = await openTarget(server, { endpoint: proxy.endpoint, retryTimeoutSeconds: 1, readBudget });
    expect((await target.reader.read(sampleItems(10, 1), never)).found).toHaveLength(10);
    expect(target.events.filter(({ name }) => name === 'request.retried')).toHaveLength(2);
  });

  test('the item reader counts a request in flight as patience, though another request waits for the budget', async () => {
    await using proxy = await startFaultProxy(server.endpoint, () => ({ kind: 'hang', applied: false }));
    // Each try costs a unit that nobody gives back: all parts of the read wait, are let go at once, and all but one
    // have to wait on.
    await using target = await openTarget(server, {
      endpoint: proxy.endpoint,
      retryTimeoutSeconds: 1.5,
      readBudget: new TokenBucket(5),
      maxInFlightRequests: 4,
      timeouts: { connectTimeoutMs: 2000, answerTimeoutMs: 500 },
      random: () => 0,
    });
    await expect(target.reader.read(sampleItems(300, 3), never)).rejects.toMatchObject({
      code: 'E_TARGET_UNAVAILABLE',
    });
    expect(target.events.filter(({ name }) => name === 'request.retried').length).toBeLessThan(8);
  });

  test('an aborted signal ends a read that gets no answer', async () => {
    await using proxy = await startFaultProxy(server.endpoint, () => ({ kind: 'hang', applied: false }));
    await using target = await openTarget(server, { endpoint: proxy.endpoint });
    const begun = performance.now();
    const read = target.reader.read(sampleItems(300, 3), AbortSignal.timeout(100));
    await expect(read).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    expect(performance.now() - begun).toBeLessThan(2000);
  });
});
