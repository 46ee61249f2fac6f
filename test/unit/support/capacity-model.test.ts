/** The adversary's capacity model: what it takes, what it charges, why it refuses. Time is the test's own. */
import { describe, expect, test } from 'vitest';
import { CapacityModel, type CapacityModelOptions, type ModelItem } from '../../support/capacity/capacity-model.js';
import { itemBytes } from '../../support/capacity/item-size.js';
import { scaledClock } from '../../support/capacity/scaled-clock.js';

class Hands {
  ms = 0;
  readonly now = (): number => this.ms;
}

const item = (partition: string, bytes = 100, more: ModelItem = {}): ModelItem => ({
  pk: { S: partition },
  body: { S: 'x'.repeat(bytes) },
  ...more,
});
const items = (count: number, partition = (i: number) => `P${i}`): ModelItem[] =>
  Array.from({ length: count }, (_, i) => item(partition(i)));
const provisioned = (writeUnits: number) => ({ billing: { kind: 'provisioned', writeUnits } }) as const;

function modelOf(options: Omit<CapacityModelOptions, 'partitionKey' | 'now'>) {
  const hands = new Hands();
  return { hands, model: new CapacityModel({ ...options, partitionKey: 'pk', now: hands.now }) };
}

/** Offers so many items of 1 unit every 10 ms for so long. @returns accepted and refused, in items */
function offer(
  { hands, model }: ReturnType<typeof modelOf>,
  perTick: number,
  ms: number,
  partition?: (i: number) => string,
) {
  let accepted = 0;
  const reasons = new Map<string, number>();
  for (const end = hands.ms + ms; hands.ms < end;) {
    hands.ms += 10;
    const { refused } = model.write(items(perTick, partition));
    accepted += perTick - refused.size;
    for (const reason of refused.values()) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  return { accepted, reasons: Object.fromEntries(reasons) };
}

describe('CapacityModel', () => {
  test('CapacityModel takes 100 units a second for 100 WCU, and what it saved up for 300 s before', () => {
    const busy = modelOf({ ...provisioned(100), partitions: 50 });
    expect(offer(busy, 2, 10_000)).toEqual({
      accepted: 1000,
      reasons: { TableWriteProvisionedThroughputExceeded: 1000 },
    });
    busy.hands.ms += 1_000_000;
    const { accepted } = offer(busy, 25, 20_000);
    expect(accepted).toBeCloseTo(300 * 100 + 20 * 100, -1);
  });

  test('CapacityModel charges whole KB of the larger item, nothing for what is refused, and each index its own', () => {
    const { hands, model } = modelOf({
      ...provisioned(10),
      indexes: [{ name: 'by_day', partitionKey: 'day', ...provisioned(100) }],
    });
    hands.ms = 1000;
    const large = item('A', 3000, { day: { S: '2026-01-01' } });
    expect(model.write([large, item('A')])).toMatchObject({ tableUnits: 6, refused: new Map() });
    const judged = model.write([large, large]);
    expect(judged.tableUnits).toBe(3);
    expect(judged.refused).toEqual(new Map([[1, 'TableWriteProvisionedThroughputExceeded']]));
    expect(judged.indexUnits).toEqual(new Map([['by_day', 3]]));
  });

  test('CapacityModel takes 1,000 units a second on a partition, and refuses one key while the others pass', () => {
    const table = modelOf({ ...provisioned(10_000), partitions: 10 });
    const { partitions } = table.model.table;
    const cold = Array.from({ length: 40 }, (_, i) => `cold${i}`)
      .filter((key) => partitions.indexOf(JSON.stringify({ S: key })) !== partitions.indexOf('{"S":"hot"}'))
      .slice(0, 5);
    const { accepted, reasons } = offer(table, 20, 10_000, (i) => cold[i - 15] ?? 'hot');
    expect(accepted).toBe(10_000 + 1000 * cold.length);
    expect(reasons).toEqual({ TableWriteKeyRangeThroughputExceeded: 5000 });
  });

  test('CapacityModel splits a partition that stays hot, and then two keys of it have 1,000 each', () => {
    const table = modelOf({ ...provisioned(10_000), partitions: 1, splitAfterMs: 3000 });
    const spread = (i: number): string => `key ${i % 20}`;
    expect(offer(table, 20, 2000, spread).accepted).toBe(2000);
    expect(table.model.table.partitions.count).toBe(1);
    offer(table, 20, 3000, spread);
    expect(table.model.table.partitions.count).toBe(2);
    const { accepted } = offer(table, 20, 1000, spread);
    expect(accepted).toBeGreaterThan(1300);
    const single = modelOf({ ...provisioned(10_000), partitions: 1, splitAfterMs: 3000 });
    offer(single, 20, 20_000, () => 'hot');
    expect(offer(single, 20, 1000, () => 'hot').accepted).toBeLessThanOrEqual(1000);
  });

  test('CapacityModel refuses a write to the table where an index lacks capacity, with its own reason', () => {
    const table = modelOf({
      ...provisioned(1000),
      indexes: [{ name: 'by_day', partitionKey: 'day', ...provisioned(100), burstSeconds: 1 }],
    });
    table.hands.ms = 1000;
    const indexed = Array.from({ length: 200 }, (_, i) => item(`P${i}`, 10, { day: { S: 'today' } }));
    const { refused, tableUnits } = table.model.write(indexed);
    expect(tableUnits).toBe(100);
    expect(new Set(refused.values())).toEqual(new Set(['IndexWriteProvisionedThroughputExceeded']));
    expect(table.model.write([item('no index')]).refused.size).toBe(0);
  });

  test('CapacityModel on demand takes 4,000 at first, and at most twice that after half an hour of use', () => {
    const table = modelOf({ billing: { kind: 'on-demand' }, partitions: 100 });
    const first = offer(table, 60, 2000);
    expect(first.accepted / 2).toBeCloseTo(4000, -2);
    expect(Object.keys(first.reasons)).toEqual(['TableWriteKeyRangeThroughputExceeded']);
    table.hands.ms += 20 * 60_000;
    expect(offer(table, 100, 1000).accepted).toBeLessThan(8100);
    table.hands.ms += 10 * 60_000;
    offer(table, 100, 1000);
    const second = offer(table, 200, 10_000).accepted / 10;
    expect([second > 7900, second < 8900]).toEqual([true, true]);
  });

  test('CapacityModel on demand does not grow by capacity that was not used', () => {
    const table = modelOf({ billing: { kind: 'on-demand' }, partitions: 100 });
    offer(table, 10, 2000);
    table.hands.ms += 90 * 60_000;
    offer(table, 1, 10);
    expect(offer(table, 100, 2000).accepted / 2).toBeLessThan(6100);
  });

  test('itemBytes gives the sizes of AWS’s documentation', () => {
    expect(itemBytes({ a: { S: 'é' }, b: { N: '0' }, c: { BOOL: true }, d: { NULL: true } })).toBe(
      1 + 2 + 1 + 1 + 2 + 2,
    );
    expect(itemBytes({ n: { N: '-12.5' } })).toBe(1 + 4);
    expect(itemBytes({ n: { N: '1200' } })).toBe(1 + 2);
    expect(itemBytes({ n: { N: '1234567890123456789012345678901234567.8' } })).toBe(1 + 21);
    expect(itemBytes({ l: { L: [{ S: 'ab' }] }, m: { M: { k: { B: 'AAAA' } } } })).toBe(
      1 + 3 + 1 + 2 + (1 + 3 + 1 + 1 + 3),
    );
  });

  test('scaledClock lets time run faster: a second’s worth in a millisecond', () => {
    const hands = new Hands();
    const model = new CapacityModel({ partitionKey: 'pk', ...provisioned(10), now: scaledClock(1000, hands.now) });
    expect(model.write(items(10)).refused.size).toBeGreaterThan(0);
    hands.ms += 1;
    expect(model.write(items(10)).refused.size).toBe(0);
  });

  test('scaledClock scales the machine’s time where nothing else is said', async () => {
    const now = scaledClock(1000);
    const begun = { scaled: now(), real: performance.now() };
    await new Promise((resolve) => setTimeout(resolve, 5));
    // The machine may pause between the two looks, at either end: never is less counted than what passed between them.
    const real = performance.now() - begun.real;
    expect(now() - begun.scaled).toBeGreaterThanOrEqual(real * 1000 - 1000);
  });
});
