/** From which figure on a source is spared, and what no figure is. */
import { expect, test } from 'vitest';
import type { ShardConfig } from '../../../src/config/model.js';
import type { Cell } from '../../../src/core/model.js';
import { gaugesOf, Unreadable, type PauseReason } from '../../../src/mysql/gauges.js';
import type { Session } from '../../../src/mysql/connection/session.js';

const SHARD: ShardConfig = {
  id: 's01',
  host: 'db1',
  port: 3_306,
  user: 'u',
  password: 'p',
  database: 'd',
  tls: { mode: 'off', ca: null, profile: null },
  replicas: [{ host: 'db7', port: 3_307 }],
};
const LIMITS = { maxReplicaLagSeconds: 10, maxThreadsRunning: 64 } as Parameters<typeof gaugesOf>[1];

/**
 * What the server's gauge, or its replica's, makes of an answer.
 * @param lags of the replica, one a source that it follows
 */
async function looked(
  which: 'busy' | 'lag',
  answer: { readonly running?: Cell; readonly lags?: readonly Cell[] },
  limits = LIMITS,
  /** Called before the look, and behind the making of the gauges. */
  meanwhile = (): void => undefined,
): Promise<PauseReason | null> {
  const session = {
    rows: () => Promise.resolve(answer.running === undefined ? [] : [['Threads_running', answer.running]]),
    records: () => Promise.resolve((answer.lags ?? []).map((lag) => new Map([['Lag', lag]]))),
    family: { replicaStatement: 'SHOW', replicaLagColumn: 'Lag' },
  } as unknown as Session;
  const [busy, lag] = gaugesOf(SHARD, limits);
  meanwhile();
  const gauge = which === 'busy' ? busy : lag;
  if (gauge === undefined) throw new Error('there is one of each');
  return await gauge.look(session, new AbortController().signal);
}

test('the busy gauge pauses above its limit, and not at it', async () => {
  expect(await looked('busy', { running: '64' })).toBeNull();
  expect(await looked('busy', { running: Buffer.from('7') })).toBeNull();
  expect(await looked('busy', { running: '65' })).toEqual({
    cause: 'busy',
    text: '65 threads run on db1:3306 (limit 64)',
  });
});

test('the lag gauge pauses above its limit, and not at it, by the source that the replica is furthest behind', async () => {
  expect(await looked('lag', { lags: ['10'] })).toBeNull();
  expect(await looked('lag', { lags: ['0', '10', '3'] })).toBeNull();
  for (const lags of [['11'], ['0', '11', '3']]) {
    expect(await looked('lag', { lags })).toEqual({
      cause: 'lag',
      text: 'replica db7:3307 is 11 s behind (limit 10 s)',
    });
  }
});

test('the lag gauge finds a replica stopped that no longer follows a source, however near it is to the others', async () => {
  for (const lags of [[null], ['0', null]]) {
    expect(await looked('lag', { lags })).toEqual({ cause: 'lag', text: 'replica db7:3307 has stopped replicating' });
  }
});

test('a gauge that gets no figure is Unreadable: from a server that is no replica, or words', async () => {
  await expect(looked('lag', { lags: [] })).rejects.toThrow(new Unreadable('it is not a replica'));
  for (const figure of ['ON', '-1', '', '1.5', '1 ']) {
    await expect(looked('lag', { lags: [figure] })).rejects.toThrow(new Unreadable('its answer is not a number'));
    await expect(looked('busy', { running: figure })).rejects.toThrow(new Unreadable('its answer is not a number'));
  }
  for (const answer of [{ running: null }, {}])
    await expect(looked('busy', answer)).rejects.toThrow(new Unreadable('its answer is not a number'));
});

test('each gauge asks its own server, and is named after it', () => {
  expect(gaugesOf(SHARD, LIMITS).map(({ name, shard: { host, port } }) => [name, host, port])).toEqual([
    ['the number of threads that run on db1:3306', 'db1', 3_306],
    ['replica db7:3307', 'db7', 3_307],
  ]);
});

test('a gauge applies a changed limit from the next look on', async () => {
  const limits = { ...LIMITS };
  const lower = (): void => void Object.assign(limits, { maxReplicaLagSeconds: 3, maxThreadsRunning: 5 });
  expect(await looked('lag', { lags: ['4'] }, limits)).toBeNull();
  expect(await looked('lag', { lags: ['4'] }, limits, lower)).toMatchObject({ cause: 'lag' });
  Object.assign(limits, LIMITS);
  expect(await looked('busy', { running: '6' }, limits, lower)).toMatchObject({ cause: 'busy' });
});
