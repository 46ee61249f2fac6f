import { expect, it } from 'vitest';
import { ageOf, thisInstant } from '../../../../src/core/time/age.js';
import { leastTombstoneSeconds, rowLifeSeconds } from '../../../../src/core/time/row-life.js';

it('rowLifeSeconds lets the latest possible write land while the tombstone is there', () => {
  const [kept, lag, lateWrite] = [7 * 86_400, 30, 20 * 60];
  const life = rowLifeSeconds(kept, lag);
  expect(life).toBeGreaterThan(0);
  expect(lag + life + lateWrite).toBeLessThan(kept);
});

it('leastTombstoneSeconds lets a row live as long as dynaferry waits for the target', () => {
  expect(rowLifeSeconds(leastTombstoneSeconds(300, 10), 10)).toBe(300);
});

it('ageOf takes the clock that says more: one set back, or one that stood still, makes no moment younger', () => {
  const { wall, monotonic } = thisInstant();
  const moment = { wall, monotonic };
  expect(ageOf(moment, { wall: wall + 10, monotonic: monotonic + 10 })).toBe(10);
  expect(ageOf(moment, { wall: wall - 3_600_000, monotonic: monotonic + 10 })).toBe(10);
  expect(ageOf(moment, { wall: wall + 3_600_000, monotonic: monotonic + 10 })).toBe(3_600_000);
});
