import { afterEach, describe, expect, it, vi } from 'vitest';
import { EventBus } from '../../../../src/core/event-bus.js';
import { NO_COUNTS } from '../../../../src/core/model.js';
import { PassProgress } from '../../../../src/engine/pass/progress.js';

const GAUGES = { unitsConsumed: () => 0, unitsLimit: () => 4_000, throttles: () => 2, retries: () => 3 };
const chunk = (rows: number) => ({
  rows,
  items: rows * 2,
  badRows: 1,
  expiredRows: 0,
  expiredItems: rows / 100,
  newerItems: rows / 50,
  units: rows * 3,
});

const progressOf = (estimatedRows: number, already = NO_COUNTS) =>
  new PassProgress('s01', 'messages', 'backfilling', estimatedRows, already, GAUGES);

afterEach(() => void vi.useRealTimers());

describe('PassProgress', () => {
  it('PassProgress counts chunks on top of what earlier runs did', () => {
    const progress = progressOf(1_000, { ...NO_COUNTS, rows: 500, chunks: 5, units: 7 });
    progress.add(chunk(100));
    expect(progress.counts).toEqual({
      rows: 600,
      items: 200,
      badRows: 1,
      expiredRows: 0,
      expiredItems: 1,
      newerItems: 2,
      chunks: 6,
      units: 307,
    });
  });

  it('PassProgress has no rate and no time left before anything was done', () => {
    expect(progressOf(1_000).snapshot(0)).toEqual({
      table: 'messages',
      phase: 'backfilling',
      counts: NO_COUNTS,
      estimatedRows: 1_000,
      rowsPerSecond: 0,
      itemsPerSecond: 0,
      unitsPerSecond: 0,
      unitsLimit: 4_000,
      throttles: 2,
      retries: 3,
      etaSeconds: null,
    });
  });

  it('PassProgress shows rates a second, and the time left at that rate', () => {
    const progress = progressOf(1_000);
    progress.snapshot(0);
    progress.add(chunk(100));
    progress.add(chunk(100));
    // 200 rows in 4 s; 800 are left.
    expect(progress.snapshot(4_000)).toMatchObject({
      rowsPerSecond: 50,
      itemsPerSecond: 100,
      etaSeconds: 16,
    });
  });

  it('PassProgress shows the units of chunks under way as they are consumed, long before a chunk is done', () => {
    const consumed = { units: 70 };
    const gauges = { ...GAUGES, unitsConsumed: () => consumed.units };
    const progress = new PassProgress('s01', 'messages', 'backfilling', 1_000, NO_COUNTS, gauges);
    progress.snapshot(0);
    consumed.units += 600;
    expect(progress.snapshot(2_000)).toMatchObject({ rowsPerSecond: 0, unitsPerSecond: 300 });
    progress.add(chunk(200));
    expect(progress.snapshot(2_000)).toMatchObject({ rowsPerSecond: 100, unitsPerSecond: 300 });
  });

  it('PassProgress does not take the rows of earlier runs for speed', () => {
    const progress = progressOf(1_000, { ...NO_COUNTS, rows: 900 });
    progress.snapshot(0);
    progress.add(chunk(10));
    expect(progress.snapshot(1_000)).toMatchObject({ rowsPerSecond: 10, etaSeconds: 9 });
  });

  it('PassProgress forgets what is more than ten seconds ago', () => {
    const progress = progressOf(100_000);
    for (let second = 0; second <= 10; second += 1) {
      progress.snapshot(second * 1_000);
      progress.add(chunk(1_000));
    }
    for (let second = 11; second < 20; second += 1) progress.snapshot(second * 1_000);
    // From second 10 to 20 the last chunk alone was done.
    expect(progress.snapshot(20_000)).toMatchObject({ rowsPerSecond: 100 });
    expect(progress.snapshot(21_000)).toMatchObject({ rowsPerSecond: 0, etaSeconds: null });
  });

  it('PassProgress has a rate also after a stall of the process', () => {
    const progress = progressOf(10_000);
    progress.snapshot(0);
    progress.snapshot(1_000);
    progress.add(chunk(1_000));
    expect(progress.snapshot(51_000)).toMatchObject({ rowsPerSecond: 20, etaSeconds: 450 });
  });

  it('PassProgress never has negative time left, as the estimate may be too low', () => {
    const progress = progressOf(10);
    progress.snapshot(0);
    progress.add(chunk(100));
    expect(progress.snapshot(1_000)).toMatchObject({ etaSeconds: 0, estimatedRows: 10 });
  });

  it('PassProgress keeps reporting where the disk is full, and beats again once there is room', () => {
    vi.useFakeTimers();
    const disk = { full: true, beats: 0 };
    const beat = (): void => {
      if (disk.full) throw new Error('the disk is full');
      disk.beats++;
    };
    const bus = new EventBus();
    let told = 0;
    bus.on('shard.progress', () => {
      told++;
    });
    const stop = progressOf(10).publish(bus, { beat });
    vi.advanceTimersByTime(2_000);
    expect({ told, ...disk }).toEqual({ told: 3, full: true, beats: 0 });
    disk.full = false;
    vi.advanceTimersByTime(1_000);
    stop();
    expect({ told, ...disk }).toEqual({ told: 5, full: false, beats: 2 });
  });

  it('PassProgress reports once a second and once more at the end, with the rates to the state', () => {
    vi.useFakeTimers();
    const beats: unknown[] = [];
    const told: unknown[] = [];
    const bus = new EventBus();
    bus.on('shard.progress', (payload) => told.push(payload));
    const progress = progressOf(1_000);
    const store = { beat: (beat: unknown) => void beats.push(beat) };
    const stop = progress.publish(bus, store);
    expect(told.length).toBe(1);
    progress.add(chunk(100));
    vi.advanceTimersByTime(999);
    expect(told.length).toBe(1);
    vi.advanceTimersByTime(1);
    expect(told[1]).toMatchObject({ shard: 's01', table: 'messages', counts: { rows: 100 }, rowsPerSecond: 100 });
    expect(beats[1]).toEqual({
      pid: process.pid,
      at: Date.now(),
      phase: 'backfilling',
      rowsPerSecond: 100,
      itemsPerSecond: 200,
      unitsPerSecond: 0,
    });
    stop();
    expect([told.length, beats.length, vi.getTimerCount()]).toEqual([3, 3, 0]);
  });

  it('PassProgress takes a sample at the very edge of the window as the oldest one', () => {
    const progress = progressOf(100_000);
    progress.snapshot(0);
    progress.add(chunk(1_000));
    progress.snapshot(1_000);
    progress.add(chunk(500));
    expect(progress.snapshot(10_999)).toMatchObject({ rowsPerSecond: 1_500 / 10.999 });
    expect(progress.snapshot(11_000)).toMatchObject({ rowsPerSecond: 50 });
  });
});
