import { expect, test } from 'vitest';
import { Handoff } from '../../../../src/core/async/handoff.js';

const signal = new AbortController().signal;

test('Handoff lets the producer be one thing ahead', async () => {
  const handoff = new Handoff<number>();
  await handoff.vacant(signal);
  handoff.put(1);
  let vacant = false;
  const waiting = handoff.vacant(signal).then(() => (vacant = true));
  await new Promise(setImmediate);
  expect(vacant).toBe(false);
  expect(await handoff.take(signal)).toBe(1);
  await waiting;
  handoff.put(2);
  expect(await handoff.take(signal)).toBe(2);
  handoff.end();
  expect(await handoff.take(signal)).toBeNull();
  expect(await handoff.take(signal)).toBeNull();
});

test('Handoff passes a failure on after what was put before it', async () => {
  const handoff = new Handoff<number>();
  handoff.put(1);
  const failing = handoff.fail(new Error('broken'), signal);
  expect(await handoff.take(signal)).toBe(1);
  await failing;
  await expect(handoff.take(signal)).rejects.toThrow('broken');
});

test('a stop ends waiting on both sides of a Handoff', async () => {
  const handoff = new Handoff<number>();
  const stop = new AbortController();
  const taking = handoff.take(stop.signal);
  stop.abort();
  await expect(taking).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
  handoff.put(1);
  await expect(handoff.vacant(stop.signal)).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
});

test('Handoff lets several wait on one side, and forgets none of them when one is stopped', async () => {
  const handoff = new Handoff<number>();
  handoff.put(1);
  const stop = new AbortController();
  const waiting = [handoff.vacant(signal), handoff.vacant(stop.signal), handoff.vacant(signal)];
  const stopped = expect(waiting[1]).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
  stop.abort();
  await stopped;
  expect(await handoff.take(signal)).toBe(1);
  await waiting[0];
  await waiting[2];
});

test('Handoff refuses to replace a thing that was not taken', async () => {
  const handoff = new Handoff<number>();
  handoff.put(1);
  expect(() => {
    handoff.put(2);
  }).toThrow(TypeError);
  expect(await handoff.take(signal)).toBe(1);
});
