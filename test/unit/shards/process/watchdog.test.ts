import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Watchdog } from '../../../../src/shards/process/watchdog.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function started(): { watchdog: Watchdog; told: string[] } {
  const told: string[] = [];
  const watchdog = new Watchdog(
    (seconds) => told.push(`silent for ${seconds} s`),
    () => told.push('given up'),
  );
  return { watchdog, told };
}

test('Watchdog reports silence once, and gives up once, after minutes', () => {
  const { watchdog, told } = started();
  vi.advanceTimersByTime(9_500);
  expect(told).toEqual([]);
  vi.advanceTimersByTime(600);
  expect(told).toEqual(['silent for 10 s']);
  vi.advanceTimersByTime(289_000);
  expect(told).toEqual(['silent for 10 s']);
  vi.advanceTimersByTime(3_600_000);
  expect(told).toEqual(['silent for 10 s', 'given up']);
  watchdog.end();
  expect(vi.getTimerCount()).toBe(0);
});

test('Watchdog starts again at a sign of life', () => {
  const { watchdog, told } = started();
  for (let i = 0; i < 100; i++) {
    vi.advanceTimersByTime(9_000);
    watchdog.heard();
  }
  expect(told).toEqual([]);
  vi.advanceTimersByTime(10_000);
  expect(told).toEqual(['silent for 10 s']);
  watchdog.end();
});
