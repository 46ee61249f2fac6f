import { expect, test } from 'vitest';
import type { Config } from '../../../src/config/model.js';
import { serverShares } from '../../../src/shards/server-share.js';

/** Shards by id, on `host:port`. */
function config(scansPerServer: number, servers: Readonly<Record<string, string>>): Pick<Config, 'source'> {
  const shards = Object.entries(servers).map(([id, server]) => {
    const [host, port] = server.split(':');
    return { id, host, port: Number(port) };
  });
  return { source: { shards, limits: { scansPerServer } } } as unknown as Pick<Config, 'source'>;
}

/** The most scans at once on each server, whichever shards have their turn. */
function mostScans(shares: ReturnType<typeof serverShares>): Record<string, number> {
  return Object.fromEntries([...shares.values()].map(({ server, atOnce, scans }) => [server, atOnce * scans]));
}

test('serverShares gives a shard on a server of its own all the scans', () => {
  const shares = serverShares(config(4, { a: 'db1:1', b: 'db2:1' }), ['a', 'b'], 8);
  expect([...shares]).toEqual([
    ['a', { server: 'db1:1', atOnce: 1, scans: 4 }],
    ['b', { server: 'db2:1', atOnce: 1, scans: 4 }],
  ]);
});

test.each([
  { scans: 4, jobs: 8, shards: 2, expected: { atOnce: 2, scans: 2 } },
  { scans: 4, jobs: 8, shards: 3, expected: { atOnce: 3, scans: 1 } },
  { scans: 2, jobs: 8, shards: 5, expected: { atOnce: 2, scans: 1 } },
  { scans: 1, jobs: 8, shards: 3, expected: { atOnce: 1, scans: 1 } },
  { scans: 6, jobs: 2, shards: 3, expected: { atOnce: 2, scans: 3 } },
])(
  'serverShares divides $scans scans for $shards shards on one server and $jobs jobs',
  ({ scans, jobs, shards, expected }) => {
    const ids = Array.from({ length: shards }, (_, i) => `s${i}`);
    const shares = serverShares(config(scans, Object.fromEntries(ids.map((id) => [id, 'DB1:1']))), ids, jobs);
    for (const id of ids) expect(shares.get(id)).toEqual({ server: 'db1:1', ...expected });
    expect(mostScans(shares)['db1:1']).toBeLessThanOrEqual(scans);
  },
);

test('serverShares counts only shards that are to run', () => {
  const shares = serverShares(config(4, { a: 'db1:1', b: 'db1:1', c: 'db1:2' }), ['a', 'c'], 8);
  expect(shares.get('a')).toEqual({ server: 'db1:1', atOnce: 1, scans: 4 });
  expect(shares.has('b')).toBe(false);
});
