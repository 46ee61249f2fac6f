import { expect, test } from 'vitest';
import { bootMonotonic, monotonicOffset } from '../../../../src/state/home/clocks.js';

test.each([
  ['monotonic           0         0\nboottime            0         0\n', 0],
  ['monotonic       86400 500000000\nboottime      1000000         0\n', 86_400_500],
  ['monotonic         -11         0\nboottime           -7         0\n', -11_000],
  ['', 0],
])('monotonicOffset reads what a time namespace adds to the monotonic clock: %j', (offsets, ms) => {
  expect(monotonicOffset(offsets)).toBe(ms);
});

test('bootMonotonic never goes back', () => {
  const before = bootMonotonic();
  expect(bootMonotonic()).toBeGreaterThanOrEqual(before);
});
