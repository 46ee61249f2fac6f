/** What is not acknowledged yet: how much of it there may be, and what goes into a request. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { interrupted } from '../../../../src/core/errors.js';
import type { MappedItem } from '../../../../src/core/model.js';
import type { WriteOperation } from '../../../../src/core/item/write-operation.js';
import { Backlog } from '../../../../src/dynamodb/write/backlog.js';
import { HotPartitions } from '../../../../src/dynamodb/capacity/hot-partitions.js';
import { PendingWrite } from '../../../../src/dynamodb/write/pending-write.js';
import type { QueuedOperation } from '../../../../src/dynamodb/write/queued-operation.js';
import { sampleItem } from '../../../contract/item-writer-samples.js';

const PLENTY = 1e9;
const MB = 1_000_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function newBacklog(maxInFlightRequests = 1, maxBatch = 25) {
  const hot = new HotPartitions();
  const released: number[] = [];
  const backlog = new Backlog(
    () => maxInFlightRequests,
    maxBatch,
    hot,
    () => released.push(performance.now()),
  );
  return { backlog, hot, released };
}

let items = 0;
/** Of so many bytes on the wire, which are not there. */
function itemOf(wireBytes: number, partition = `P${String(items)}`, billedBytes = 100): MappedItem {
  return { ...sampleItem(partition, String(items++)), start: 7, end: 7 + wireBytes, bytes: billedBytes };
}

function filled(backlog: Backlog, given: readonly MappedItem[], write = new PendingWrite(given.length)): PendingWrite {
  for (const item of given) backlog.add(item, write);
  return write;
}

describe('a batch of the backlog', () => {
  test('the backlog gives batches of 16 MB at most on the wire, exactly that at most', () => {
    const { backlog } = newBacklog();
    filled(
      backlog,
      Array.from({ length: 17 }, () => itemOf(MB)),
    );
    expect(backlog.take(PLENTY).length).toBe(16);
    expect(backlog.take(PLENTY).length).toBe(1);
    const larger = newBacklog().backlog;
    filled(
      larger,
      Array.from({ length: 17 }, () => itemOf(MB + 1)),
    );
    expect(larger.take(PLENTY).length).toBe(15);
  });

  test('the backlog gives as many items as the format takes, and as many units as the budget, by whole KB', () => {
    const { backlog } = newBacklog();
    filled(
      backlog,
      Array.from({ length: 60 }, () => itemOf(100, undefined, 1025)),
    );
    expect(backlog.take(PLENTY).length).toBe(25);
    expect(backlog.take(20).length).toBe(10);
    expect(backlog.take(0).length).toBe(1);
    const single = newBacklog(1, 1).backlog;
    filled(single, [itemOf(1), itemOf(1)]);
    expect(single.take(PLENTY).length).toBe(1);
  });
});

describe('room in the backlog', () => {
  test.each([
    [1, 100],
    [4, 400],
  ])(
    'the backlog with %i requests in flight has room for four rounds of full batches: %i items',
    (maxInFlightRequests, most) => {
      const { backlog } = newBacklog(maxInFlightRequests, 1);
      filled(
        backlog,
        Array.from({ length: most - 1 }, () => itemOf(1)),
      );
      expect(backlog.hasCapacity).toBe(true);
      filled(backlog, [itemOf(1)]);
      expect(backlog.hasCapacity).toBe(false);
    },
  );

  test('the backlog has room for 32 MB, with what is in flight counted', () => {
    const { backlog } = newBacklog();
    filled(backlog, [itemOf(32 * 1024 * 1024 - 10)]);
    const [large] = backlog.take(PLENTY);
    expect(backlog.hasCapacity).toBe(true);
    filled(backlog, [itemOf(10)]);
    expect(backlog.hasCapacity).toBe(false);
    if (large !== undefined) backlog.remove(large);
    expect(backlog.hasCapacity).toBe(true);
  });

  test('the backlog gives no room to what waits for a hot partition key', () => {
    const { backlog, hot } = newBacklog();
    filled(
      backlog,
      Array.from({ length: 100 }, () => itemOf(1, 'hot')),
    );
    expect(backlog.hasCapacity).toBe(false);
    hot.add({ partition: JSON.stringify({ S: 'hot' }), passedPerSecond: 1, triedPerSecond: 1 }, 0);
    expect(backlog.hasCapacity).toBe(true);
  });
});

describe('returned items', () => {
  test('the backlog holds what comes back for its delay, before what waits behind it, with one timer', () => {
    const { backlog, released } = newBacklog();
    filled(
      backlog,
      ['A', 'A', 'B', 'B'].map((partition) => itemOf(1, partition)),
    );
    const [a, b] = backlog.take(PLENTY).slice(0, 2);
    if (a === undefined || b === undefined) throw new Error('there were four');
    backlog.remove(a);
    backlog.remove(b);
    const rest = filled(backlog, [itemOf(1, 'A'), itemOf(1, 'B')]);
    expect(rest.failed).toBe(false);
    backlog.take(PLENTY);
    backlog.putBack([a], 500);
    backlog.putBack([b], 200);
    expect(vi.getTimerCount()).toBe(1);
    filled(backlog, [itemOf(1, 'A')]);
    expect(backlog.take(PLENTY)).toEqual([]);
    vi.advanceTimersByTime(199);
    expect(released).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(released.length).toBe(1);
    expect(backlog.take(PLENTY)).toEqual([b]);
    vi.advanceTimersByTime(299);
    expect(backlog.take(PLENTY)).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(released.length).toBe(2);
    expect(backlog.take(PLENTY)[0]).toBe(a);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('the backlog keeps the order of a batch within a partition', () => {
    const { backlog } = newBacklog();
    const given = Array.from({ length: 4 }, () => itemOf(1, 'A'));
    filled(backlog, given);
    const batch = backlog.take(PLENTY);
    backlog.putBack(batch, 10);
    vi.advanceTimersByTime(10);
    expect(backlog.take(PLENTY).map(({ operation }) => operation)).toEqual(given);
  });

  test('the backlog sends halves of a batch at once and by themselves, before all else', () => {
    const { backlog } = newBacklog();
    filled(
      backlog,
      Array.from({ length: 5 }, () => itemOf(1)),
    );
    const batch = backlog.take(PLENTY);
    expect(backlog.idle).toBe(true);
    filled(backlog, [itemOf(1)]);
    backlog.putBackHalves(batch);
    expect(backlog.idle).toBe(false);
    const halves = [backlog.take(PLENTY), backlog.take(PLENTY)];
    expect(halves.map(({ length }) => length).sort()).toEqual([2, 3]);
    expect(new Set(halves.flat())).toEqual(new Set(batch));
    expect(backlog.take(PLENTY).length).toBe(1);
    expect(backlog.idle).toBe(true);
  });

  test('the backlog sends nothing of a write that has failed, wherever it waited, and frees its keys', async () => {
    const { backlog } = newBacklog();
    const bad = [itemOf(10), itemOf(10), itemOf(10)];
    const good = [itemOf(10), itemOf(10), itemOf(10)];
    const failing = filled(backlog, bad.slice(0, 2));
    const kept = filled(backlog, good.slice(0, 2));
    const halves = backlog.take(PLENTY);
    backlog.putBackHalves(halves);
    filled(backlog, bad.slice(2), failing);
    filled(backlog, good.slice(2), kept);
    failing.fail(interrupted());
    await expect(failing.receipt).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    backlog.dropFailed();
    expect(bad.map((item) => backlog.holder(item))).toEqual([null, null, null]);
    expect(good.map((item) => backlog.holder(item)?.operation)).toEqual(good);
    const taken: WriteOperation[] = [];
    while (!backlog.idle) taken.push(...backlog.take(PLENTY).map(({ operation }) => operation));
    expect(new Set(taken)).toEqual(new Set(good));
    expect(taken.length).toBe(3);
  });

  test('the backlog releases nothing after `stop`', () => {
    const { backlog, released } = newBacklog();
    filled(backlog, [itemOf(1), itemOf(1)]);
    const batch = backlog.take(PLENTY);
    backlog.putBack(batch.slice(0, 1), 100);
    backlog.stop();
    backlog.putBack(batch.slice(1), 50);
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(1000);
    expect(released).toEqual([]);
  });
});

describe('a later operation on a key', () => {
  const KEYED = { ...sampleItem('K', '1'), start: 7, end: 17 };

  function pending(): PendingWrite {
    const write = new PendingWrite(1);
    write.receipt.catch(() => undefined);
    return write;
  }

  /** One operation in flight, and whoever holds the key. */
  function inFlight(backlog: Backlog, write = pending()): QueuedOperation {
    backlog.add(KEYED, write);
    const [queued] = backlog.take(PLENTY);
    if (queued === undefined) throw new Error('there was one');
    queued.sent();
    return queued;
  }

  test('the backlog replaces a queued operation by a later one on its key, in its place and in its bytes', async () => {
    const { backlog } = newBacklog();
    const [earlier, later] = [pending(), pending()];
    backlog.add(KEYED, earlier);
    const holder = backlog.holder(KEYED);
    if (holder === null) throw new Error('it is there');
    const large = { ...KEYED, end: 7 + 32 * 1024 * 1024 };
    backlog.supersede(holder, large, later);
    expect(backlog.hasCapacity).toBe(false);
    const [queued, ...none] = backlog.take(PLENTY);
    expect([queued?.operation, none]).toEqual([large, []]);
    queued?.sent();
    if (queued !== undefined) backlog.remove(queued);
    queued?.acknowledged(1, false);
    expect([await earlier.receipt, await later.receipt]).toMatchObject([{ superseded: 1 }, { superseded: 0 }]);
    expect([backlog.hasCapacity, backlog.holder(KEYED)]).toEqual([true, null]);
    filled(backlog, [itemOf(32 * 1024 * 1024 - 1)]);
    expect(backlog.hasCapacity).toBe(true);
  });

  test('the backlog holds a later operation on a key behind one in flight, and queues it once that one is gone', () => {
    const { backlog } = newBacklog();
    const holder = inFlight(backlog);
    const [second, third] = [sampleItem('K', '1', 'second'), sampleItem('K', '1', 'third')];
    backlog.supersede(holder, second, pending());
    backlog.supersede(holder, third, pending());
    expect([backlog.idle, backlog.take(PLENTY)]).toEqual([true, []]);
    backlog.remove(holder);
    holder.acknowledged(1, false);
    expect(backlog.holder(KEYED)?.operation).toBe(third);
    expect(backlog.take(PLENTY).map(({ operation }) => operation)).toEqual([third]);
  });

  test.each(['putBack', 'putBackHalves'] as const)(
    'the backlog puts a later operation on a key in the place of one that comes back (%s)',
    (how) => {
      const { backlog } = newBacklog();
      const holder = inFlight(backlog);
      const second = sampleItem('K', '1', 'second');
      backlog.supersede(holder, second, pending());
      holder.returned();
      if (how === 'putBack') backlog.putBack([holder], 10);
      else backlog.putBackHalves([holder]);
      vi.advanceTimersByTime(10);
      const taken: WriteOperation[] = [];
      while (!backlog.idle) taken.push(...backlog.take(PLENTY).map(({ operation }) => operation));
      expect(taken).toEqual([second]);
    },
  );

  test('the backlog drops a later operation whose write fails, and fails the writes of what it replaced with it', async () => {
    const { backlog } = newBacklog();
    const [queued, replaced, behind, alsoBehind, own] = Array.from({ length: 5 }, pending) as [
      PendingWrite,
      PendingWrite,
      PendingWrite,
      PendingWrite,
      PendingWrite,
    ];
    const holder = inFlight(backlog, own);
    backlog.supersede(holder, KEYED, alsoBehind);
    backlog.supersede(holder, KEYED, behind);
    const other = sampleItem('L', '1');
    backlog.add(other, replaced);
    const otherHolder = backlog.holder(other);
    if (otherHolder === null) throw new Error('it is there');
    backlog.supersede(otherHolder, other, queued);
    for (const write of [behind, queued]) write.fail(interrupted());
    expect(backlog.dropFailed()).toBe(true);
    expect([alsoBehind.failed, replaced.failed, own.failed]).toEqual([true, true, false]);
    expect(backlog.dropFailed()).toBe(false);
    expect([backlog.holder(other), holder.behind]).toEqual([null, null]);
    backlog.remove(holder);
    expect([backlog.holder(KEYED), backlog.take(PLENTY)]).toEqual([null, []]);
    await expect(replaced.receipt).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
  });

  test('the backlog frees the keys of all operations that a failure among halves takes with it, earlier ones too', () => {
    const { backlog } = newBacklog();
    const [earlier, later] = [new PendingWrite(2), pending()];
    earlier.receipt.catch(() => undefined);
    const other = sampleItem('L', '1');
    filled(backlog, [other, KEYED], earlier);
    const holder = backlog.holder(KEYED);
    if (holder === null) throw new Error('it is there');
    backlog.supersede(holder, KEYED, later);
    backlog.putBackHalves(backlog.take(PLENTY));
    later.fail(interrupted());
    expect(backlog.dropFailed()).toBe(true);
    expect(earlier.failed).toBe(true);
    expect(backlog.dropFailed()).toBe(false);
    expect([backlog.holder(other), backlog.holder(KEYED), backlog.idle]).toEqual([null, null, true]);
    filled(backlog, [itemOf(32 * 1024 * 1024 - 1)]);
    expect(backlog.hasCapacity).toBe(true);
  });

  test('the backlog counts a later operation on a key as an item in its room, and each one that it replaces', () => {
    const { backlog } = newBacklog();
    const holder = inFlight(backlog);
    for (let i = 0; i < 98; i++) backlog.supersede(holder, KEYED, pending());
    expect(backlog.hasCapacity).toBe(true);
    backlog.supersede(holder, KEYED, pending());
    expect(backlog.hasCapacity).toBe(false);
    holder.returned();
    backlog.putBack([holder], 10);
    expect(backlog.hasCapacity).toBe(false);
    backlog.remove(holder);
    expect(backlog.hasCapacity).toBe(true);
  });
});
