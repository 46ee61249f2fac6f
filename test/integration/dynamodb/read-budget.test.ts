/**
 * The reader keeps its budget whatever is read, by an independent meter: large items, larger ones than expected, none
 * at all.
 */
import { describe, expect, test } from 'vitest';
import { SAME } from '../../../src/core/item/found-item.js';
import type { MappedItem } from '../../../src/core/model.js';
import { TokenBucket } from '../../../src/dynamodb/capacity/token-bucket.js';
import { sampleItem } from '../../contract/item-writer-samples.js';
import { openTarget } from '../../contract/item-writer-target.js';
import { ReadMeter } from '../../support/capacity/read-meter.js';
import { dynamodbServers } from '../../support/dynamodb.js';
import { type Fate, startFaultProxy } from '../../support/fault-proxy.js';
import { SeenBucket } from '../../support/seen-bucket.js';

const never = new AbortController().signal;
/** 96 units each. */
const LARGE = 'x'.repeat(390_000);

const items = (count: number, body: string): MappedItem[] =>
  Array.from({ length: count }, (_, i) => sampleItem(`P${String(i % 7)}`, String(i), body));

/** Fills the budget, and spends all: what follows begins with none saved up. */
async function emptied(budget: TokenBucket): Promise<number> {
  await budget.take(0, never);
  return performance.now();
}

describe.each(dynamodbServers)('the budget of reads: $name', (server) => {
  test.each([
    ['of 390 KB, as expected', LARGE, 1],
    ['of 390 KB where small ones were expected', 'small', 1],
    ['of 390 KB, in an answer each', LARGE, 40],
  ])('the item reader exceeds the granted budget by at most two requests, for items %s', async (_, expected, reads) => {
    const meter = new ReadMeter();
    await using proxy = await startFaultProxy(server.endpoint, meter.plan);
    const unitsPerSecond = 1000;
    const budget = new TokenBucket(unitsPerSecond);
    await using target = await openTarget(server, {
      endpoint: proxy.endpoint,
      readBudget: budget,
      maxInFlightRequests: 16,
    });
    const stored = items(40, LARGE);
    await target.writer.write(stored);
    const asked = items(40, expected);
    const begun = await emptied(budget);
    const part = asked.length / reads;
    const answers = await Promise.all(
      Array.from({ length: reads }, (_, i) => target.reader.read(asked.slice(i * part, (i + 1) * part), never)),
    );
    const held = answers.flatMap((answer) => answer.found);
    expect(held).toEqual(stored.map(({ text }) => (expected === LARGE ? SAME : text)));
    expect(meter.units).toBe(40 * 96);
    expect(answers.reduce((sum, { units }) => sum + units, 0)).toBe(meter.units);
    expect(budget.consumed).toBe(meter.units);
    // A request of one item at least, and one more of which nothing is known yet.
    expect(meter.excess(unitsPerSecond, begun)).toBeLessThan(2 * 96);
  });

  test('the item reader exceeds the granted budget by at most two requests, for concurrent reads of small and large items', async () => {
    const meter = new ReadMeter();
    await using proxy = await startFaultProxy(server.endpoint, meter.plan);
    const unitsPerSecond = 1500;
    const budget = new TokenBucket(unitsPerSecond);
    await using target = await openTarget(server, { endpoint: proxy.endpoint, readBudget: budget });
    const stored = Array.from({ length: 400 }, (_, i) =>
      sampleItem(`P${String(i % 7)}`, String(i), i % 20 === 0 ? LARGE : 'x'.repeat(i * 30)),
    );
    await target.writer.write(stored);
    const begun = await emptied(budget);
    const reads = [0, 100, 200, 300].map((from) => target.reader.read(stored.slice(from, from + 100), never));
    expect((await Promise.all(reads)).flatMap(({ found }) => found)).toEqual(stored.map(() => SAME));
    expect(meter.excess(unitsPerSecond, begun)).toBeLessThan(2 * 96);
  });

  test('the item reader pays one unit for each large item that is missing, and does not wait for more', async () => {
    const meter = new ReadMeter();
    await using proxy = await startFaultProxy(server.endpoint, meter.plan);
    const budget = new TokenBucket(1000);
    await using target = await openTarget(server, { endpoint: proxy.endpoint, readBudget: budget });
    const absent = items(100, LARGE);
    const begun = await emptied(budget);
    expect(await target.reader.read(absent, never)).toEqual({ found: absent.map(() => null), units: 100 });
    expect(meter.units).toBe(100);
    // Debited as if they were there, they would take 9.6 s.
    expect(performance.now() - begun).toBeLessThan(9_000);
  });

  test.each<[string, Fate | 'refused connections', number]>([
    ['keeps a throttled read debited', { kind: 'throttle' }, 30],
    ['keeps a read debited that may have happened', { kind: 'reset', applied: true }, 30],
    ['keeps a read debited whose answer it cannot read', { kind: 'garbled', applied: true }, 30],
    [
      'keeps a read debited that failed within the service',
      { kind: 'error', status: 500, name: 'InternalServerError' },
      30,
    ],
    ['credits a read that surely did not happen', 'refused connections', 0],
    [
      'credits a read that the service refuses as invalid',
      { kind: 'error', status: 400, name: 'ValidationException' },
      0,
    ],
  ])('the item reader %s', async (_, fate, kept) => {
    const budget = new SeenBucket(1_000_000);
    let failing: Fate = { kind: 'pass' };
    await using proxy = await startFaultProxy(server.endpoint, ({ operation }) =>
      operation === 'BatchGetItem' ? failing : { kind: 'pass' },
    );
    await using target = await openTarget(server, {
      endpoint: proxy.endpoint,
      readBudget: budget,
      maxInFlightRequests: 1,
      retryTimeoutSeconds: 0,
    });
    const stored = items(10, 'x'.repeat(9_000));
    await target.writer.write(stored);
    await target.reader.read(stored, never);
    expect(budget.debited).toBe(30);
    if (fate === 'refused connections') await proxy[Symbol.asyncDispose]();
    else failing = fate;
    await expect(target.reader.read(stored, never)).rejects.toThrow('BatchGetItem');
    expect(budget.debited).toBe(30 + kept);
  });

  test.each([0.5, 1])(
    'the item reader keeps only keys that come back unprocessed (%d of them) debited at their expected cost',
    async (share) => {
      const budget = new SeenBucket(1_000_000);
      let fate: Fate = { kind: 'pass' };
      await using proxy = await startFaultProxy(server.endpoint, ({ operation }) =>
        operation === 'BatchGetItem' ? fate : { kind: 'pass' },
      );
      await using target = await openTarget(server, {
        endpoint: proxy.endpoint,
        readBudget: budget,
        maxInFlightRequests: 1,
      });
      const stored = items(10, 'x'.repeat(9_000));
      await target.writer.write(stored);
      await target.reader.read(stored, never);
      fate = { kind: 'unprocessed', share };
      const read = target.reader.read(stored, never);
      await expect
        .poll(() => proxy.requests.filter(({ operation }) => operation === 'BatchGetItem').length, {
          timeout: 10_000,
        })
        .toBeGreaterThan(1);
      fate = { kind: 'pass' };
      const { units } = await read;
      expect(units).toBe(30);
      const refusedKeys = target.events
        .filter((event) => event.name === 'target.throttled')
        .reduce((sum, { payload }) => sum + (payload as { items: number }).items, 0);
      expect(refusedKeys).toBeGreaterThan(0);
      expect(budget.debited).toBe(30 + 30 + 3 * refusedKeys);
    },
  );
});

// dynalite's are full at 1 MB.
describe.each(dynamodbServers.filter(({ name }) => name !== 'dynalite'))('an answer that is full: $name', (server) => {
  test('the item reader does not take the unprocessed keys of a full answer for throttling', async () => {
    await using target = await openTarget(server, { maxInFlightRequests: 1 });
    const stored = items(45, LARGE);
    await target.writer.write(stored);
    // Items as expected, so that as many small ones are asked for at once as may be.
    const known = sampleItem('known', '1');
    await target.writer.write([known]);
    await target.reader.read([known], never);
    const { found: held } = await target.reader.read(items(45, 'small'), never);
    expect(held).toEqual(stored.map(({ text }) => text));
    const told = (name: string) => target.events.filter((event) => event.name === name);
    expect(told('target.throttled')).toEqual([]);
    expect(told('request.retried').map(({ payload }) => payload)).toMatchObject([
      { operation: 'BatchGetItem', reason: 'UnprocessedKeys', attempt: 0, throttled: false, ambiguous: false },
    ]);
  });
});
