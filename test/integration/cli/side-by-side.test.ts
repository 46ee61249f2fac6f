/**
 * `plan` and `diff` of several shards: one that does not answer holds up no other, and what is known of the others is
 * shown.
 */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createMigration, onePair, type ConfigDocument } from '../../support/migration.js';

const SILENT = 2;

/** Servers that take connections and say nothing, with how many connections they had at once. */
async function silentServers(): Promise<
  { readonly ports: readonly number[]; readonly most: () => number } & AsyncDisposable
> {
  const open = new Set<Socket>();
  let most = 0;
  const servers = Array.from({ length: SILENT }, () =>
    createServer((socket) => {
      open.add(socket);
      most = Math.max(most, open.size);
      socket.on('error', () => undefined);
      socket.on('close', () => open.delete(socket));
    }).listen(0, '127.0.0.1'),
  );
  await Promise.all(servers.map((server) => once(server, 'listening')));
  return {
    ports: servers.map((server) => (server.address() as AddressInfo).port),
    most: () => most,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await Promise.all(servers.map((server) => once(server.close(), 'close')));
    },
  };
}

describe.each(onePair)('shards of $name of which two say nothing', { timeout: 180_000 }, (servers) => {
  it.each([
    { command: ['plan'], shows: /^s03 {2}messages$/m },
    { command: ['diff', '--sample', '1'], shows: /^s03 messages {2}/m },
  ])('the command $command shows the other shards while two shards do not answer', async ({ command, shows }) => {
    await using migration = await createMigration({ servers, shards: SILENT + 1, rows: 20 });
    await using silent = await silentServers();
    const silence = ({ source }: ConfigDocument): void => {
      for (const [index, port] of silent.ports.entries())
        Object.assign(source.shards[index] ?? {}, { host: '127.0.0.1', port });
      // So long as a connection is waited for, too.
      Object.assign(source.limits, { statementIdleTimeoutSeconds: 2 });
    };
    migration.configure(silence);
    const ran = await migration.run([...command, '--all'], { timeoutMs: 120_000 });
    expect(silent.most()).toBe(SILENT);
    expect(ran).toMatchObject({ code: 4 });
    expect(ran.stdout).toMatch(shows);
    expect([...ran.stderr.matchAll(/^error (s\d+) E_SOURCE_\w+: /gm)].map(([, shard]) => shard)).toEqual([
      's01',
      's02',
    ]);

    const json = await migration.run([...command, '--all', '--json'], { timeoutMs: 120_000 });
    expect(json.code).toBe(4);
    const document = JSON.parse(json.stdout) as {
      failed: readonly { shard: string }[];
      shards?: unknown[];
      tables?: unknown[];
    };
    expect(document.failed.map(({ shard }) => shard)).toEqual(['s01', 's02']);
    expect(document.shards ?? document.tables).toHaveLength(1);
  });
});
