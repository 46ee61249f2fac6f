/**
 * A statement that hangs is given up here, and its thread on the server is ended from the next connection: that thread,
 * and no other that has its number since the server was started again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { EventBus } from '../../../src/core/event-bus.js';
import type { Range } from '../../../src/core/model.js';
import { createDatabase, mysqlServers } from '../../support/mysql.js';
import { startMysqlProxy } from '../../support/mysql-proxy.js';
import { ownMysqlKinds, startOwnMysql } from '../../support/own-mysql.js';
import { openSource, openTable } from './source.js';

const EVERYTHING: Range = { index: 0, after: null, upTo: null, estimatedRows: 0 };
const IMPATIENT = { statementIdleTimeoutSeconds: 2, retryTimeoutSeconds: 60, scansPerServer: 1 };

describe.each(mysqlServers)('$name', { timeout: 60_000 }, (server) => {
  test('a scan leaves at most one thread on the server of the statements that it gave up', async () => {
    await using database = await createDatabase(server);
    await database.query('CREATE TABLE t (id INT PRIMARY KEY)');
    await database.query('INSERT INTO t VALUES (1)');
    const bus = new EventBus();
    let failures = 0;
    bus.on('source.retried', () => void (failures += 1));
    await using source = openSource(database.shard(), IMPATIENT, bus);
    const table = await openTable(source, 't', ['id'], 'SLEEP(600) = 0');
    const stop = new AbortController();
    const reading = (async () => {
      for await (const chunk of table.scan(EVERYTHING, null, stop.signal)) expect(chunk).toBeUndefined();
    })();
    reading.catch(() => undefined);
    const asleep = async (): Promise<number> =>
      (
        await database.query(
          "SELECT ID AS id FROM information_schema.processlist WHERE db = DATABASE() AND info LIKE '%SLEEP(600)%' AND id <> CONNECTION_ID()",
        )
      ).length;
    await expect.poll(() => failures, { timeout: 30_000 }).toBeGreaterThanOrEqual(3);
    // That of the try under way at most.
    await expect.poll(asleep, { timeout: 10_000 }).toBeLessThanOrEqual(1);
    stop.abort();
    await expect(reading).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    // The last one is left to the server: its client is gone.
    for (const { id } of await database.query(
      'SELECT ID AS id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()',
    ))
      await database.query(`KILL ${String(id)}`).catch(() => undefined);
  });
});

describe.each(await ownMysqlKinds())('own server that starts again: %s', { timeout: 120_000 }, (kind) => {
  test("a server that started again keeps its identity, and a scan does not kill a stranger with an abandoned thread's number", async () => {
    await using server = await startOwnMysql(kind, { keptAlive: true });
    await using database = await createDatabase(server);
    await database.query('CREATE TABLE t (id INT PRIMARY KEY)');
    await database.query('INSERT INTO t VALUES (1)');
    await using proxy = await startMysqlProxy(server);
    const bus = new EventBus();
    const reasons: string[] = [];
    bus.on('source.retried', ({ reason }) => reasons.push(reason));
    await using source = openSource({ ...database.shard(), port: proxy.port }, IMPATIENT, bus);
    const table = await openTable(source, 't', ['id']);
    // Nothing is answered any more: the statement is given up, and its thread is to be ended from the next connection.
    proxy.holdAnswersOver(0);
    proxy.refuse(Infinity);
    const reading = table.find([['1']], AbortSignal.timeout(100_000));
    await expect.poll(() => reasons, { timeout: 30_000 }).toContain('FERRY_DEADLINE');

    const pid = await server.pid();
    process.kill(pid, 'SIGKILL');
    await expect.poll(async () => await server.pid().catch(() => pid), { timeout: 60_000 }).not.toBe(pid);
    // Whatever number the thread had: a stranger of the same user has it now, and works.
    const strangers = await Promise.all(Array.from({ length: 60 }, () => server.connect()));
    const ended = new Set<number>();
    for (const stranger of strangers) void stranger.query('SELECT SLEEP(30)').catch(() => ended.add(stranger.threadId));
    await sleep(500);
    proxy.holdAnswersOver(Infinity);
    proxy.refuse(0);
    expect((await reading).map((row) => row.map(String))).toEqual([['1']]);
    await sleep(500);
    expect([...ended]).toEqual([]);
    for (const stranger of strangers) stranger.destroy();
  });
});
