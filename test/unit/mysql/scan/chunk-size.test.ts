import { expect, test } from 'vitest';
import { ChunkSize, type SeenSelect } from '../../../../src/mysql/scan/chunk-size.js';

/** A SELECT of as many rows as were asked for, at once. */
const select = ({ rows }: ChunkSize, seen: Partial<SeenSelect> = {}): SeenSelect => ({
  looked: rows,
  rows,
  bytes: rows,
  elapsedMs: 1,
  ...seen,
});
const limits = { chunkMs: 100, chunkRows: 10_000, chunkBytes: 1_000_000 };

test('ChunkSize starts small, at most doubles, and stays within the limit of rows', () => {
  const size = new ChunkSize(limits);
  const seen: number[] = [];
  for (let i = 0; i < 9; i++) {
    seen.push(size.rows);
    size.observe(select(size, { bytes: size.rows * 10 }));
  }
  expect(seen).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
});

test('ChunkSize halves when a SELECT took too long, down to one row', () => {
  const size = new ChunkSize(limits);
  for (const expected of [50, 25, 12, 6, 3, 1, 1]) {
    size.observe(select(size, { elapsedMs: 101 }));
    expect(size.rows).toBe(expected);
  }
});

test('ChunkSize settles at the time aimed for', () => {
  const size = new ChunkSize(limits);
  for (let i = 0; i < 20; i++) size.observe(select(size, { elapsedMs: size.rows / 10 }));
  expect(size.rows).toBeGreaterThan(900);
  expect(size.rows).toBeLessThanOrEqual(1_000);
});

test('ChunkSize asks for no more rows than the limit of bytes holds', () => {
  const size = new ChunkSize({ ...limits, chunkBytes: 10_000 });
  size.observe(select(size, { bytes: 100_000 }));
  expect(size.rows).toBe(10);
  size.observe(select(size, { bytes: 200_000 }));
  expect(size.rows).toBe(1);
});

test('ChunkSize begins within a limit below its usual start', () => {
  expect(new ChunkSize({ ...limits, chunkRows: 7 }).rows).toBe(7);
});

test('ChunkSize applies a lowered limit of rows to the next SELECT, and still halves what fails then', () => {
  const live = { ...limits };
  const size = new ChunkSize(live);
  for (let i = 0; i < 6; i++) size.observe(select(size));
  expect(size.rows).toBe(6_400);
  live.chunkRows = 40;
  expect(size.rows).toBe(40);
  size.failed(20);
  expect(size.rows).toBe(20);
  live.chunkRows = 10;
  size.observe(select(size));
  expect(size.rows).toBe(10);
  size.overflowed(40);
  expect(size.rows).toBe(5);
});

test('ChunkSize asks for half as many rows after a failure, or fewer where it took far too long, down to one', () => {
  const size = new ChunkSize({ ...limits, chunkRows: 1_600 });
  for (let i = 0; i < 6; i++) size.observe(select(size));
  expect(size.rows).toBe(1_600);
  const seen: number[] = [];
  for (const elapsedMs of [20, 300, 120_000, 0, 0, 0, 0, 0, 0]) {
    size.failed(elapsedMs);
    seen.push(size.rows);
  }
  expect(seen).toEqual([800, 266, 33, 16, 8, 4, 2, 1, 1]);
});

test('ChunkSize meets a constant limit less and less often, and stays near it', () => {
  const size = new ChunkSize(limits);
  const failures: number[] = [];
  let rows = 0;
  for (let i = 0; i < 10_000; i++) {
    if (size.rows > 240) {
      size.failed(20);
      failures.push(i);
    } else {
      if (i > 1_000) rows += size.rows;
      size.observe(select(size));
    }
  }
  expect(failures.length).toBeLessThan(20);
  expect(failures.filter((i) => i > 5_000).length).toBeLessThan(6);
  expect(rows / 9_000).toBeGreaterThan(120);
});

test('ChunkSize asks for as many rows as ever where rows are cheap again, also after an outage', () => {
  const size = new ChunkSize(limits);
  for (let i = 0; i < 8; i++) size.observe(select(size));
  for (let i = 0; i < 14; i++) size.failed(1);
  expect(size.rows).toBe(1);
  let selects = 0;
  for (; size.rows < limits.chunkRows; selects++) size.observe(select(size));
  expect(selects).toBeLessThan(1_500);
});

test('ChunkSize judges a condition that no row meets by its time as well', () => {
  const size = new ChunkSize(limits);
  size.observe(select(size, { rows: 0, bytes: 0, elapsedMs: 1_000 }));
  expect(size.rows).toBe(50);
  size.observe(select(size, { rows: 0, bytes: 0 }));
  expect(size.rows).toBe(100);
});

/** Successes until more rows are asked for than failed. */
function proofAt(size: ChunkSize): number {
  const failed = size.rows;
  let successes = 0;
  for (; size.rows <= failed; successes++) size.observe(select(size));
  return successes;
}

test('ChunkSize takes failures in a row as one, and asks for twice the proof after each later failure', () => {
  const size = new ChunkSize(limits);
  for (let i = 0; i < 3; i++) size.failed(1);
  expect([size.rows, proofAt(size)]).toEqual([12, 16]);
  for (const proof of [32, 64]) {
    size.failed(1);
    size.failed(1);
    expect(proofAt(size)).toBe(proof);
  }
});
