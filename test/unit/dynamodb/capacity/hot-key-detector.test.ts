/** Who is too hot, told from what comes back; and how it then goes at its own pace. */
import { describe, expect, test } from 'vitest';
import { HotPartitions } from '../../../../src/dynamodb/capacity/hot-partitions.js';
import { HotKeyDetector } from '../../../../src/dynamodb/capacity/hot-key-detector.js';

function counted(
  attempts: readonly (readonly [partition: string, passed: number, throttled: number])[],
  named = false,
) {
  const throttles = new HotKeyDetector();
  for (const [partition, passed, throttled] of attempts) {
    for (let i = 0; i < throttled; i++) throttles.count({ partition, units: 1, throttled: true }, named, 0);
    for (let i = 0; i < passed; i++) throttles.count({ partition, units: 1, throttled: false }, named, 0);
  }
  const { others, hot } = throttles.settle(500);
  return { others, hot: hot.map(({ partition }) => partition) };
}

describe('HotKeyDetector', () => {
  test('HotKeyDetector finds a key that is throttled while the others pass, and does not count it among them', () => {
    expect(
      counted([
        ['hot', 5, 20],
        ['a', 50, 0],
        ['b', 49, 1],
      ]),
    ).toEqual({
      others: { passed: 104, throttled: 1 },
      hot: ['hot'],
    });
  });

  test('HotKeyDetector finds two hot keys', () => {
    expect(
      counted([
        ['one', 5, 20],
        ['two', 5, 10],
        ['a', 60, 0],
      ]).hot,
    ).toEqual(['one', 'two']);
  });

  test('HotKeyDetector finds no hot key where all are throttled equally', () => {
    expect(
      counted([
        ['a', 20, 20],
        ['b', 25, 15],
        ['c', 18, 22],
      ]),
    ).toEqual({ others: { passed: 63, throttled: 57 }, hot: [] });
  });

  test('HotKeyDetector treats a few more throttles than other keys have as chance', () => {
    const alike = Array.from({ length: 50 }, (_, i) => [`k${i}`, 19, i % 2] as const);
    expect(counted([['unlucky', 16, 4], ...alike]).hot).toEqual([]);
  });

  test('HotKeyDetector does not take two throttles as evidence', () => {
    expect(
      counted([
        ['a', 0, 2],
        ['b', 100, 0],
      ]).hot,
    ).toEqual([]);
  });

  test('HotKeyDetector calls a key that is alone hot only where the service says so', () => {
    expect(counted([['only', 20, 20]]).hot).toEqual([]);
    expect(counted([['only', 20, 20]], true).hot).toEqual(['only']);
  });

  test('HotKeyDetector watches nothing before the first throttle, nor long after the last', () => {
    const throttles = new HotKeyDetector();
    throttles.count({ partition: 'a', units: 1, throttled: false }, false, 0);
    expect(throttles.watching).toBe(false);
    throttles.count({ partition: 'a', units: 1, throttled: true }, false, 0);
    throttles.settle(200);
    expect(throttles.watching).toBe(true);
    throttles.settle(3000);
    expect(throttles.watching).toBe(false);
  });
});

describe('HotPartitions', () => {
  test('HotPartitions sends a hot key at the rate that it was found to take, and lets other keys pass', () => {
    const hot = new HotPartitions();
    hot.add({ partition: 'hot', passedPerSecond: 100, triedPerSecond: 150 }, 0);
    let sent = 0;
    for (let now = 0; now < 2000; now++) {
      expect(hot.wait('cold', now)).toBe(0);
      while (hot.wait('hot', now) === 0) {
        hot.sent('hot', 1);
        sent++;
      }
    }
    expect(sent / 2).toBeGreaterThan(95);
    expect(sent / 2).toBeLessThan(106);
  });

  test('HotPartitions slows a key on throttles, and drops it after a minute without any', () => {
    const hot = new HotPartitions();
    hot.add({ partition: 'hot', passedPerSecond: 1000, triedPerSecond: 1000 }, 0);
    for (let i = 0; i < 50; i++) hot.count({ partition: 'hot', units: 1, throttled: i % 2 === 0 }, 100, 200);
    hot.step(200);
    let sent = 0;
    for (let now = 201; now < 1201; now++) {
      while (hot.wait('hot', now) === 0) {
        hot.sent('hot', 1);
        sent++;
      }
    }
    expect(sent).toBeLessThan(600);
    hot.step(61_000);
    expect(hot.size).toBe(0);
  });
});
