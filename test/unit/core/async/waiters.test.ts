import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { Permits } from '../../../../src/core/async/permits.js';
import { Waiters } from '../../../../src/core/async/waiters.js';

const turn = async (): Promise<void> => await new Promise(setImmediate);

/** Notes who went on, in order. */
function noting(): { readonly seen: string[]; readonly note: (name: string, waiting: Promise<void>) => void } {
  const seen: string[] = [];
  return {
    seen,
    note: (name, waiting) => {
      void waiting.then(
        () => seen.push(name),
        (error: unknown) => seen.push(`${name}: ${(error as { code?: string }).code ?? String(error)}`),
      );
    },
  };
}

describe('Waiters', () => {
  test('Waiters lets any number wait, and wakes each of them once', async () => {
    const waiters = new Waiters();
    const { seen, note } = noting();
    for (const name of ['a', 'b', 'c']) note(name, waiters.wait());
    expect(waiters.size).toBe(3);
    waiters.wakeAll();
    waiters.wakeAll();
    await turn();
    expect(seen).toEqual(['a', 'b', 'c']);
    expect(waiters.size).toBe(0);
    expect(waiters.wakeOne()).toBe(false);
  });

  test('Waiters wakes nobody who was interrupted, and leaves no abort listener', async () => {
    const waiters = new Waiters();
    const { seen, note } = noting();
    const stop = new AbortController();
    const other = new AbortController();
    note('gone', waiters.wait(stop.signal));
    note('stays', waiters.wait(other.signal));
    stop.abort();
    expect(waiters.wakeOne()).toBe(true);
    await turn();
    expect(seen).toEqual(['gone: E_INTERRUPTED', 'stays']);
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
    expect(getEventListeners(other.signal, 'abort')).toEqual([]);
    // Too late: it was woken.
    other.abort();
    await turn();
    expect(seen).toHaveLength(2);
  });

  test('Waiters rejects at once where the signal is aborted before', async () => {
    const waiters = new Waiters();
    await expect(waiters.wait(AbortSignal.abort())).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    expect(waiters.size).toBe(0);
  });

  test('Waiters fails all who wait, and nobody who comes later', async () => {
    const waiters = new Waiters();
    const waiting = [waiters.wait(), waiters.wait()];
    waiters.failAll(new Error('broken'));
    for (const one of waiting) await expect(one).rejects.toThrow('broken');
    const { seen, note } = noting();
    note('later', waiters.wait());
    await turn();
    expect(seen).toEqual([]);
  });
});

describe('Permits', () => {
  const { signal } = new AbortController();

  test('Permits serves callers in the order in which they came, and lets nobody overtake', async () => {
    const permits = new Permits(1);
    const { seen, note } = noting();
    await permits.take(signal);
    note('first', permits.take(signal));
    note('second', permits.take(signal));
    permits.give();
    // It was handed on: whoever comes now finds none.
    note('third', permits.take(signal));
    await turn();
    expect(seen).toEqual(['first']);
    permits.give();
    permits.give();
    await turn();
    expect(seen).toEqual(['first', 'second', 'third']);
  });

  test('Permits gives additional permits to those who wait first, and applies a lower limit once enough came back', async () => {
    let limit = 1;
    const permits = new Permits(() => limit);
    const { seen, note } = noting();
    await permits.take(signal);
    note('first', permits.take(signal));
    note('second', permits.take(signal));
    limit = 3;
    note('third', permits.take(signal));
    await turn();
    expect(seen).toEqual(['first', 'second']);
    limit = 1;
    permits.give();
    permits.give();
    await turn();
    expect(seen).toEqual(['first', 'second']);
    permits.give();
    await turn();
    expect(seen).toEqual(['first', 'second', 'third']);
  });

  test('Permits gives no permit to an interrupted wait, and withholds none from others', async () => {
    const permits = new Permits(1);
    const { seen, note } = noting();
    const stops = [1, 2, 3].map(() => new AbortController());
    await permits.take(signal);
    for (const [i, stop] of stops.entries()) note(`stopped ${i}`, permits.take(stop.signal));
    note('waits', permits.take(signal));
    for (const stop of stops) stop.abort();
    // More than once is nothing: it is not there any more.
    for (const stop of stops) stop.abort();
    permits.give();
    await turn();
    expect(seen).toEqual([...stops.map((_, i) => `stopped ${i}: E_INTERRUPTED`), 'waits']);
    permits.give();
    await permits.take(signal);
    await expect(permits.take(AbortSignal.abort())).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
  });

  test('Permits keeps a permit granted although its caller aborts in the same moment', async () => {
    const permits = new Permits(1);
    const stop = new AbortController();
    await permits.take(signal);
    const granted = permits.take(stop.signal);
    permits.give();
    stop.abort();
    await granted;
    permits.give();
    await permits.take(signal);
  });
});
