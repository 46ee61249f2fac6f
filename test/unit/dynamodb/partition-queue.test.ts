import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { interrupted } from '../../../src/core/errors.js';
import { PartitionQueue, type QueuedItem } from '../../../src/dynamodb/partition-queue.js';
import { PendingWrite } from '../../../src/dynamodb/pending-write.js';
import { sampleItem } from '../../contract/item-writer-samples.js';

const NO_LIMIT = 1e9;

function queued(partition: string, sort: number, write = new PendingWrite(1), body = ''): QueuedItem {
  return {
    item: sampleItem(partition, String(sort), body),
    write,
    units: 1,
    attempts: 0,
    next: null,
    nextOfChain: null,
  };
}

const names = (items: readonly QueuedItem[]): string[] =>
  items.map(({ item }) => `${String(item.row[0])}${String(item.row[1])}`);

describe('PartitionQueue', () => {
  test('takes one of each partition in turn, each in its own order', () => {
    const queue = new PartitionQueue();
    for (const [partition, count] of [
      ['A', 4],
      ['B', 2],
      ['C', 1],
    ] as const) {
      for (let i = 0; i < count; i++) queue.push(queued(partition, i));
    }
    expect(names(queue.take(5, NO_LIMIT))).toEqual(['A0', 'B0', 'C0', 'A1', 'B1']);
    expect(names(queue.take(5, NO_LIMIT))).toEqual(['A2', 'A3']);
    expect(queue.take(5, NO_LIMIT)).toEqual([]);
    expect(queue.idle).toBe(true);
  });

  test('a batch ends before it is too large, counted in UTF-8 bytes; one item always goes', () => {
    const queue = new PartitionQueue();
    for (let i = 0; i < 5; i++) queue.push(queued(`P${String(i)}`, i, undefined, 'é'.repeat(100_000)));
    expect(queue.take(25, 450_000).length).toBe(2);
    expect(queue.take(25, 10).length).toBe(1);
    expect(queue.take(25, NO_LIMIT).length).toBe(2);
  });

  test('a parked partition waits alone, its items in their old places', () => {
    const queue = new PartitionQueue();
    for (let i = 0; i < 3; i++) for (const partition of ['A', 'B']) queue.push(queued(partition, i));
    const [a0, b0] = queue.take(2, NO_LIMIT);
    if (a0 === undefined || b0 === undefined) throw new Error('two items were pushed');
    queue.pushBack(a0, 500);
    expect(names(queue.take(25, NO_LIMIT))).toEqual(['B1', 'B2']);
    queue.push(queued('A', 3));
    queue.push(queued('B', 3));
    expect(names(queue.take(25, NO_LIMIT))).toEqual(['B3']);
    expect(queue.release(499)).toBe(1);
    expect(queue.take(25, NO_LIMIT)).toEqual([]);
    expect(queue.release(500)).toBeNull();
    expect(names(queue.take(25, NO_LIMIT))).toEqual(['A0', 'A1', 'A2', 'A3']);
  });

  test('drops the items of failed writes and no others', async () => {
    const queue = new PartitionQueue();
    const [kept, failed] = [new PendingWrite(4), new PendingWrite(4)];
    for (let i = 0; i < 4; i++) {
      queue.push(queued('A', i, i % 2 === 0 ? kept : failed));
      queue.push(queued('B', i, failed));
    }
    failed.fail(interrupted());
    await expect(failed.receipt).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    expect(queue.dropFailed().length).toBe(6);
    queue.push(queued('B', 9, kept));
    expect(names(queue.take(25, NO_LIMIT))).toEqual(['A0', 'B9', 'A2']);
  });

  test('whatever is pushed, parked and released comes out once', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('push' as const), partition: fc.constantFrom('A', 'B', 'C', 'D', 'E') }),
      fc.record({ kind: fc.constant('take' as const), count: fc.integer({ min: 1, max: 6 }), back: fc.boolean() }),
      fc.record({ kind: fc.constant('release' as const), ms: fc.integer({ min: 0, max: 30 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const queue = new PartitionQueue();
        const out: string[] = [];
        let pushed = 0;
        let now = 0;
        for (const one of steps) {
          if (one.kind === 'push') queue.push(queued(one.partition, pushed++));
          else if (one.kind === 'release') queue.release((now += one.ms));
          else {
            const batch = queue.take(one.count, NO_LIMIT);
            expect(batch.length).toBeLessThanOrEqual(one.count);
            if (one.back) for (const item of batch.toReversed()) queue.pushBack(item, now + 10);
            else out.push(...names(batch));
          }
        }
        queue.release(now + 10);
        out.push(...names(queue.take(1000, NO_LIMIT)));
        expect(new Set(out).size).toBe(pushed);
        expect(out.length).toBe(pushed);
        for (const partition of ['A', 'B', 'C', 'D', 'E']) {
          const order = out.filter((name) => name.startsWith(partition)).map((name) => Number(name.slice(1)));
          expect(order).toEqual([...order].sort((a, b) => a - b));
        }
      }),
    );
  });
});
