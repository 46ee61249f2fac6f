/** The pace of a hot partition key, and when it changes; all by a clock of the test's own. */
import { describe, expect, test } from 'vitest';
import { HotPartitions } from '../../../../src/dynamodb/capacity/hot-partitions.js';
import { HotKeyDetector } from '../../../../src/dynamodb/capacity/hot-key-detector.js';
import { WriteFeedback } from '../../../../src/dynamodb/write/write-feedback.js';
import { QueuedOperation } from '../../../../src/dynamodb/write/queued-operation.js';
import { PendingWrite } from '../../../../src/dynamodb/write/pending-write.js';
import { sampleItem } from '../../../contract/item-writer-samples.js';

const HOT = { partition: 'hot', passedPerSecond: 100, triedPerSecond: 150 };

describe('HotPartitions', () => {
  test('HotPartitions paces a key by the clock, with a burst of 50 ms at most', () => {
    const hot = new HotPartitions();
    hot.add(HOT, 1000);
    expect([hot.size, [...hot.partitions()]]).toEqual([1, ['hot']]);
    expect(hot.wait('hot', 1000)).toBe(0);
    hot.sent('hot', 1);
    // One unit of debt, and a burst of five: at 100 a second.
    expect(hot.wait('hot', 1000)).toBeCloseTo(60);
    expect(hot.wait('hot', 1009)).toBeCloseTo(51);
    expect(hot.wait('hot', 1011)).toBe(0);
    expect(hot.wait('hot', 61_000)).toBe(0);
    hot.sent('hot', 5);
    expect(hot.wait('hot', 61_000)).toBe(0);
    hot.sent('hot', 1);
    expect(hot.wait('hot', 61_000)).toBeCloseTo(60);
    hot.sent('cold', 1e9);
    expect(hot.wait('cold', 61_000)).toBe(0);
  });

  test.each([
    [100, 150, 100],
    [10, 150, 75],
    [0, 6, 20],
  ])(
    'HotPartitions starts a key at what passed (%i), at half of what was tried (%i), or at 20 a second',
    (passed, tried, rate) => {
      const hot = new HotPartitions();
      hot.add({ partition: 'hot', passedPerSecond: passed, triedPerSecond: tried }, 0);
      hot.sent('hot', rate);
      expect(hot.wait('hot', 0)).toBeCloseTo(1050);
    },
  );

  test('HotPartitions changes a rate five times a second at most, and not before there is something to count', () => {
    const hot = new HotPartitions();
    hot.add(HOT, 0);
    hot.sent('hot', 1000);
    // Deep in debt, the wait is the longer the lower the rate is.
    const before = hot.wait('hot', 0);
    const slowed = (): boolean => hot.wait('hot', 0) > before;
    hot.count({ partition: 'hot', units: 24, throttled: true }, 0, 100);
    hot.step(199);
    hot.step(1999);
    expect(slowed()).toBe(false);
    hot.count({ partition: 'hot', units: 1, throttled: false }, 0, 100);
    hot.step(199);
    expect(slowed()).toBe(false);
    hot.step(200);
    expect(slowed()).toBe(true);
  });

  test('HotPartitions changes a rate after two seconds where little is sent', () => {
    const hot = new HotPartitions();
    hot.add(HOT, 0);
    hot.sent('hot', 1000);
    const before = hot.wait('hot', 0);
    hot.count({ partition: 'hot', units: 1, throttled: true }, 0, 100);
    hot.step(1999);
    expect(hot.wait('hot', 0)).toBe(before);
    hot.step(2000);
    expect(hot.wait('hot', 0)).toBeGreaterThan(before);
  });

  test('HotPartitions does not count what was sent before the key was found, or before its last cut', () => {
    /** @returns how long it waits, deep in debt, at the end */
    const waits = (late: boolean): number => {
      const hot = new HotPartitions();
      hot.add(HOT, 1000);
      hot.sent('hot', 1000);
      if (late) hot.count({ partition: 'hot', units: 500, throttled: true }, 999, 1100);
      hot.step(3000);
      expect(hot.count({ partition: 'hot', units: 30, throttled: true }, 3000, 3100)).toBe(true);
      hot.step(3200);
      if (late) expect(hot.count({ partition: 'hot', units: 500, throttled: true }, 3199, 3300)).toBe(true);
      hot.step(5200);
      hot.count({ partition: 'hot', units: 30, throttled: true }, 3200, 5300);
      hot.step(5500);
      return hot.wait('hot', 1000);
    };
    expect(waits(true)).toBe(waits(false));
  });

  test('HotPartitions raises a rate only where the items waited for it', () => {
    /** @returns units a second in the end, after a minute without a throttle in which 30 units passed every 300 ms */
    const grownTo = (waiting: boolean): number => {
      const hot = new HotPartitions();
      hot.add(HOT, 0);
      for (let now = 300; now <= 60_000; now += 300) {
        if (waiting) {
          hot.sent('hot', 60);
          hot.wait('hot', now);
        }
        hot.count({ partition: 'hot', units: 30, throttled: false }, now - 1, now);
        hot.step(now);
      }
      hot.sent('hot', 1_000_000);
      // Deep in debt, to a burst of 50 ms again.
      return 1e9 / (hot.wait('hot', 60_000) - 50);
    };
    expect(grownTo(true)).toBeGreaterThan(grownTo(false) * 1.5);
  });

  test('HotPartitions does not count keys that are not hot', () => {
    const hot = new HotPartitions();
    hot.add(HOT, 1000);
    expect(hot.count({ partition: 'cold', units: 1, throttled: true }, 1000, 1100)).toBe(false);
    expect(hot.count({ partition: 'hot', units: 1, throttled: true }, 1000, 1100)).toBe(true);
  });

  test('HotPartitions drops a key a minute after its last throttle, not before', () => {
    const hot = new HotPartitions();
    hot.add(HOT, 0);
    hot.count({ partition: 'hot', units: 1, throttled: true }, 500, 1000);
    hot.count({ partition: 'hot', units: 1, throttled: false }, 500, 9000);
    hot.step(61_000);
    expect(hot.size).toBe(1);
    hot.step(61_001);
    expect(hot.size).toBe(0);
  });
});

describe('HotKeyDetector', () => {
  const throttle = (throttles: HotKeyDetector, partition: string, times: number, now: number, named = false): void => {
    for (let i = 0; i < times; i++) throttles.count({ partition, units: 2, throttled: true }, named, now);
  };
  const pass = (throttles: HotKeyDetector, partition: string, units: number): void => {
    throttles.count({ partition, units, throttled: false }, false, 0);
  };

  test('HotKeyDetector reports for a hot key what passed and what was tried, a second, since its first throttle', () => {
    const throttles = new HotKeyDetector();
    throttle(throttles, 'hot', 10, 1000);
    pass(throttles, 'hot', 30);
    pass(throttles, 'cold', 200);
    expect(throttles.counted).toBe(250);
    expect(throttles.settle(1500)).toEqual({
      others: { passed: 230, throttled: 0 },
      hot: [{ partition: 'hot', passedPerSecond: 60, triedPerSecond: 100 }],
    });
    expect([throttles.watching, throttles.counted]).toEqual([false, 0]);
  });

  test('HotKeyDetector counts a key that is hot from its first moment over 50 ms at least', () => {
    const throttles = new HotKeyDetector();
    throttle(throttles, 'hot', 10, 1000);
    pass(throttles, 'cold', 200);
    expect(throttles.settle(1000).hot).toMatchObject([{ passedPerSecond: 0, triedPerSecond: 400 }]);
  });

  test('HotKeyDetector needs at least three throttles of a key, and twenty units of others', () => {
    const told = (times: number, others: number, named: boolean): number => {
      const throttles = new HotKeyDetector();
      throttle(throttles, 'hot', times, 0, named);
      pass(throttles, 'cold', others);
      return throttles.settle(500).hot.length;
    };
    expect([told(2, 1000, true), told(3, 1000, false)]).toEqual([0, 1]);
    expect([told(3, 19, false), told(3, 19, true), told(3, 20, false)]).toEqual([0, 1, 1]);
  });

  test('HotKeyDetector needs more throttles of a key than a tenth of its own attempts', () => {
    const told = (own: number): number => {
      const throttles = new HotKeyDetector();
      throttle(throttles, 'hot', 10, 0);
      pass(throttles, 'hot', own);
      pass(throttles, 'cold', 10_000);
      return throttles.settle(500).hot.length;
    };
    expect([told(180), told(179)]).toEqual([0, 1]);
  });

  test('HotKeyDetector needs more throttles than the others’ share would be, plus three and five deviations', () => {
    const told = (times: number): number => {
      const throttles = new HotKeyDetector();
      throttle(throttles, 'hot', times, 0);
      pass(throttles, 'hot', 1000 - 2 * times);
      // A tenth of the others: 100 are expected, 153 are still chance.
      for (let i = 0; i < 1000; i++) throttle(throttles, `k${i}`, 1, 0);
      pass(throttles, 'cold', 18_000);
      return throttles.settle(500).hot.length;
    };
    expect([told(76), told(77)]).toEqual([0, 1]);
  });

  test('HotKeyDetector looks back over earlier steps, and forgets a fifth of its sums each time', () => {
    const throttles = new HotKeyDetector();
    pass(throttles, 'cold', 31);
    throttles.settle(100);
    throttles.settle(200);
    throttle(throttles, 'hot', 3, 250);
    expect(throttles.settle(300).hot.length).toBe(0);
    const fuller = new HotKeyDetector();
    pass(fuller, 'cold', 31.5);
    fuller.settle(100);
    fuller.settle(200);
    throttle(fuller, 'hot', 3, 250);
    expect(fuller.settle(300).hot.length).toBe(1);
  });

  test('HotKeyDetector forgets a key two seconds after its last throttle, not before', () => {
    const throttles = new HotKeyDetector();
    throttle(throttles, 'a', 1, 1000);
    throttles.settle(3000);
    expect(throttles.watching).toBe(true);
    throttles.settle(3001);
    expect(throttles.watching).toBe(false);
  });

  test('HotKeyDetector watches no more than 2,000 throttled keys', () => {
    const throttles = new HotKeyDetector();
    for (let i = 0; i < 2000; i++) throttle(throttles, `k${i}`, 1, 0);
    throttle(throttles, 'late', 50, 0);
    pass(throttles, 'cold', 1e6);
    expect(throttles.settle(500).hot).toEqual([]);
    const fewer = new HotKeyDetector();
    for (let i = 0; i < 1999; i++) throttle(fewer, `k${i}`, 1, 0);
    throttle(fewer, 'late', 50, 0);
    pass(fewer, 'cold', 1e6);
    expect(fewer.settle(500).hot.map(({ partition }) => partition)).toEqual(['late']);
  });
});

describe('WriteFeedback', () => {
  class Bucket {
    waits = 0;
    readonly limit = 1000;
    readonly shares: number[] = [];
    setShare(share: number): void {
      this.shares.push(share);
    }
  }
  const queued = (partition: string, units = 1): QueuedOperation =>
    new QueuedOperation(sampleItem(partition, '1'), new PendingWrite(1), units);
  const nameOf = (name: string): string => JSON.stringify({ S: name });
  const batchOf = (names: string, count: number): QueuedOperation[] =>
    Array.from({ length: count }, (_, i) => queued(names[i % names.length] ?? ''));
  const NONE: ReadonlySet<QueuedOperation> = new Set();

  test('WriteFeedback changes the share for what the table throttles, not for a hot key alone', () => {
    const bucket = new Bucket();
    const feedback = new WriteFeedback(bucket, 0);
    const batch = batchOf('abcde', 100);
    const throttled = new Set(batch.filter((_, i) => i % 10 < 5 && i % 2 === 0));
    feedback.note({ batch, units: 100, throttled, hotKeyRange: false, sentAt: 100 }, 200);
    expect(bucket.shares).toEqual([1 - throttled.size / 100 - 0.01]);
    expect(feedback.hot.size).toBe(0);

    const other = new Bucket();
    const separate = new WriteFeedback(other, 0);
    const mixed = [...batchOf('abcde', 100), ...batchOf('h', 50)];
    separate.note(
      { batch: mixed, units: 150, throttled: new Set(mixed.slice(100)), hotKeyRange: false, sentAt: 100 },
      200,
    );
    expect([...separate.hot.partitions()]).toEqual([nameOf('h')]);
    expect(other.shares).toEqual([]);
  });

  test('WriteFeedback counts a known hot key by itself', () => {
    const bucket = new Bucket();
    const feedback = new WriteFeedback(bucket, 0);
    feedback.hot.add({ partition: nameOf('h'), passedPerSecond: 100, triedPerSecond: 100 }, 0);
    const mixed = [...batchOf('abcde', 100), ...batchOf('h', 50)];
    feedback.hot.sent(nameOf('h'), 1000);
    const before = feedback.hot.wait(nameOf('h'), 0);
    feedback.note(
      { batch: mixed, units: 150, throttled: new Set(mixed.slice(120)), hotKeyRange: true, sentAt: 100 },
      200,
    );
    expect(bucket.shares).toEqual([]);
    expect(feedback.hot.wait(nameOf('h'), 0)).toBeGreaterThan(before);
  });

  test('WriteFeedback does not count what was sent before a cut', () => {
    const bucket = new Bucket();
    const feedback = new WriteFeedback(bucket, 0);
    const batch = batchOf('abcde', 100);
    const half = new Set(batch.slice(0, 50));
    const few = new Set(batch.slice(0, 10));
    feedback.note({ batch, units: 100, throttled: few, hotKeyRange: false, sentAt: 100 }, 200);
    expect(bucket.shares.length).toBe(1);
    feedback.note({ batch, units: 100, throttled: half, hotKeyRange: false, sentAt: 199 }, 500);
    feedback.note({ batch, units: 100, throttled: NONE, hotKeyRange: false, sentAt: 199 }, 500);
    expect(bucket.shares.length).toBe(1);
    feedback.note({ batch, units: 100, throttled: half, hotKeyRange: false, sentAt: 200 }, 500);
    expect(bucket.shares.length).toBe(2);
  });

  test('WriteFeedback ends a step also after a hundred units that pass', () => {
    const bucket = new Bucket();
    const feedback = new WriteFeedback(bucket, 0);
    const batch = batchOf('abcde', 100);
    feedback.note({ batch, units: 100, throttled: new Set(batch.slice(0, 50)), hotKeyRange: false, sentAt: 100 }, 200);
    const [low = 0] = bucket.shares;
    bucket.waits++;
    for (let at = 400; at < 4000; at += 200) {
      bucket.waits++;
      feedback.note({ batch, units: 100, throttled: NONE, hotKeyRange: false, sentAt: at - 50 }, at);
    }
    expect(bucket.shares.at(-1)).toBeGreaterThan(low * 0.95);
    expect(bucket.shares.length).toBeGreaterThan(10);
  });
});
