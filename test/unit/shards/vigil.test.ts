import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Vigil } from '../../../src/shards/vigil.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function started(): { vigil: Vigil; told: string[] } {
  const told: string[] = [];
  const vigil = new Vigil(
    (seconds) => told.push(`silent for ${seconds} s`),
    () => told.push('given up'),
  );
  return { vigil, told };
}

test('silence is told once, and given up once, after minutes', () => {
  const { vigil, told } = started();
  vi.advanceTimersByTime(9_500);
  expect(told).toEqual([]);
  vi.advanceTimersByTime(600);
  expect(told).toEqual(['silent for 10 s']);
  vi.advanceTimersByTime(289_000);
  expect(told).toEqual(['silent for 10 s']);
  vi.advanceTimersByTime(3_600_000);
  expect(told).toEqual(['silent for 10 s', 'given up']);
  vigil.end();
  expect(vi.getTimerCount()).toBe(0);
});

test('a sign of life begins it anew', () => {
  const { vigil, told } = started();
  for (let i = 0; i < 100; i++) {
    vi.advanceTimersByTime(9_000);
    vigil.heard();
  }
  expect(told).toEqual([]);
  vi.advanceTimersByTime(10_000);
  expect(told).toEqual(['silent for 10 s']);
  vigil.end();
});
