import { expect, test } from 'vitest';
import { ChunkSize } from '../../../src/mysql/chunk-size.js';

const limits = { chunkMs: 100, chunkRows: 10_000, chunkBytes: 1_000_000 };

test('starts small, at most doubles, and stays within the limit of rows', () => {
  const size = new ChunkSize(limits);
  const seen: number[] = [];
  for (let i = 0; i < 9; i++) {
    seen.push(size.rows);
    size.observe({ rows: size.rows, bytes: size.rows * 10, elapsedMs: 1 });
  }
  expect(seen).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
});

test('halves when a SELECT took too long, down to one row', () => {
  const size = new ChunkSize(limits);
  for (const expected of [50, 25, 12, 6, 3, 1, 1]) {
    size.observe({ rows: size.rows, bytes: 10, elapsedMs: 101 });
    expect(size.rows).toBe(expected);
  }
});

test('settles at the time aimed for', () => {
  const size = new ChunkSize(limits);
  for (let i = 0; i < 20; i++) size.observe({ rows: size.rows, bytes: size.rows, elapsedMs: size.rows / 10 });
  expect(size.rows).toBeGreaterThan(900);
  expect(size.rows).toBeLessThanOrEqual(1_000);
});

test('asks for no more rows than the limit of bytes holds', () => {
  const size = new ChunkSize({ ...limits, chunkBytes: 10_000 });
  size.observe({ rows: 100, bytes: 100_000, elapsedMs: 1 });
  expect(size.rows).toBe(10);
  size.observe({ rows: 10, bytes: 200_000, elapsedMs: 1 });
  expect(size.rows).toBe(1);
});

test('begins within a limit below its usual start', () => {
  expect(new ChunkSize({ ...limits, chunkRows: 7 }).rows).toBe(7);
});
