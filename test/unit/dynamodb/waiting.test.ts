/** What waits: for its turn, for a moment, for an answer; and what ends each wait. */
import { getEventListeners } from 'node:events';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Backpressure } from '../../../src/dynamodb/write/backpressure.js';
import { systemClock } from '../../../src/dynamodb/capacity/clock.js';
import { Gate } from '../../../src/core/async/wake-up.js';
import { pause, throwIfInterrupted } from '../../../src/core/async/sleep.js';
import { RequestChannel } from '../../../src/dynamodb/http/request-channel.js';
import { RequestSigner } from '../../../src/dynamodb/http/request-signer.js';
import { DEFAULT_TIMEOUTS } from '../../../src/dynamodb/http/timeouts.js';
import { withTimeout } from '../../../src/core/async/deadline.js';

afterEach(() => {
  vi.useRealTimers();
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Names of those whose wait is over, in order. */
function waiters(wait: () => Promise<void>, names: string): string[] {
  const over: string[] = [];
  for (const name of names) void wait().then(() => over.push(name));
  return over;
}

describe('Gate', () => {
  test('Gate.wakeOne wakes the one that waits longest, and Gate.wake wakes all', async () => {
    const gate = new Gate();
    expect(gate.waiting).toBe(false);
    gate.wakeOne();
    gate.wake();
    const over = waiters(() => gate.wait(), 'abcd');
    expect(gate.waiting).toBe(true);
    gate.wakeOne();
    await turn();
    expect(over).toEqual(['a']);
    gate.wake();
    await turn();
    expect(over).toEqual(['a', 'b', 'c', 'd']);
    expect(gate.waiting).toBe(false);
  });

  test('Gate ends the wait of one at its abort, and leaves no listener on those whom it woke', async () => {
    const gate = new Gate();
    const stop = new AbortController();
    const aborted = gate.wait(stop.signal);
    const over = waiters(() => gate.wait(), 'b');
    stop.abort();
    await aborted;
    expect(over).toEqual([]);
    gate.wake();
    await turn();
    expect(over).toEqual(['b']);
    const { signal } = new AbortController();
    const woken = gate.wait(signal);
    expect(getEventListeners(signal, 'abort').length).toBe(1);
    gate.wake();
    await woken;
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});

describe('Backpressure', () => {
  const never = new AbortController().signal;

  test('Backpressure lets nobody in without room, and with room one after the other, as long as it lasts', async () => {
    let room = 0;
    const admission = new Backpressure(() => room > 0);
    const over: string[] = [];
    for (const name of 'abc') {
      void admission.wait(never).then(() => {
        over.push(name);
        room--;
      });
    }
    admission.admit();
    await turn();
    await turn();
    expect(over).toEqual([]);
    room = 2;
    admission.admit();
    // Twice in a row: not more than one is let in before that one had its turn.
    for (let i = 0; i < 10; i++) await Promise.resolve();
    expect(over).toEqual(['a']);
    for (let i = 0; i < 5; i++) await turn();
    expect(over).toEqual(['a', 'b']);
    room = 1;
    admission.admit();
    for (let i = 0; i < 3; i++) await turn();
    expect(over).toEqual(['a', 'b', 'c']);
  });

  test('Backpressure ends the wait of all at its end', async () => {
    const admission = new Backpressure(() => false);
    const over = waiters(() => admission.wait(never), 'ab');
    admission.end();
    await turn();
    expect(over).toEqual(['a', 'b']);
  });

  test('Backpressure ends a wait at its signal', async () => {
    const admission = new Backpressure(() => false);
    const stop = new AbortController();
    const waiting = admission.wait(stop.signal);
    stop.abort();
    await waiting;
  });
});

describe('pause', () => {
  test('pause lasts its time, and leaves no listener on the signal', async () => {
    vi.useFakeTimers();
    const { signal } = new AbortController();
    let over = false;
    const waiting = pause(1000, signal).then(() => {
      over = true;
    });
    await vi.advanceTimersByTimeAsync(999);
    expect(over).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await waiting;
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('pause ends at an abort before it or during it, and leaves no timer', async () => {
    vi.useFakeTimers();
    await expect(pause(1000, AbortSignal.abort())).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    expect(vi.getTimerCount()).toBe(0);
    const stop = new AbortController();
    const waiting = expect(pause(1000, stop.signal)).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    stop.abort();
    await waiting;
    expect(vi.getTimerCount()).toBe(0);
  });

  test('throwIfInterrupted throws E_INTERRUPTED for an aborted signal alone', () => {
    expect(() => throwIfInterrupted(AbortSignal.abort())).toThrow(expect.objectContaining({ code: 'E_INTERRUPTED' }));
    throwIfInterrupted(new AbortController().signal);
  });
});

describe('RequestChannel', () => {
  test('RequestChannel ends a request at its signal while it looks for credentials, and has not sent it', async () => {
    const endpoint = new URL('http://127.0.0.1:9');
    const search = new Promise<never>(() => undefined);
    const channel = new RequestChannel(new RequestSigner(() => search, 'eu-west-1', endpoint), endpoint, {
      connections: () => 1,
      ...DEFAULT_TIMEOUTS,
    });
    const stop = new AbortController();
    const posted = channel.post('BatchWriteItem', '{}', { maxAnswerBytes: 1, signal: stop.signal });
    await turn();
    stop.abort();
    await expect(posted).rejects.toMatchObject({ reason: 'aborted', sent: false });
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
    await channel.close();
  });
});

describe('withTimeout', () => {
  test('withTimeout gives what comes in time, a failure as well, and leaves no timer', async () => {
    vi.useFakeTimers();
    expect(await withTimeout(1000, Promise.resolve(7))).toBe(7);
    await expect(withTimeout(1000, Promise.reject(new Error('own')))).rejects.toThrow('own');
    expect(vi.getTimerCount()).toBe(0);
  });

  test('withTimeout throws a TimeoutError that says how long it waited', async () => {
    vi.useFakeTimers();
    const waiting = expect(withTimeout(2000, new Promise(() => undefined))).rejects.toMatchObject({
      name: 'TimeoutError',
      message: 'no answer within 2 s',
    });
    await vi.advanceTimersByTimeAsync(2000);
    await waiting;
  });
});

test('systemClock is monotonic, and its timers can be cancelled', async () => {
  expect(Math.abs(systemClock.now() - performance.now())).toBeLessThan(100);
  vi.useFakeTimers();
  const ran: string[] = [];
  systemClock.after(10, () => ran.push('a'));
  const cancel = systemClock.after(10, () => ran.push('b'));
  cancel();
  await vi.advanceTimersByTimeAsync(9);
  expect(ran).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(ran).toEqual(['a']);
});
