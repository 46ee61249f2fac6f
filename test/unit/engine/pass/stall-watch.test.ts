import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { interrupted } from '../../../../src/core/errors.js';
import { StallWatch, type Wait } from '../../../../src/engine/pass/stall-watch.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const TIMES = { tickMs: 1_000, tellAfter: 10, stopAfter: 20, graceTicks: 5 };

function watched(): {
  readonly watch: StallWatch;
  readonly outer: AbortController;
  readonly counts: Record<string, number>;
  readonly told: (readonly [string | null, number])[];
  readonly excuse: { now: boolean };
  readonly wait: { now: Wait | null };
} {
  const outer = new AbortController();
  const counts = { rows: 0, items: 0 };
  const told: (readonly [string | null, number])[] = [];
  const excuse = { now: false };
  const wait: { now: Wait | null } = { now: null };
  const watch = new StallWatch('s01', outer.signal, TIMES, {
    movements: () => ({ ...counts }),
    onMoved: () => undefined,
    excused: () => excuse.now,
    waitsFor: () => wait.now,
    onStalled: (last, seconds) => told.push([last, seconds]),
  });
  return { watch, outer, counts, told, excuse, wait };
}

test('StallWatch reports a stand-still once, with what moved last, and then stops the work', async () => {
  const { watch, counts, told } = watched();
  counts['rows'] = 5;
  await vi.advanceTimersByTimeAsync(1_000);
  await vi.advanceTimersByTimeAsync(9_000);
  expect(told).toEqual([]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(told).toEqual([['rows', 10]]);
  await vi.advanceTimersByTimeAsync(9_000);
  expect(watch.signal.aborted).toBe(false);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(watch.signal.aborted).toBe(true);
  expect(told).toHaveLength(1);
  expect(watch.reasonOf(interrupted())).toMatchObject({
    code: 'E_STALLED',
    message: 'shard s01: no progress for 20 s; the last progress was rows',
  });
  watch.end();
  expect(vi.getTimerCount()).toBe(0);
});

test('StallWatch states what the work waits for where that is known, and accuses nobody else', async () => {
  const { watch, wait } = watched();
  wait.now = { fact: 'waits for the key of the door, which process 7 has', next: 'see what process 7 does' };
  await vi.advanceTimersByTimeAsync(20_000);
  expect(watch.reasonOf(interrupted())).toMatchObject({
    code: 'E_STALLED',
    message:
      'shard s01: no progress for 20 s; no progress before that either; it waits for the key of the door, which process 7 has',
    hint: 'see what process 7 does; the checkpoint is saved: run the same command again to resume',
  });
  watch.end();
});

test('StallWatch starts again at any movement, and reports that as the last one', async () => {
  const { watch, counts, told } = watched();
  for (let i = 1; i <= 20; i++) {
    await vi.advanceTimersByTimeAsync(9_000);
    counts['items'] = i;
  }
  expect(told).toEqual([]);
  await vi.advanceTimersByTimeAsync(11_000);
  expect(told).toEqual([['items', 10]]);
  counts['rows'] = 1;
  await vi.advanceTimersByTimeAsync(11_000);
  expect(told).toEqual([
    ['items', 10],
    ['rows', 10],
  ]);
  watch.end();
});

test('StallWatch does not accuse what stands still by right, and still counts the stand-still before it', async () => {
  const { watch, told, excuse } = watched();
  await vi.advanceTimersByTimeAsync(6_000);
  excuse.now = true;
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(told).toEqual([]);
  excuse.now = false;
  await vi.advanceTimersByTimeAsync(4_000);
  expect(told).toEqual([[null, 10]]);
  watch.end();
});

test('StallWatch accuses nobody after a stand-still of the process or machine, since one tick is late', async () => {
  const { watch, told } = watched();
  // As after a suspension: hours have passed, and the timer fires once.
  await vi.advanceTimersByTimeAsync(5_000);
  vi.setSystemTime(Date.now() + 7_200_000);
  await vi.advanceTimersByTimeAsync(4_000);
  expect(told).toEqual([]);
  expect(watch.signal.aborted).toBe(false);
  watch.end();
});

test('StallWatch gives up work that never settles after a grace time, and not before', async () => {
  const { watch } = watched();
  const ended = vi.fn();
  watch.orStuck(new Promise<never>(() => undefined)).catch(ended);
  await vi.advanceTimersByTimeAsync(24_000);
  expect(ended).not.toHaveBeenCalled();
  expect(watch.stuck).toBe(false);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(ended).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'E_STALLED' }));
  expect(watch.stuck).toBe(true);
  watch.end();
});

test('StallWatch takes a stop from outside as one, without accusation, and lets another error stand', () => {
  const { watch, outer } = watched();
  outer.abort();
  expect(watch.signal.aborted).toBe(true);
  const stopped = interrupted();
  expect(watch.reasonOf(stopped)).toBe(stopped);
  const defect = new TypeError('x');
  expect(watch.reasonOf(defect)).toBe(defect);
  watch.end();
});

test('StallWatch lets work that ends well end well', async () => {
  const { watch } = watched();
  await expect(watch.orStuck(Promise.resolve('done'))).resolves.toBe('done');
  watch.end();
});
