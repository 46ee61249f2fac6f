/** The rare calls: how often they are tried, and how they end. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { callService } from '../../../../src/dynamodb/table/sdk-call.js';

const never = new AbortController().signal;

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const answered = (name: string, status = 400): Error =>
  Object.assign(new Error('SECRET'), { name, $metadata: { httpStatusCode: status } });
const unreachable = (): Error => Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });

/** Fails so often, then answers. @returns at which ms it was called, too */
function failing(error: Error, times: number) {
  const calls: number[] = [];
  const send = (): Promise<string> => {
    calls.push(performance.now());
    return calls.length <= times ? Promise.reject(error) : Promise.resolve('answer');
  };
  return { send, calls };
}

async function outcomeOf(call: Promise<string>): Promise<unknown> {
  const outcome = call.catch((error: unknown) => error);
  await vi.runAllTimersAsync();
  return await outcome;
}

describe('callService', () => {
  test.each([
    ['a throttle', answered('ThrottlingException')],
    ['an error of the service', answered('InternalServerError', 500)],
    ['a connection that is refused', unreachable()],
  ])('callService tries %s three times more, each time later', async (_, error) => {
    const { send, calls } = failing(error, 3);
    const begun = performance.now();
    expect(await outcomeOf(callService('DescribeTable', 't', never, send))).toBe('answer');
    // Half of 200, 400 and 800 ms.
    expect(calls.map((at) => Math.round(at - begun))).toEqual([0, 100, 300, 700]);
  });

  test('callService ends after its last try, and its fault says for how long it tried', async () => {
    // The clock does not start with the call.
    await vi.advanceTimersByTimeAsync(60_000);
    const down = failing(unreachable(), 4);
    expect(await outcomeOf(callService('DescribeTable', 't', never, down.send))).toMatchObject({
      code: 'E_TARGET_CONNECT',
      message: 'DescribeTable on table t made no progress for 1 s; the last failure was ECONNREFUSED',
    });
    expect(down.calls.length).toBe(4);
    const unwilling = failing(answered('ThrottlingException'), 4);
    expect(await outcomeOf(callService('DescribeTable', 't', never, unwilling.send))).toMatchObject({
      code: 'E_TARGET_UNAVAILABLE',
    });
  });

  test.each([
    ['AccessDeniedException', 'E_TARGET_ACCESS'],
    ['ValidationException', 'E_TARGET_REQUEST'],
    ['ResourceNotFoundException', 'E_TARGET_GONE'],
  ])('callService ends on %s at once with %s', async (name, code) => {
    const { send, calls } = failing(answered(name), 1);
    expect(await outcomeOf(callService('DescribeTable', 't', never, send))).toMatchObject({ code });
    expect(calls.length).toBe(1);
  });

  test('callService takes an expected error as an answer', async () => {
    const { send } = failing(answered('ResourceNotFoundException'), 1);
    const expected = { ResourceNotFoundException: () => 'none' };
    expect(await outcomeOf(callService('DescribeTable', 't', never, send, expected))).toBe('none');
  });

  test('callService ends at an abort before a call, after one, and while it waits', async () => {
    const { send, calls } = failing(unreachable(), 9);
    const code = 'E_INTERRUPTED';
    expect(await outcomeOf(callService('X', 't', AbortSignal.abort(), send))).toMatchObject({ code });
    expect(calls).toEqual([]);
    const during = new AbortController();
    const call = callService('X', 't', during.signal, () => {
      during.abort();
      return Promise.reject(answered('AccessDeniedException'));
    });
    expect(await outcomeOf(call)).toMatchObject({ code });
    const waiting = new AbortController();
    const paused = callService('X', 't', waiting.signal, send).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(1);
    waiting.abort();
    expect(await paused).toMatchObject({ code });
    expect([calls.length, vi.getTimerCount()]).toEqual([1, 0]);
  });
});
