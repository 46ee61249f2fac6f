import { describe, expect, test } from 'vitest';
import { NoProgressDeadline, retryDelay } from '../../../../src/dynamodb/failures/backoff.js';

describe('retryDelay', () => {
  test('retryDelay is evenly spread under a bound that doubles and then stays', () => {
    const highest = [1, 2, 3, 6, 7, 100, 5000].map((attempt) => retryDelay(attempt, () => 0.9999999));
    expect(highest).toEqual([99, 199, 399, 3199, 4999, 4999, 4999]);
    expect(retryDelay(3, () => 0.5)).toBe(200);
  });

  test('retryDelay is never 0, and is longer for a hot key range', () => {
    expect(retryDelay(1, () => 0)).toBe(1);
    expect(retryDelay(0, () => 0)).toBe(1);
    expect(retryDelay(1, () => 0.5, true)).toBe(250);
  });
});

describe('NoProgressDeadline', () => {
  test('NoProgressDeadline counts from the first failure after the last progress', () => {
    const deadline = new NoProgressDeadline(() => 10);
    expect(deadline.exhaustedBy(100_000)).toBe(false);
    expect(deadline.exhaustedBy(109_999)).toBe(false);
    deadline.progress();
    expect(deadline.exhaustedBy(200_000)).toBe(false);
    expect(deadline.exhaustedBy(210_000)).toBe(true);
  });

  test('NoProgressDeadline does not count the time in which the budget held everything back', () => {
    const deadline = new NoProgressDeadline(() => 10);
    expect(deadline.exhaustedBy(0)).toBe(false);
    for (const at of [1_000, 95_000, 200_000]) {
      deadline.heldBack(at);
      deadline.heldBack(at + 500);
      deadline.released(at + 90_000);
      // Whatever else was served at the same time.
      deadline.released(at + 90_500);
      expect(deadline.exhaustedBy(at + 90_001)).toBe(at === 200_000);
    }
  });

  test('NoProgressDeadline counts time as held back from the first call of heldBack', () => {
    const deadline = new NoProgressDeadline(() => 10);
    expect(deadline.exhaustedBy(0)).toBe(false);
    deadline.heldBack(1_000);
    deadline.heldBack(8_000);
    deadline.released(9_000);
    expect(deadline.exhaustedBy(15_000)).toBe(false);
    expect(deadline.exhaustedBy(18_000)).toBe(true);
  });

  test('NoProgressDeadline ends after ten failed tries, whatever was waited for between them', () => {
    const deadline = new NoProgressDeadline(() => 10);
    const tries = Array.from({ length: 10 }, (_, i) => {
      deadline.heldBack(i * 60_000);
      deadline.released(i * 60_000 + 59_000);
      return deadline.exhaustedBy(i * 60_000 + 59_001);
    });
    expect(tries).toEqual([...Array<boolean>(9).fill(false), true]);
    deadline.progress();
    expect(deadline.exhaustedBy(10_000_000)).toBe(false);
  });
});

test('NoProgressDeadline applies a shorter deadline at the next failure', () => {
  let seconds = 100;
  const deadline = new NoProgressDeadline(() => seconds);
  expect(deadline.exhaustedBy(0)).toBe(false);
  expect(deadline.exhaustedBy(20_000)).toBe(false);
  seconds = 10;
  expect(deadline.exhaustedBy(20_001)).toBe(true);
});
