/** What a watch that cannot be kept is told of: the fault that it was, and lateness only where it was too late. */
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import type { ShardConfig, SourceLimits } from '../../../src/config/model.js';
import { EventBus } from '../../../src/core/event-bus.js';
import type { Cell } from '../../../src/core/model.js';
import { gaugesOf, Unreadable } from '../../../src/mysql/gauges.js';
import type { Session } from '../../../src/mysql/connection/session.js';
import { SourceThrottler } from '../../../src/mysql/source-throttler.js';

const shard: ShardConfig = {
  id: 's01',
  host: '127.0.0.1',
  port: 1,
  user: 'u',
  password: 'p',
  database: 'd',
  tls: { mode: 'off', ca: null, profile: null },
  replicas: [],
};
const limits: SourceLimits = {
  scansPerServer: 1,
  rangesPerTable: 1,
  chunkMs: 1,
  chunkRows: 1,
  chunkBytes: 1,
  maxReplicaLagSeconds: 10,
  maxThreadsRunning: 64,
  statementIdleTimeoutSeconds: 120,
  retryTimeoutSeconds: 1,
  maxPauseSeconds: 1,
};

afterEach(() => {
  vi.useRealTimers();
});

/** Why the server, or a replica, cannot be watched, as the first look finds. */
async function reasonOf(
  watched: Partial<ShardConfig>,
  meanwhile = (): Promise<void> => Promise.resolve(),
): Promise<string> {
  const bus = new EventBus();
  const told = new Promise<string>((resolve) => bus.on('source.probe_failed', ({ reason }) => resolve(reason)));
  const throttle = new SourceThrottler({ ...shard, ...watched }, limits, bus);
  const leave = throttle.enter();
  try {
    await meanwhile();
    return await told;
  } finally {
    leave();
    throttle.close();
  }
}

test.each<[string, Partial<ShardConfig>, string]>([
  ['a port where nothing listens', {}, 'ECONNREFUSED'],
  [
    'a host that may not be asked in plain text',
    { host: 'db7.example.com' },
    'E_TLS_REQUIRED: TLS is off, and db7.example.com is not a loopback host',
  ],
  [
    'a CA file that cannot be read',
    { tls: { mode: 'verify', ca: '/nowhere/ca.pem', profile: null }, host: 'localhost' },
    'E_SOURCE_CONNECT: the CA file /nowhere/ca.pem cannot be read',
  ],
])('the throttler gives the reason for %s', async (_, watched, reason) => {
  expect(await reasonOf(watched)).toBe(reason);
});

test('the throttler reports a server that says nothing as late', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const server = createServer();
  const connected = new Promise<void>((resolve) => server.on('connection', () => resolve()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const reason = reasonOf({ port: (server.address() as AddressInfo).port }, async () => {
    await connected;
    await vi.advanceTimersByTimeAsync(5_000);
  });
  expect(await reason).toBe('it did not answer in time');
  await new Promise((resolve) => server.close(resolve));
});

test.each<[string, Cell]>([
  ['nothing', null],
  ['words', 'ON'],
  ['a figure below zero', '-1'],
])('a gauge that answers %s is unreadable, and not at ease', async (_, cell) => {
  const session = {
    rows: () => Promise.resolve([['Threads_running', cell]]),
    records: () => Promise.resolve([new Map([['lag', cell]])]),
    family: { replicaStatement: 'SHOW', replicaLagColumn: 'lag' },
  } as unknown as Session;
  const looks = gaugesOf({ ...shard, replicas: [{ host: 'db7', port: 3306 }] }, limits).map((gauge) =>
    gauge.look(session, new AbortController().signal),
  );
  await expect(looks[0]).rejects.toThrow(Unreadable);
  // NULL is what a replica says that does not replicate.
  if (cell === null) await expect(looks[1]).resolves.toMatchObject({ cause: 'lag' });
  else await expect(looks[1]).rejects.toThrow(Unreadable);
});
