import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { SourceTableConfig } from '../../../src/config/model.js';
import { inspectShard } from '../../../src/mysql/inspect/inspect-shard.js';
import { createDatabase, mysqlServers } from '../../support/mysql.js';
import { ownMysqlKinds, startOwnMysql } from '../../support/own-mysql.js';
import { startMysqlProxy } from '../../support/mysql-proxy.js';
import { LIMITS, openSource } from './source.js';

const signal = new AbortController().signal;
const table = (name: string, more: Partial<SourceTableConfig> = {}): SourceTableConfig => ({
  name,
  where: null,
  scanKey: null,
  wholeTable: null,
  shardedBy: null,
  globallyUnique: [],
  ...more,
});

describe.each(mysqlServers)('$name', (server) => {
  test('inspectShard() warns of a server that is too busy to scan, and of no other', async () => {
    await using database = await createDatabase(server);
    const faultsAt = async (maxThreadsRunning: number): Promise<readonly string[]> => {
      const { faults } = await inspectShard(database.shard(), { ...LIMITS, maxThreadsRunning }, [], signal);
      return faults.map(({ message }) => message).filter((message) => message.includes('threads run'));
    };
    expect(await faultsAt(1_000)).toEqual([]);
    expect(await faultsAt(0)).toEqual([expect.stringMatching(/[1-9]\d* threads run on the server, .* is 0$/)]);
  });

  test('inspectShard() reports every fault of a shard at once', async () => {
    await using database = await createDatabase(server);
    await database.query('CREATE TABLE good (id INT PRIMARY KEY, a INT)');
    await database.query('CREATE TABLE keyless (id INT, UNIQUE KEY u (id))');
    await database.query('CREATE TABLE old (id INT PRIMARY KEY) ENGINE = MyISAM');
    const wanted = [
      table('good'),
      table('missing'),
      table('keyless'),
      table('old'),
      table('good', { where: 'no_such_column = 1' }),
      table('good', { scanKey: ['a'] }),
    ];
    const { facts, tables, faults } = await inspectShard(database.shard(), LIMITS, wanted, signal);
    expect(facts).toMatchObject({ family: server.name.split('-')[0], cipher: null, binlogFormat: 'ROW' });
    expect(facts?.version).toContain(server.name.split('-')[1]);
    expect(Math.abs(facts?.clockSkewMs ?? Infinity)).toBeLessThan(2_000);
    expect([...tables.keys()]).toEqual(['good', 'keyless', 'old']);
    expect(faults.filter(({ level }) => level === 'error').map(({ code }) => code)).toEqual([
      'E_TABLE_MISSING',
      'E_TABLE_NO_KEY',
      'E_SOURCE_QUERY',
      'E_TABLE_NO_KEY',
    ]);
    const warnings = faults.filter(({ level }) => level === 'warning').map(({ message }) => message);
    expect(warnings).toEqual([
      // MySQL 8 and later spell ALL PRIVILEGES out.
      expect.stringMatching(/may write \((ALL PRIVILEGES|ALTER, CREATE, DELETE, .*UPDATE)\)/),
      expect.stringContaining('table old uses the engine MyISAM'),
    ]);
    for (const { message, hint } of faults) expect(message.startsWith('shard s01: ') && hint !== '').toBe(true);
  });

  test('inspectShard() finds no fault with a user of the least privileges', async () => {
    await using database = await createDatabase(server);
    await database.query('CREATE TABLE good (id INT PRIMARY KEY)');
    const user = `reader_${database.name.slice(-8)}`;
    await database.query(`CREATE USER ${user}@'%' IDENTIFIED BY 'pass'`);
    try {
      await database.query(`GRANT SELECT ON ${database.name}.* TO ${user}@'%'`);
      const shard = { ...database.shard(), user, password: 'pass' };
      const without = await inspectShard(shard, LIMITS, [table('good')], signal);
      expect(without.faults.map(({ level, message }) => [level, message])).toEqual([
        ['warning', expect.stringContaining('dynaferry records no position')],
      ]);
      await using source = openSource(shard);
      expect(await source.position(signal)).toBeNull();

      await database.query(`GRANT REPLICATION CLIENT ON *.* TO ${user}@'%'`);
      expect((await inspectShard(shard, LIMITS, [table('good')], signal)).faults).toEqual([]);

      const wrong = await inspectShard({ ...shard, password: 'wrong' }, LIMITS, [table('good')], signal);
      expect(wrong).toMatchObject({ facts: null, faults: [{ level: 'error', code: 'E_SOURCE_ACCESS' }] });
      expect(JSON.stringify(wrong.faults)).not.toContain('wrong');
    } finally {
      await database.query(`DROP USER ${user}@'%'`);
    }
  });

  test('inspectShard() takes notes of the server on the plan of a condition for no fault', async () => {
    await using database = await createDatabase(server);
    await database.query('CREATE TABLE t (name VARCHAR(20) NOT NULL, id INT, PRIMARY KEY (name, id))');
    await database.query('CREATE TABLE other (id INT PRIMARY KEY)');
    const wheres = [
      'name = 5',
      "name = _utf8mb4'5' COLLATE utf8mb4_bin",
      'EXISTS (SELECT 1 FROM other WHERE other.id = t.id)',
    ];
    const wanted = wheres.map((where) => table('t', { where }));
    const { faults } = await inspectShard(database.shard(), LIMITS, wanted, signal);
    expect(faults.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('inspectShard() tries a condition on sampled rows, and names the table where it would end a run with a warning', async () => {
    await using database = await createDatabase(server);
    await database.query('CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20))');
    const rows = (from: number, name: string): string =>
      Array.from({ length: 500 }, (_, i) => `(${from + i}, '${name}')`).join();
    await database.query(`INSERT INTO t VALUES ${rows(1, '5')}`);
    const whole = { maxRows: 10_000, maxBytes: 1_000_000 };
    const look = async (more: Partial<SourceTableConfig>): Promise<readonly string[]> => {
      const { faults } = await inspectShard(database.shard(), LIMITS, [table('t', more)], signal);
      return faults.filter(({ level }) => level === 'error').map(({ code, message }) => `${code} ${message}`);
    };
    expect(await look({ where: 'name = 5' })).toEqual([]);
    // Behind the first rows.
    await database.query(`INSERT INTO t VALUES ${rows(1_001, 'a secret')}`);
    expect(await look({ where: 'name = 5' })).toEqual([
      expect.stringMatching(/^E_SOURCE_WARNING .*1292.*; this was a test of the `where` of table t on some rows$/),
    ]);
    expect(await look({ where: "name = '5'" })).toEqual([]);
    expect(await look({ where: 'id BETWEEN 1 AND 400 AND name = 5' })).toEqual([]);
    expect(await look({ where: 'name = 5', wholeTable: whole })).toEqual([
      expect.stringMatching(/^E_SOURCE_WARNING .*1292/),
    ]);
  });

  test('inspectShard() reports a database that does not exist with E_SOURCE_ACCESS', async () => {
    await using database = await createDatabase(server);
    const { faults } = await inspectShard({ ...database.shard(), database: 'nowhere_at_all' }, LIMITS, [], signal);
    expect(faults).toMatchObject([{ level: 'error', code: 'E_SOURCE_ACCESS' }]);
  });

  test('inspectShard() refuses plain text over a network without connecting', async () => {
    await using database = await createDatabase(server);
    const away = await inspectShard({ ...database.shard(), host: 'db.example.com' }, LIMITS, [table('t')], signal);
    expect(away.faults).toMatchObject([{ level: 'error', code: 'E_TLS_REQUIRED' }]);
  });

  test('inspectShard() uses TLS where asked to, and names a server without it or with a certificate that nobody vouches for', async () => {
    await using database = await createDatabase(server);
    const [certificate] = await database.query("SHOW STATUS LIKE 'Ssl_server_not_after'");
    const required = { mode: 'required', ca: null, profile: null } as const;
    const { facts, faults } = await inspectShard({ ...database.shard(), tls: required }, LIMITS, [], signal);
    if ((certificate?.['Value'] ?? '') === '') {
      expect(faults).toMatchObject([{ level: 'error', code: 'E_TLS_REQUIRED' }]);
      return;
    }
    expect(faults.filter(({ level }) => level === 'error')).toEqual([]);
    expect(facts?.cipher).toMatch(/^TLS_|-SHA/);
    const verified = { ...required, mode: 'verify' } as const;
    const unknown = await inspectShard({ ...database.shard(), host: 'localhost', tls: verified }, LIMITS, [], signal);
    const names = expect.stringContaining('`tls.ca`') as string;
    expect(unknown.faults).toMatchObject([{ level: 'error', code: 'E_TLS_REQUIRED', hint: names }]);
  });

  test('inspectShard() reports a lost connection once, not for each remaining table', async () => {
    await using database = await createDatabase(server);
    const labels = Array.from({ length: 400 }, (_, i) => `'a label of some length, number ${i}'`).join();
    await database.query(`CREATE TABLE wide (id INT PRIMARY KEY, e ENUM(${labels}))`);
    await database.query('CREATE TABLE good (id INT PRIMARY KEY)');
    await using proxy = await startMysqlProxy(server);
    const shard = { ...database.shard(), port: proxy.port };
    proxy.breakAnswersOver(12_000);
    const { faults } = await inspectShard(shard, LIMITS, [table('good'), table('wide'), table('good')], signal);
    expect(faults.filter(({ level }) => level === 'error')).toMatchObject([{ code: 'E_SOURCE_LOST' }]);
  });

  test('inspectShard() warns of a replica that does not answer', async () => {
    await using database = await createDatabase(server);
    const shard = { ...database.shard(), replicas: [{ host: '127.0.0.1', port: 1 }] };
    const { faults } = await inspectShard(shard, LIMITS, [], signal);
    expect(faults.filter(({ code }) => code === 'E_SOURCE_CONNECT')).toMatchObject([{ level: 'warning' }]);
  });
});

describe('a host that does not answer', () => {
  const shard = {
    id: 's01',
    host: '127.0.0.1',
    port: 1,
    user: 'u',
    password: 'p',
    database: 'd',
    tls: { mode: 'off', ca: null, profile: null },
    replicas: [],
  } as const;

  test('inspectShard() reports a host that does not listen at once, without retries', async () => {
    const { facts, faults } = await inspectShard(shard, LIMITS, [table('t')], signal);
    expect(facts).toBeNull();
    expect(faults).toMatchObject([{ level: 'error', code: 'E_SOURCE_CONNECT' }]);
    await using source = openSource(shard);
    await expect(source.describe('t', signal)).rejects.toMatchObject({ code: 'E_SOURCE_CONNECT' });
  });

  test('an aborted signal ends inspectShard() of a host that accepts but never answers', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const address = silent.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const stop = new AbortController();
    const inspecting = inspectShard({ ...shard, port }, LIMITS, [table('t')], stop.signal);
    setTimeout(() => {
      stop.abort();
    }, 50);
    await expect(inspecting).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    silent.close();
  });
});

describe.each(await ownMysqlKinds())('own server: %s', { timeout: 60_000 }, (name) => {
  test('inspectShard() warns of a server without a binary log, and finds no binlog_format', async () => {
    await using server = await startOwnMysql(name, { options: ['--skip-log-bin'] });
    await server.query('CREATE DATABASE one');
    await server.query('CREATE TABLE one.good (id INT PRIMARY KEY)');
    const { host, port, user, password } = server;
    const tls = { mode: 'off', ca: null, profile: null } as const;
    const shard = { id: 's01', host, port, user, password, database: 'one', tls, replicas: [] };
    const { facts, faults } = await inspectShard(shard, LIMITS, [table('good')], signal);
    expect(facts?.binlogFormat).toBeNull();
    expect(faults.map(({ message }) => message)).toContainEqual(
      expect.stringContaining('the server writes no binary log'),
    );
  });
});
