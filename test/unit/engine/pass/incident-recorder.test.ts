import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { EventBus } from '../../../../src/core/event-bus.js';
import type { Incident } from '../../../../src/core/incidents.js';
import type { IncidentStore } from '../../../../src/core/ports/state-ports.js';
import { IncidentRecorder } from '../../../../src/engine/pass/incident-recorder.js';

const shard = 's01';
const RETRIED = { shard, operation: 'BatchWriteItem', reason: 'x', attempt: 1, delayMs: 1 };

/** What it was told, write by write; refuses while `full`. */
function recorder(): { store: IncidentStore; writes: (readonly Incident[])[]; full: boolean } {
  const held = { writes: [] as (readonly Incident[])[], full: false };
  const add = (incidents: readonly Incident[]): void => {
    if (held.full) throw new Error('the disk is full');
    held.writes.push(incidents);
  };
  return Object.assign(held, { store: { add, all: () => [] } });
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('IncidentRecorder counts each fault once, by kind, and leaves other events alone', () => {
  const bus = new EventBus();
  const book = new IncidentRecorder(bus);
  bus.emit('target.throttled', { shard, items: 25, reasons: [] });
  bus.emit('request.retried', { ...RETRIED, throttled: true, ambiguous: false });
  bus.emit('request.retried', { ...RETRIED, throttled: false, ambiguous: false });
  bus.emit('request.retried', { ...RETRIED, throttled: false, ambiguous: true });
  bus.emit('source.retried', { shard, doing: 'd', fact: 'f', reason: 'r', attempt: 1, delayMs: 1 });
  bus.emit('source.paused', { shard, cause: 'lag', reason: 'r' });
  bus.emit('source.paused', { shard, cause: 'busy', reason: 'r' });
  bus.emit('source.resumed', { shard, pausedMs: 1 });
  bus.emit('source.probe_failed', { shard, gauge: 'g', reason: 'r' });
  const { store, writes } = recorder();
  book.keepIn(store);
  book.close();
  expect(Object.fromEntries((writes[0] ?? []).map(({ kind, count }) => [kind, count]))).toEqual({
    throttled: 1,
    failed: 1,
    unanswered: 1,
    'source-retried': 1,
    'source-lagged': 1,
    'source-busy': 1,
    'source-unwatched': 1,
  });
  expect(book.count('throttled', 'failed')).toBe(2);
});

test('IncidentRecorder writes once a second at most, only what is new, and the rest at the end', () => {
  let now = 1_000;
  const bus = new EventBus('run', () => now++);
  const { store, writes } = recorder();
  const book = new IncidentRecorder(bus);
  book.keepIn(store);
  const throttled = (): void => bus.emit('target.throttled', { shard, items: 1, reasons: [] });
  for (let i = 0; i < 500; i++) throttled();
  expect(writes).toEqual([]);
  vi.advanceTimersByTime(1_000);
  vi.advanceTimersByTime(10_000);
  expect(writes).toEqual([[{ kind: 'throttled', count: 500, firstAt: 1_000, lastAt: 1_499 }]]);
  throttled();
  book.close();
  throttled();
  vi.advanceTimersByTime(10_000);
  expect(writes.slice(1)).toEqual([[{ kind: 'throttled', count: 1, firstAt: 1_500, lastAt: 1_500 }]]);
});

test('IncidentRecorder loses no count to a full disk, and ends nothing', () => {
  const bus = new EventBus('run', () => 7);
  const disk = recorder();
  const book = new IncidentRecorder(bus);
  book.keepIn(disk.store);
  disk.full = true;
  bus.emit('target.throttled', { shard, items: 1, reasons: [] });
  vi.advanceTimersByTime(3_000);
  disk.full = false;
  vi.advanceTimersByTime(1_000);
  expect(disk.writes).toEqual([[{ kind: 'throttled', count: 1, firstAt: 7, lastAt: 7 }]]);
  book.close();
  expect(vi.getTimerCount()).toBe(0);
});

test('IncidentRecorder loses no count to a disk that is full for a moment at the end', () => {
  const bus = new EventBus('run', () => 7);
  const disk = recorder();
  const book = new IncidentRecorder(bus);
  book.keepIn(disk.store);
  bus.emit('target.throttled', { shard, items: 1, reasons: [] });
  const refuseOnce = vi.spyOn(disk.store, 'add').mockImplementationOnce(() => {
    throw new Error('the disk is full');
  });
  book.close();
  expect(refuseOnce).toHaveBeenCalledTimes(2);
  expect(disk.writes).toEqual([[{ kind: 'throttled', count: 1, firstAt: 7, lastAt: 7 }]]);
  expect(vi.getTimerCount()).toBe(0);
});

test('IncidentRecorder keeps counts from before the state was open, and sums up the counts of several kinds', () => {
  const bus = new EventBus('run', () => 7);
  const { store, writes } = recorder();
  const book = new IncidentRecorder(bus);
  bus.emit('target.throttled', { shard, items: 1, reasons: [] });
  bus.emit('source.paused', { shard, cause: 'lag', reason: 'r' });
  bus.emit('target.throttled', { shard, items: 1, reasons: [] });
  expect(vi.getTimerCount()).toBe(0);
  expect([book.count('throttled'), book.count('throttled', 'source-lagged'), book.count('failed')]).toEqual([2, 3, 0]);
  book.keepIn(store);
  vi.advanceTimersByTime(999);
  expect(writes).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(writes).toEqual([
    [
      { kind: 'throttled', count: 2, firstAt: 7, lastAt: 7 },
      { kind: 'source-lagged', count: 1, firstAt: 7, lastAt: 7 },
    ],
  ]);
  book.close();
  expect([writes.length, book.count('throttled')]).toEqual([1, 2]);
});

test('IncidentRecorder sets no timer while it has nothing to write', () => {
  const book = new IncidentRecorder(new EventBus());
  const { store, writes } = recorder();
  book.keepIn(store);
  expect(vi.getTimerCount()).toBe(0);
  book.close();
  expect(writes).toEqual([]);
});
