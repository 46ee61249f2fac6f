/** A single answer that a table is not there proves nothing. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { askedAgain } from '../../../../src/dynamodb/table/absence.js';

const never = new AbortController().signal;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test.each([
  ['there', [1], 1],
  ['absent once', [null, 1], 1],
  ['absent for five seconds', Array<null>(11).fill(null), null],
])('askedAgain asks until it knows whether a table is there: %s', async (_, answers, outcome) => {
  let asked = 0;
  let absences = 0;
  const found = askedAgain(() => Promise.resolve(answers[asked++] ?? null), never, { absent: () => absences++ });
  const begun = performance.now();
  await vi.runAllTimersAsync();
  expect(await found).toBe(outcome);
  expect([asked, absences]).toEqual([answers.length, answers.filter((answer) => answer === null).length]);
  expect(performance.now() - begun).toBe((answers.length - 1) * 500);
});

test('askedAgain does not repeat what fails, and ends its wait at an abort', async () => {
  await expect(askedAgain(() => Promise.reject(new Error('denied')), never)).rejects.toThrow('denied');
  const stop = new AbortController();
  const waiting = askedAgain(() => Promise.resolve(null), stop.signal);
  await vi.advanceTimersByTimeAsync(100);
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
});
