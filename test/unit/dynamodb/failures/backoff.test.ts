import { describe, expect, test } from 'vitest';
import { Patience, retryDelay } from '../../../../src/dynamodb/failures/backoff.js';

describe('retryDelay', () => {
  test('is evenly spread under a bound that doubles and then stands', () => {
    const highest = [1, 2, 3, 6, 7, 100, 5000].map((attempt) => retryDelay(attempt, () => 0.9999999));
    expect(highest).toEqual([99, 199, 399, 3199, 4999, 4999, 4999]);
    expect(retryDelay(3, () => 0.5)).toBe(200);
  });

  test('never is 0, and a hot key range waits longer', () => {
    expect(retryDelay(1, () => 0)).toBe(1);
    expect(retryDelay(0, () => 0)).toBe(1);
    expect(retryDelay(1, () => 0.5, true)).toBe(250);
  });
});

describe('Patience', () => {
  test('counts from the first failure after the last progress', () => {
    const patience = new Patience(() => 10);
    expect(patience.exhaustedBy(100_000)).toBe(false);
    expect(patience.exhaustedBy(109_999)).toBe(false);
    patience.progress();
    expect(patience.exhaustedBy(200_000)).toBe(false);
    expect(patience.exhaustedBy(210_000)).toBe(true);
  });

  test('does not count the time in which the budget held everything back', () => {
    const patience = new Patience(() => 10);
    expect(patience.exhaustedBy(0)).toBe(false);
    for (const at of [1_000, 95_000, 200_000]) {
      patience.heldBack(at);
      patience.heldBack(at + 500);
      patience.released(at + 90_000);
      // Whatever else was served at the same time.
      patience.released(at + 90_500);
      expect(patience.exhaustedBy(at + 90_001)).toBe(at === 200_000);
    }
  });

  test('counts as held back from when that was said first', () => {
    const patience = new Patience(() => 10);
    expect(patience.exhaustedBy(0)).toBe(false);
    patience.heldBack(1_000);
    patience.heldBack(8_000);
    patience.released(9_000);
    expect(patience.exhaustedBy(15_000)).toBe(false);
    expect(patience.exhaustedBy(18_000)).toBe(true);
  });

  test('but many failed tries are many, whatever was waited for between them', () => {
    const patience = new Patience(() => 10);
    const tries = Array.from({ length: 10 }, (_, i) => {
      patience.heldBack(i * 60_000);
      patience.released(i * 60_000 + 59_000);
      return patience.exhaustedBy(i * 60_000 + 59_001);
    });
    expect(tries).toEqual([...Array<boolean>(9).fill(false), true]);
    patience.progress();
    expect(patience.exhaustedBy(10_000_000)).toBe(false);
  });
});

test('a patience that has become shorter holds at the next failure', () => {
  let seconds = 100;
  const patience = new Patience(() => seconds);
  expect(patience.exhaustedBy(0)).toBe(false);
  expect(patience.exhaustedBy(20_000)).toBe(false);
  seconds = 10;
  expect(patience.exhaustedBy(20_001)).toBe(true);
});
