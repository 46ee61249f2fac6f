import { describe, expect, test } from 'vitest';
import type { StopSignal } from '../../../src/cli/io.js';
import { stopOnSignals } from '../../../src/cli/signals.js';

/** Signals at so many ms. @returns what they came to */
function after(...signals: readonly (readonly [number, StopSignal])[]): { stop: boolean; kill: boolean; told: number } {
  let send: (signal: StopSignal) => void = () => undefined;
  let time = 0;
  let told = 0;
  const io = {
    onSignal: (handler: (signal: StopSignal) => void) => {
      send = handler;
      return () => undefined;
    },
  };
  const stopping = stopOnSignals(
    io,
    () => (told += 1),
    () => time,
  );
  const { stop } = stopping;
  const calls = { stop: 0, kill: 0 };
  const running = { stop: () => void (calls.stop += 1), kill: () => void (calls.kill += 1) };
  stopping.steer(running);
  for (const [at, signal] of signals) {
    time = at;
    send(signal);
  }
  expect(calls.stop).toBe(stop.aborted ? 1 : 0);
  const late = { ...calls };
  // What starts behind the signals hears of them as well.
  stopping.steer(running);
  expect(calls).toEqual({ stop: 2 * late.stop, kill: 2 * late.kill });
  return { stop: stop.aborted, kill: late.kill === 1, told };
}

describe('stopOnSignals', () => {
  test('the first signal stops a run, and one that comes later ends it at once', () => {
    expect(after([0, 'SIGINT'])).toEqual({ stop: true, kill: false, told: 1 });
    expect(after([0, 'SIGINT'], [500, 'SIGINT'])).toEqual({ stop: true, kill: true, told: 1 });
    expect(after([0, 'SIGHUP'], [900, 'SIGTERM'])).toEqual({ stop: true, kill: true, told: 1 });
  });

  test('signals that come within half a second count as one signal', () => {
    expect(after([0, 'SIGTERM'], [1, 'SIGTERM'], [499, 'SIGINT'])).toEqual({ stop: true, kill: false, told: 1 });
    expect(after([0, 'SIGTERM'], [499, 'SIGTERM'], [501, 'SIGTERM'])).toMatchObject({ kill: true });
  });

  test('SIGHUP of a terminal that is gone never ends a run at once, however often it comes', () => {
    expect(after([0, 'SIGHUP'], [1, 'SIGHUP'], [9_000, 'SIGHUP'])).toEqual({ stop: true, kill: false, told: 1 });
    expect(after([0, 'SIGTERM'], [9_000, 'SIGHUP'])).toMatchObject({ kill: false });
  });

  test('a stop signal that a hundred shards listen to causes no leak warning', async () => {
    const warned: Error[] = [];
    const listen = (warning: Error): void => void warned.push(warning);
    process.on('warning', listen);
    const { stop } = stopOnSignals({ onSignal: () => () => undefined });
    for (let i = 0; i < 100; i++) stop.addEventListener('abort', () => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', listen);
    expect(warned).toEqual([]);
  });
});
