/** Statements on one connection: how each of them ends, and whether the connection is still good for the next. */
import { describe, expect, test } from 'vitest';
import { createDatabase, mysqlServers } from '../../support/mysql.js';
import { openSession } from './source.js';

const signal = new AbortController().signal;

describe.each(mysqlServers)('$name', (server) => {
  test('a session survives a statement that the server refuses, whose own error ends the statement', async () => {
    await using database = await createDatabase(server);
    await using session = await openSession(database.shard());
    await expect(session.rows('SELECT a FROM missing', signal)).rejects.toMatchObject({ code: 'ER_NO_SUCH_TABLE' });
    expect(await session.rows('SELECT 1', signal)).toEqual([['1']]);
  });

  test('a destroyed session reports the first reason for it, and keeps reporting that', async () => {
    await using database = await createDatabase(server);
    await using session = await openSession(database.shard());
    const running = session.rows('SELECT SLEEP(1)', signal);
    const reason = new Error('the reason');
    session.destroy(reason);
    session.destroy(new Error('too late'));
    await expect(running).rejects.toBe(reason);
    await expect(session.rows('SELECT 1', signal)).rejects.toBe(reason);
    expect(session.alive).toBe(false);
  });

  test('an aborted signal ends a statement at once, and its connection with it', async () => {
    await using database = await createDatabase(server);
    await using session = await openSession(database.shard());
    const stop = new AbortController();
    const running = session.rows('SELECT SLEEP(1)', stop.signal);
    setImmediate(() => stop.abort());
    await expect(running).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    await expect(session.rows('SELECT 1', signal)).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    await expect(session.rows('SELECT 1', AbortSignal.abort())).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
  });
});
