import { expect, it } from 'vitest';
import type { ShardConfig } from '../../../src/config/model.js';
import { EventBus } from '../../../src/core/event-bus.js';
import type { ShardSource } from '../../../src/core/ports/source-ports.js';
import type { StateStore } from '../../../src/core/ports/state-ports.js';
import { isAnotherLife, isSameServer } from '../../../src/mysql/connection/server-family.js';
import { checkServer } from '../../../src/wiring/same-server.js';

const shard = { id: 's01', host: 'db', port: 3306 } as ShardConfig;

/** @returns what was noted, and whether it voids verifications */
async function check(
  before: string | null,
  now: string,
  reached: boolean | null,
  accept = false,
): Promise<{ readonly noted: readonly unknown[]; readonly warnings: number }> {
  const noted: unknown[] = [];
  const source: Pick<ShardSource, 'identity' | 'isSame' | 'hasReached'> = {
    identity: () => Promise.resolve(now),
    isSame: isSameServer,
    hasReached: () => Promise.resolve(reached),
  };
  const store = {
    binding: { server: () => before, setServer: (...args: readonly unknown[]) => void noted.push(args) },
    plans: { get: () => ({ position: { file: 'f', offset: 1, gtid: 'g' } }) },
  };
  const bus = new EventBus();
  let warnings = 0;
  bus.on('shard.warning', () => {
    warnings++;
  });
  await checkServer(
    { shard, source: source as ShardSource, store: store as unknown as StateStore, tables: ['t'], accept, bus },
    new AbortController().signal,
  );
  return { noted, warnings };
}

it('checkServer accepts the same server, unless it lacks transactions that it had', async () => {
  expect(await check('a', 'a', true)).toEqual({ noted: [], warnings: 0 });
  expect(await check('a', 'a', null)).toEqual({ noted: [], warnings: 0 });
  await expect(check('a', 'a', false)).rejects.toMatchObject({
    code: 'E_SOURCE_CHANGED',
    message: expect.stringContaining('lacks transactions that it had') as string,
    hint: expect.stringContaining('--accept-server') as string,
  });
  expect(await check('a', 'a', false, true)).toEqual({ noted: [], warnings: 0 });
});

it('checkServer takes a server that an earlier version noted with less as the same, and voids nothing', async () => {
  expect(await check('host:3306 1', 'host:3306 1 0 /data/', null)).toEqual({
    noted: [['host:3306 1 0 /data/', false]],
    warnings: 0,
  });
});

it('checkServer refuses another server that is not known to have everything, unless the operator accepts it', async () => {
  for (const reached of [false, null])
    await expect(check('a', 'b', reached)).rejects.toMatchObject({ code: 'E_SOURCE_CHANGED' });
  expect(await check('a', 'b', true)).toEqual({ noted: [['b', true]], warnings: 1 });
  expect(await check('a', 'b', null, true)).toEqual({ noted: [['b', true]], warnings: 1 });
  expect(await check(null, 'b', null)).toEqual({ noted: [['b', true]], warnings: 0 });
});

it('isAnotherLife compares the identity of a server and the second in which it started, give or take two', () => {
  expect(isAnotherLife('uid 100', 'uid 102')).toBe(false);
  expect(isAnotherLife('uid 100', 'uid 103')).toBe(true);
  expect(isAnotherLife('uid 100', 'other 100')).toBe(true);
  expect(isAnotherLife('uid 100', 'uid x')).toBe(true);
  expect(isAnotherLife(null, 'uid 100')).toBe(false);
  expect(isAnotherLife('uid 100', null)).toBe(false);
});
