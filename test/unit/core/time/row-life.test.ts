import { expect, it } from 'vitest';
import { ageOf, thisInstant } from '../../../../src/core/time/age.js';
import { leastTombstoneSeconds, rowLifeSeconds } from '../../../../src/core/time/row-life.js';

it('a write that lands as late as it can lands while the tombstone is there', () => {
  const [kept, lag, lateWrite] = [7 * 86_400, 30, 20 * 60];
  const life = rowLifeSeconds(kept, lag);
  expect(life).toBeGreaterThan(0);
  expect(lag + life + lateWrite).toBeLessThan(kept);
});

it('the least time leaves a row as long as the target is waited for', () => {
  expect(rowLifeSeconds(leastTombstoneSeconds(300, 10), 10)).toBe(300);
});

it('a moment ages by the clock that says more: one set back, or one that stood still, makes nothing younger', () => {
  const { wall, monotonic } = thisInstant();
  const moment = { wall, monotonic };
  expect(ageOf(moment, { wall: wall + 10, monotonic: monotonic + 10 })).toBe(10);
  expect(ageOf(moment, { wall: wall - 3_600_000, monotonic: monotonic + 10 })).toBe(10);
  expect(ageOf(moment, { wall: wall + 3_600_000, monotonic: monotonic + 10 })).toBe(3_600_000);
});
