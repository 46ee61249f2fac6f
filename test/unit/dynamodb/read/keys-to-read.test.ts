/** Requests are cut by what their keys are expected to cost, and that is learnt from what they did cost. */
import { describe, expect, test } from 'vitest';
import { type RequestedKey, KeysToRead } from '../../../../src/dynamodb/read/keys-to-read.js';
import { ReadEstimate } from '../../../../src/dynamodb/capacity/cost-factor.js';

const PLENTY = 1e9;
const keysOf = (...units: readonly number[]): RequestedKey[] =>
  units.map((each, i) => ({ text: `k${i}`, units: each, place: i }));
const alike = (count: number, units: number): RequestedKey[] => keysOf(...Array.from({ length: count }, () => units));
const names = (keys: readonly RequestedKey[]): string[] => keys.map(({ text }) => text);

/** One that found everything as expected. */
function sure(): ReadEstimate {
  const estimate = new ReadEstimate();
  estimate.learn(1, 1);
  return estimate;
}

describe('KeysToRead', () => {
  test('KeysToRead puts at most 100 keys into a request, and gives each key once, in their order', () => {
    const keys = new KeysToRead(alike(201, 1));
    const batches = [1, 2, 3].map(() => keys.take(PLENTY, sure()));
    expect(batches.map((batch) => [batch.keys.length, batch.debit])).toEqual([
      [100, 100],
      [100, 100],
      [1, 1],
    ]);
    expect(names(batches.flatMap((batch) => batch.keys))).toEqual(names(alike(201, 1)));
    expect(keys.empty).toBe(true);
    expect(keys.take(PLENTY, sure())).toEqual({ keys: [], debit: 0 });
  });

  test('KeysToRead spends no more than is allowed, exactly that at most, and always gives one key', () => {
    const keys = new KeysToRead(keysOf(3, 4, 3, 20, 1, 1));
    expect(keys.take(10, sure())).toMatchObject({ keys: { length: 3 }, debit: 10 });
    expect(keys.take(10, sure())).toMatchObject({ keys: { length: 1 }, debit: 20 });
    expect(keys.take(1.5, sure())).toMatchObject({ keys: { length: 1 }, debit: 1 });
    expect(keys.empty).toBe(false);
  });

  test('KeysToRead asks for 4 MB at most, whatever the budget: items of 400 KB come ten at a time', () => {
    const keys = new KeysToRead(alike(25, 100));
    expect([keys, keys, keys].map((each) => each.take(PLENTY, sure()).debit)).toEqual([1000, 1000, 500]);
    const exactly = new KeysToRead(alike(100, 16));
    expect(exactly.take(PLENTY, sure())).toMatchObject({ keys: { length: 64 }, debit: 1024 });
  });

  test('KeysToRead goes by what was learnt: larger items than expected make smaller requests', () => {
    const estimate = new ReadEstimate();
    expect(new KeysToRead(alike(100, 1)).take(PLENTY, estimate)).toMatchObject({ keys: { length: 10 }, debit: 1000 });
    estimate.learn(50, 2);
    expect(new KeysToRead(alike(100, 1)).take(PLENTY, estimate)).toMatchObject({ keys: { length: 40 }, debit: 1000 });
  });

  test('KeysToRead gives first what was put back, in its order', () => {
    const keys = new KeysToRead(keysOf(1, 1, 1, 1));
    const { keys: taken } = keys.take(3, sure());
    keys.putBack(taken.slice(1));
    expect(names(keys.take(PLENTY, sure()).keys)).toEqual(['k1', 'k2', 'k3']);
  });
});

describe('ReadEstimate', () => {
  test('ReadEstimate expects the worst before the first answer, an item of 400 KB, and then what came', () => {
    const estimate = new ReadEstimate();
    expect([estimate.most(1), estimate.most(7), estimate.likely(7)]).toEqual([100, 100, 7]);
    estimate.learn(20, 10);
    expect([estimate.most(7), estimate.likely(7)]).toEqual([14, 14]);
  });

  test('ReadEstimate never expects more than an item can have, nor less than the expected size', () => {
    const estimate = new ReadEstimate();
    estimate.learn(1, 98);
    expect([estimate.most(98), estimate.likely(98)]).toEqual([98, 98]);
    estimate.learn(3000, 30);
    expect([estimate.most(2), estimate.likely(2)]).toEqual([100, 100]);
  });

  test('ReadEstimate follows a rise at once and a fall by a tenth each time, and ignores an empty answer', () => {
    const estimate = sure();
    estimate.learn(5, 1);
    expect(estimate.most(1)).toBe(5);
    estimate.learn(0, 0);
    expect(estimate.most(1)).toBe(5);
    estimate.learn(3, 1);
    expect(estimate.most(1)).toBeCloseTo(4.8);
    estimate.learn(0, 1);
    expect(estimate.most(1)).toBeCloseTo(4.42);
  });
});
