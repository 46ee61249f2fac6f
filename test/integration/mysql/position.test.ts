/** Where the binary log stands, and whether a server has what another one had: what a failover is judged by. */
import { expect, test } from 'vitest';
import type { ShardConfig } from '../../../src/config/model.js';
import { binlogPosition, hasReached } from '../../../src/mysql/inspect/position.js';
import { createDatabase, mysqlServers } from '../../support/mysql.js';
import { ownMysqlKinds, startOwnMysql } from '../../support/own-mysql.js';
import type { MysqlServer } from '../../support/servers/server.js';
import { openSession, openSource } from './source.js';

const signal = new AbortController().signal;
const GTIDS = ['--gtid-mode=ON', '--enforce-gtid-consistency', '--log-slave-updates'];
const withGtids = (await ownMysqlKinds()).filter((name) => name === 'mysql-5.6');

function shardOf({ host, port, user, password }: MysqlServer): ShardConfig {
  const tls = { mode: 'off', ca: null, profile: null } as const;
  return { id: 's01', host, port, user, password, database: 'mysql', tls, replicas: [] };
}

test.each(withGtids)(
  'hasReached() on %s is true for what the server executed, and false for what it or another server did not',
  async (kind) => {
    await using server = await startOwnMysql(kind, { options: GTIDS });
    await using session = await openSession(shardOf(server));
    await server.query('CREATE DATABASE first');
    const before = await binlogPosition(session, signal);
    await server.query('CREATE DATABASE second');
    const after = await binlogPosition(session, signal);
    if (before === null || after === null) throw new Error('the server has no position');
    expect(after.offset).toBeGreaterThan(before.offset);
    expect(after.gtid).not.toBe(before.gtid);
    expect(await hasReached(session, before, signal)).toBe(true);
    expect(await hasReached(session, after, signal)).toBe(true);
    const [source, last] = (after.gtid ?? '').split(/:(?:\d+-)?/);
    const next = `${source ?? ''}:1-${Number(last) + 1}`;
    expect(await hasReached(session, { ...after, gtid: next }, signal)).toBe(false);
    const elsewhere = '00000000-0000-0000-0000-000000000001:1';
    expect(await hasReached(session, { ...after, gtid: elsewhere }, signal)).toBe(false);
    expect(await hasReached(session, { ...after, gtid: null }, signal)).toBeNull();
  },
);

const mariadbs = mysqlServers.filter(({ name, host }) => name.startsWith('mariadb') && host === '127.0.0.1');

test.each(mariadbs)(
  'hasReached() on $name may say that a server lacks GTIDs, never that it has them',
  async (server) => {
    await using database = await createDatabase(server);
    await using session = await openSession(database.shard());
    const position = await binlogPosition(session, signal);
    const [domain = '0', id = '1', number = '0'] = (position?.gtid ?? '').split('-');
    const at = (gtid: string): Promise<boolean | null> => hasReached(session, { file: 'f', offset: 1, gtid }, signal);
    expect(Number(number)).toBeGreaterThan(0);
    await database.query('CREATE TABLE t (id INT)');
    for (const same of [position?.gtid ?? '', `${domain}-99-${number}`, `${domain}-${id}-1`])
      expect(await at(same)).toBeNull();
    expect(await at(`${domain}-${id}-${Number(number) + 1_000_000}`)).toBe(false);
    expect(await at(`${domain}-${id}-1,4711-1-1`)).toBe(false);
    expect(await at('3e11fa47-7100-1111-9933-c80aa9429562:1-5')).toBeNull();
  },
);

test.each(mariadbs)(
  'identity() on $name tells apart two servers of one host name and port, and recognizes identities of earlier versions',
  async (server) => {
    await using twin = await startOwnMysql('mariadb', { at: { host: '127.0.0.2', port: server.port } });
    await using first = openSource(shardOf(server));
    await using second = openSource(shardOf(twin));
    const [one, other] = [await first.identity(signal), await second.identity(signal)];
    expect(first.isSame(one, other)).toBe(false);
    expect(first.isSame(one, await first.identity(signal))).toBe(true);
    const [row] = await twin.query("SELECT CONCAT(@@hostname, ':', @@port, ' ', @@server_id) AS noted");
    const noted = String(row?.['noted']);
    expect(first.isSame(noted, one)).toBe(true);
    expect(first.isSame(noted.slice(0, -1), one)).toBe(false);
  },
);

test.each(mysqlServers)('binlogPosition() on $name returns null for a user who may not ask', async (server) => {
  await using database = await createDatabase(server);
  const account = `'poor_${database.name.slice(-8)}'@'${server.host}'`;
  await database.query(`CREATE USER ${account} IDENTIFIED BY 'secret'`);
  try {
    await database.query(`GRANT SELECT ON ${database.name}.* TO ${account}`);
    const shard = { ...database.shard(), user: `poor_${database.name.slice(-8)}`, password: 'secret' };
    await using session = await openSession(shard);
    expect(await binlogPosition(session, signal)).toBeNull();
    await using root = await openSession(database.shard());
    expect(await binlogPosition(root, signal)).toMatchObject({ file: expect.stringMatching(/\.\d+$/) as string });
    // Whatever else goes wrong is no such answer: a position that is not recorded is never had again.
    root.destroy();
    await expect(binlogPosition(root, signal)).rejects.toThrow();
  } finally {
    await database.query(`DROP USER ${account}`);
  }
});
