import { describe, expect, it } from 'vitest';
import { EventBus } from '../../../src/core/event-bus.js';
import type { EventRecord } from '../../../src/core/events.js';

const phase = { shard: 's01', phase: 'backfilling' } as const;

function broken(): never {
  throw new Error('a defect in a listener');
}

describe('EventBus', () => {
  it('EventBus calls the listeners of a name and those of all names, in the order in which they came', () => {
    const bus = new EventBus();
    const calls: string[] = [];
    bus.onAny(({ name }) => calls.push(`any ${name}`));
    bus.on('shard.phase', (payload) => calls.push(`first ${payload.phase}`));
    bus.on('shard.phase', () => calls.push('second'));
    bus.on('source.paused', () => calls.push('never'));
    bus.emit('shard.phase', phase);
    expect(calls).toEqual(['first backfilling', 'second', 'any shard.phase']);
  });

  it('EventBus hands on the payload as it is, with the time and the run', () => {
    const bus = new EventBus('r1', () => 1_234);
    const records: EventRecord[] = [];
    bus.onAny((record) => records.push(record));
    bus.emit('shard.phase', phase);
    expect(records).toEqual([{ name: 'shard.phase', payload: phase, at: 1_234, run: 'r1' }]);
  });

  it('EventBus forwards what another bus emitted with the stamp that it has', () => {
    const [bus, worker] = [new EventBus('r1', () => 2_000), new EventBus('r1', () => 1_000)];
    const times: number[] = [];
    const phases: string[] = [];
    bus.onAny(({ at }) => times.push(at));
    bus.on('shard.phase', ({ phase: told }) => phases.push(told));
    worker.onAny((record) => bus.forward(record));
    worker.emit('shard.phase', phase);
    bus.emit('shard.phase', phase);
    expect({ times, phases }).toEqual({ times: [1_000, 2_000], phases: ['backfilling', 'backfilling'] });
  });

  it('EventBus gives each run an id of its own', () => {
    const runs = Array.from({ length: 100 }, () => new EventBus().run);
    expect(new Set(runs).size).toBe(100);
    expect(runs.every((run) => /^[0-9a-f]{12}$/.test(run))).toBe(true);
  });

  it('EventBus ends a subscription when its owner unsubscribes', () => {
    const bus = new EventBus();
    let calls = 0;
    const offNamed = bus.on('shard.phase', () => (calls += 1));
    const offAny = bus.onAny(() => (calls += 1));
    bus.emit('shard.phase', phase);
    offNamed();
    offAny();
    offAny();
    bus.emit('shard.phase', phase);
    expect(calls).toBe(2);
  });

  it('EventBus drops a listener that throws, reports that, and goes on with the others', () => {
    const bus = new EventBus();
    const calls: string[] = [];
    bus.on('shard.phase', broken);
    bus.on('shard.phase', () => calls.push('named'));
    bus.onAny(broken);
    bus.onAny(({ name }) => calls.push(name));
    bus.emit('shard.phase', phase);
    // The broken one for all names goes when it hears of the first failure.
    expect(calls).toEqual(['listener.failed', 'listener.failed', 'named', 'shard.phase']);
    calls.length = 0;
    bus.emit('shard.phase', phase);
    expect(calls).toEqual(['named', 'shard.phase']);
  });

  it('EventBus reports where a listener failed, and nothing of what it threw', () => {
    const bus = new EventBus();
    const reports: unknown[] = [];
    bus.on('listener.failed', (payload) => reports.push(payload));
    bus.on('shard.phase', broken);
    bus.emit('shard.phase', phase);
    expect(reports).toEqual([{ failedAt: 'shard.phase', code: 'E_INTERNAL' }]);
  });

  it('EventBus ends when the listeners for failures fail themselves', () => {
    const bus = new EventBus();
    let heard = 0;
    for (let i = 0; i < 50; i += 1) bus.on('listener.failed', broken);
    for (let i = 0; i < 50; i += 1) bus.on('listener.failed', () => broken());
    for (let i = 0; i < 50; i += 1) bus.onAny(() => broken());
    bus.on('listener.failed', () => (heard += 1));
    bus.on('shard.phase', broken);
    expect(() => bus.emit('shard.phase', phase)).not.toThrow();
    expect(heard).toBeGreaterThan(0);
    heard = 0;
    bus.emit('shard.phase', phase);
    expect(heard).toBe(0);
  });

  it('EventBus lets a listener unsubscribe others while an event is under way', () => {
    const bus = new EventBus();
    const calls: string[] = [];
    const off = { second: (): unknown => undefined };
    bus.on('shard.phase', () => {
      calls.push('first');
      off.second();
    });
    off.second = bus.on('shard.phase', () => calls.push('second'));
    bus.emit('shard.phase', phase);
    expect(calls).toEqual(['first']);
  });
});
