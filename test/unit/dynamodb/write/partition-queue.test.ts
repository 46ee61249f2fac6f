import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { interrupted } from '../../../../src/core/errors.js';
import { PartitionQueue } from '../../../../src/dynamodb/write/partition-queue.js';
import { QueuedOperation } from '../../../../src/dynamodb/write/queued-operation.js';
import { PendingWrite } from '../../../../src/dynamodb/write/pending-write.js';
import { sampleItem } from '../../../contract/item-writer-samples.js';

const NO_LIMIT = 1e9;

function queued(partition: string, sort: number, write = new PendingWrite(1), body = '', units = 1): QueuedOperation {
  return new QueuedOperation(sampleItem(partition, String(sort), body), write, units);
}

const take = (queue: PartitionQueue, maxItems: number, maxBytes: number): QueuedOperation[] =>
  queue.take({ maxItems, maxBytes, maxUnits: NO_LIMIT }, 0);

const names = (items: readonly QueuedOperation[]): string[] =>
  items.map(({ operation }) => `${String(operation.row[0])}${String(operation.row[1])}`);

describe('PartitionQueue', () => {
  test('PartitionQueue takes one of each partition in turn, each in its own order', () => {
    const queue = new PartitionQueue();
    for (const [partition, count] of [
      ['A', 4],
      ['B', 2],
      ['C', 1],
    ] as const) {
      for (let i = 0; i < count; i++) queue.push(queued(partition, i));
    }
    expect(names(take(queue, 5, NO_LIMIT))).toEqual(['A0', 'B0', 'C0', 'A1', 'B1']);
    expect(names(take(queue, 5, NO_LIMIT))).toEqual(['A2', 'A3']);
    expect(take(queue, 5, NO_LIMIT)).toEqual([]);
    expect(queue.idle).toBe(true);
  });

  test('PartitionQueue ends a batch before it is too large in UTF-8 bytes, and always gives one item', () => {
    const queue = new PartitionQueue();
    for (let i = 0; i < 5; i++) queue.push(queued(`P${String(i)}`, i, undefined, 'é'.repeat(100_000)));
    expect(take(queue, 25, 450_000).length).toBe(2);
    expect(take(queue, 25, 10).length).toBe(1);
    expect(take(queue, 25, NO_LIMIT).length).toBe(2);
  });

  test('PartitionQueue parks one partition alone, and keeps its items in their old places', () => {
    const queue = new PartitionQueue();
    for (let i = 0; i < 3; i++) for (const partition of ['A', 'B']) queue.push(queued(partition, i));
    const [a0, b0] = take(queue, 2, NO_LIMIT);
    if (a0 === undefined || b0 === undefined) throw new Error('two items were pushed');
    queue.pushBack(a0, 500);
    expect(names(take(queue, 25, NO_LIMIT))).toEqual(['B1', 'B2']);
    queue.push(queued('A', 3));
    queue.push(queued('B', 3));
    expect(names(take(queue, 25, NO_LIMIT))).toEqual(['B3']);
    queue.release(499);
    expect(queue.parkedUntil).toBe(500);
    expect(take(queue, 25, NO_LIMIT)).toEqual([]);
    queue.release(500);
    expect(queue.parkedUntil).toBe(Infinity);
    expect(names(take(queue, 25, NO_LIMIT))).toEqual(['A0', 'A1', 'A2', 'A3']);
  });

  test('PartitionQueue ends a batch before it has too many units, and starts the next with the same lane', () => {
    const queue = new PartitionQueue();
    for (const partition of ['A', 'B', 'C']) queue.push(queued(partition, 0, undefined, '', 4));
    const few = { maxItems: 25, maxBytes: NO_LIMIT, maxUnits: 9 };
    expect(names(queue.take(few, 0))).toEqual(['A0', 'B0']);
    expect(names(queue.take({ ...few, maxUnits: 1 }, 0))).toEqual(['C0']);
  });

  test('PartitionQueue parks a lane without pace as long as it has to wait, and the others go on', () => {
    const queue = new PartitionQueue();
    for (let i = 0; i < 3; i++) for (const partition of ['A', 'B']) queue.push(queued(partition, i));
    const sent: string[] = [];
    const pace = {
      wait: (partition: string) => (partition.includes('"A"') && sent.length > 1 ? 30 : 0),
      sent: (partition: string) => void sent.push(partition),
    };
    const all = { maxItems: 25, maxBytes: NO_LIMIT, maxUnits: NO_LIMIT };
    expect(names(queue.take(all, 100, pace))).toEqual(['A0', 'B0', 'B1', 'B2']);
    expect([queue.sizeOf('{"S":"A"}'), queue.parkedUntil]).toEqual([2, 130]);
    queue.release(130);
    expect(names(queue.take(all, 130))).toEqual(['A1', 'A2']);
  });

  test('PartitionQueue drops the items of failed writes and no others', async () => {
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
    expect(names(take(queue, 25, NO_LIMIT))).toEqual(['A0', 'B9', 'A2']);
  });

  test('PartitionQueue gives everything that was pushed, parked and released exactly once', () => {
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
            const batch = take(queue, one.count, NO_LIMIT);
            expect(batch.length).toBeLessThanOrEqual(one.count);
            if (one.back) for (const item of batch.toReversed()) queue.pushBack(item, now + 10);
            else out.push(...names(batch));
          }
        }
        queue.release(now + 10);
        out.push(...names(take(queue, 1000, NO_LIMIT)));
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
