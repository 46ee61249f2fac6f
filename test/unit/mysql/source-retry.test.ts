import { describe, expect, test } from 'vitest';
import { FerryError } from '../../../src/core/errors.js';
import { EventBus } from '../../../src/core/event-bus.js';
import type { EventMap } from '../../../src/core/events.js';
import { isRetryable, sourceError } from '../../../src/mysql/errors/source-errors.js';
import { Retry, sourceRetry } from '../../../src/mysql/source-retry.js';

const driverError = (code: string, message = 'secret row value'): Error => Object.assign(new Error(message), { code });
const signal = new AbortController().signal;

function retries(): { readonly retry: Retry; readonly events: EventMap['source.retried'][] } {
  const bus = new EventBus();
  const events: EventMap['source.retried'][] = [];
  bus.on('source.retried', (event) => events.push(event));
  return { retry: new Retry('s01', 'reading m', bus, { timeoutMs: 100, baseMs: 4, capMs: 10 }), events };
}

describe('Retry', () => {
  test('Retry gives up after so long without progress, not before', async () => {
    const { retry, events } = retries();
    const started = performance.now();
    const trying = async (): Promise<never> => {
      for (;;) await retry.backOff(driverError('ECONNRESET'), signal);
    };
    await expect(trying()).rejects.toMatchObject({
      code: 'E_SOURCE_LOST',
      message: expect.stringMatching(/reset \(ECONNRESET\), \d+ times in 1 s$/) as string,
    });
    expect(performance.now() - started).toBeGreaterThan(95);
    expect(events.map(({ attempt, reason }) => [attempt, reason])).toEqual(events.map((_, i) => [i + 1, 'ECONNRESET']));
    for (const [i, { delayMs }] of events.entries()) expect(delayMs).toBeLessThanOrEqual(Math.min(10, 4 * 2 ** i));
  });

  test('Retry starts to count again after progress', async () => {
    const { retry, events } = retries();
    for (let i = 0; i < 10; i++) {
      await retry.backOff(driverError('PROTOCOL_CONNECTION_LOST'), signal);
      retry.progressed();
    }
    expect(events.map(({ attempt }) => attempt)).toEqual(Array(10).fill(1));
  });

  test('Retry fails at once on what another try cannot help', async () => {
    const { retry, events } = retries();
    await expect(retry.backOff(driverError('ER_PARSE_ERROR'), signal)).rejects.toMatchObject({
      code: 'E_SOURCE_QUERY',
    });
    expect(events).toEqual([]);
  });

  test('Retry does not count what this side waited for against its patience', async () => {
    const { retry, events } = retries();
    const later = async (): Promise<void> => await new Promise((resolve) => setTimeout(resolve, 60));
    for (let i = 0; i < 5; i++) {
      await retry.backOff(driverError('ECONNRESET'), signal);
      // Also a wait that fails.
      await retry.aside(later());
      await retry.aside(later().then(() => Promise.reject(new Error('x')))).catch(() => undefined);
    }
    expect(events.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5]);
  });

  test('a stop ends the pause of Retry', async () => {
    const stop = new AbortController();
    const retry = new Retry('s01', 'reading m', new EventBus(), { timeoutMs: 60_000, baseMs: 60_000, capMs: 60_000 });
    const waiting = retry.backOff(driverError('ECONNRESET'), stop.signal);
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
  });
});

describe('source errors', () => {
  test.each([
    ['ECONNREFUSED', 'E_SOURCE_CONNECT', true],
    ['ER_ACCESS_DENIED_ERROR', 'E_SOURCE_ACCESS', false],
    ['ER_TABLEACCESS_DENIED_ERROR', 'E_SOURCE_ACCESS', false],
    ['ER_NO_SUCH_TABLE', 'E_TABLE_MISSING', false],
    ['ER_QUERY_INTERRUPTED', 'E_SOURCE_QUERY', true],
    ['ER_SERVER_SHUTDOWN', 'E_SOURCE_LOST', true],
    ['HANDSHAKE_NO_SSL_SUPPORT', 'E_TLS_REQUIRED', false],
    ['ER_UNHEARD_OF', 'E_SOURCE_QUERY', false],
  ] as const)('sourceError makes of %s the code %s', (mysql, code, retryable) => {
    const error = sourceError('s01', 'reading m', driverError(mysql));
    expect(error).toMatchObject({ code, message: expect.stringContaining(`s01: reading m: `) as string });
    expect(error.message).toContain(mysql);
    expect(error.message + error.hint).not.toContain('secret');
    expect(error.hint).not.toBe('');
    expect(isRetryable(driverError(mysql))).toBe(retryable);
  });

  test('isRetryable takes a broken connection without a code of its own as worth another try', () => {
    expect(isRetryable(Object.assign(new Error('x'), { fatal: true }))).toBe(true);
    expect(isRetryable(new TypeError('a defect'))).toBe(false);
    expect(isRetryable(new FerryError('E_SOURCE_LOST', 'x', 'y'))).toBe(false);
  });
});

test('sourceRetry follows the limit of patience as it changes', () => {
  const limits = { retryTimeoutSeconds: 300 };
  const policy = sourceRetry(limits);
  limits.retryTimeoutSeconds = 1;
  expect(policy.timeoutMs).toBe(1_000);
});
