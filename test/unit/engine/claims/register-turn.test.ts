import { expect, test } from 'vitest';
import { FerryError } from '../../../../src/core/errors.js';
import { EventBus } from '../../../../src/core/event-bus.js';
import { inTurn } from '../../../../src/engine/claims/register-turn.js';

const TIMES = { pauseMs: 2, tellEveryMs: 10, giveUpAfterMs: 60_000 };
const register = { claim: () => [], transfer: () => false, holder: () => 4711, close: () => undefined };
const busy = (): never => {
  throw new FerryError('E_STATE_LOCKED', 'm', 'h');
};

test('inTurn tries until its turn comes, and says whom it waits for', async () => {
  const emitter = new EventBus();
  const told: unknown[] = [];
  emitter.on('register.waited', (payload) => void told.push(payload));
  const action = (): string => (told.length === 0 ? busy() : 'claimed');
  const result = await inTurn({ shard: 's01', emitter }, register, action, new AbortController().signal, TIMES);
  expect(result).toBe('claimed');
  expect(told.length).toBeGreaterThan(0);
  expect(told[0]).toEqual({ shard: 's01', seconds: 0, holder: 4711 });
});

test('inTurn asks in pauses of at least half the set time, and reports its wait at most once each interval', async () => {
  const emitter = new EventBus();
  const told: number[] = [];
  emitter.on('register.waited', () => void told.push(performance.now()));
  const since = performance.now();
  let asked = 0;
  const action = (): string => {
    asked += 1;
    return told.length === 0 || performance.now() - since < 200 ? busy() : 'claimed';
  };
  const times = { pauseMs: 20, tellEveryMs: 60, giveUpAfterMs: 60_000 };
  await inTurn({ shard: 's01', emitter }, register, action, new AbortController().signal, times);
  const waited = performance.now() - since;
  expect(told.length).toBeGreaterThan(0);
  expect(told.length).toBeLessThanOrEqual(Math.floor(waited / times.tellEveryMs));
  // The first one is asked before any pause. Timers of Node are a millisecond off at most.
  expect(asked - 1).toBeLessThanOrEqual(waited / (times.pauseMs / 2 - 1));
});

test('inTurn ends its wait at a stop and when patience runs out, and throws another fault at once', async () => {
  const context = { shard: 's01', emitter: new EventBus() };
  const stop = new AbortController();
  const waiting = inTurn(context, register, busy, stop.signal, TIMES);
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
  const { signal } = new AbortController();
  const impatient = { ...TIMES, giveUpAfterMs: 0 };
  await expect(inTurn(context, register, busy, signal, impatient)).rejects.toMatchObject({ code: 'E_STATE_LOCKED' });
  const full = (): never => {
    throw new FerryError('E_STATE_IO', 'm', 'h');
  };
  await expect(inTurn(context, register, full, signal, TIMES)).rejects.toMatchObject({ code: 'E_STATE_IO' });
});
