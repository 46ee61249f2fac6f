/** When a shard that is paused is at rest, and that each rest is reported with its end. */
import { expect, test } from 'vitest';
import { PauseGate } from '../../../../src/core/async/pause-gate.js';
import { EventBus } from '../../../../src/core/event-bus.js';
import { PauseWatch } from '../../../../src/wiring/run/watch-pause.js';

const running = new AbortController().signal;
const chunk = { shard: 's01', table: 't', segment: 0, rows: 1 };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

function watched() {
  const bus = new EventBus();
  const gate = new PauseGate();
  const told: string[] = [];
  bus.on('shard.paused', () => told.push('paused'));
  bus.on('shard.resumed', () => told.push('resumed'));
  return { bus, gate, told, watch: new PauseWatch('s01', gate, bus) };
}

/** Reads once in each turn, as far as it may. */
async function read(gate: PauseGate, signal: AbortSignal): Promise<void> {
  const leave = gate.enter();
  try {
    for (;;) {
      await gate.pass(signal);
      await turn();
    }
  } catch {
    leave();
  }
}

test('PauseWatch is at rest once its reader waits and no chunk is under way', async () => {
  const { bus, gate, told, watch } = watched();
  const stop = new AbortController();
  const reading = read(gate, stop.signal);
  bus.emit('chunk.read', { ...chunk, bytes: 1, elapsedMs: 1 });
  gate.pause();
  await turn();
  await turn();
  expect([told, watch.atRest]).toEqual([[], false]);
  bus.emit('chunk.acknowledged', { ...chunk, items: 1 });
  await turn();
  expect([told, watch.atRest]).toEqual([['paused'], true]);
  gate.resume();
  await turn();
  expect([told, watch.atRest]).toEqual([['paused', 'resumed'], false]);
  stop.abort();
  await reading;
  watch.end();
});

test('PauseWatch reports a pause that follows a resume in the same turn as another one', async () => {
  const { gate, told, watch } = watched();
  gate.enter();
  gate.pause();
  const waiting = gate.pass(running);
  await turn();
  expect(told).toEqual(['paused']);
  gate.resume();
  gate.pause();
  await turn();
  expect([told, watch.atRest]).toEqual([['paused', 'resumed', 'paused'], true]);
  gate.resume();
  await waiting;
  watch.end();
});

test('PauseWatch does not take a reader that was let go between a resume and a pause as at rest', async () => {
  const { gate, told, watch } = watched();
  const stop = new AbortController();
  const reading = read(gate, stop.signal);
  gate.pause();
  await turn();
  await turn();
  expect(told).toEqual(['paused']);
  gate.resume();
  // As between two messages that are read one after the other.
  await Promise.resolve().then(() => Promise.resolve());
  await new Promise<void>((resolve) => {
    process.nextTick(resolve);
  });
  gate.pause();
  expect(watch.atRest).toBe(false);
  await turn();
  await turn();
  expect([told, watch.atRest]).toEqual([['paused', 'resumed', 'paused'], true]);
  stop.abort();
  await reading;
  watch.end();
});

test('PauseWatch reports nothing once it has ended', async () => {
  const { gate, told, watch } = watched();
  gate.enter();
  gate.pause();
  void gate.pass(running);
  watch.end();
  await turn();
  expect(told).toEqual([]);
});
