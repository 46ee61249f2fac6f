import { expect, test } from 'vitest';
import type { ShardConfig } from '../../../../src/config/model.js';
import { connect, requiresTls, tlsFault } from '../../../../src/mysql/connection/connect.js';

const shard = (host: string, mode: ShardConfig['tls']['mode']): ShardConfig => ({
  id: 's01',
  host,
  port: 1,
  user: 'u',
  password: 'p',
  database: 'd',
  tls: { mode, ca: null, profile: null },
  replicas: [],
});

test.each(['localhost', 'LOCALHOST', '127.0.0.1', '127.1.2.3', '::1'])(
  'requiresTls is false for %s, which stays on this machine',
  (host) => {
    expect(requiresTls(host)).toBe(false);
    expect(tlsFault(shard(host, 'off'))).toBeNull();
  },
);

test.each(['db1', '10.0.0.1', '128.0.0.1', 'localhost.example.com', '127.0.0.1.example.com', '0.0.0.0'])(
  'connect without TLS refuses %s, which is another machine',
  async (host) => {
    expect(requiresTls(host)).toBe(true);
    expect(tlsFault(shard(host, 'off'))).toMatchObject({ code: 'E_TLS_REQUIRED' });
    expect(tlsFault(shard(host, 'required'))).toBeNull();
    // Refused before a socket is opened, whatever the caller forgot to check.
    await expect(connect(shard(host, 'off'), 10, new AbortController().signal)).rejects.toMatchObject({
      code: 'E_TLS_REQUIRED',
    });
  },
);

test('tlsFault accepts a name for verification, and refuses an address', () => {
  expect(tlsFault(shard('db1.example.com', 'verify'))).toBeNull();
  for (const host of ['10.0.0.1', '127.0.0.1', '::1']) {
    expect(tlsFault(shard(host, 'verify'))).toMatchObject({ code: 'E_TLS_REQUIRED' });
  }
});

test('connect names a CA file that cannot be read', async () => {
  const config = {
    ...shard('localhost', 'verify'),
    tls: { mode: 'verify', ca: '/nowhere/ca.pem', profile: null },
  } as const;
  await expect(connect(config, 10, new AbortController().signal)).rejects.toMatchObject({
    code: 'E_SOURCE_CONNECT',
    message: expect.stringContaining('/nowhere/ca.pem') as string,
  });
});
