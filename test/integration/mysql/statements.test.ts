/** Statements on one connection: how each of them ends, and whether the connection is still good for the next. */
import { describe, expect, test } from 'vitest';
import { createDatabase, mysqlServers } from '../../support/mysql.js';
import { openSession } from './source.js';

const signal = new AbortController().signal;

describe.each(mysqlServers)('$name', (server) => {
  test('what the server refuses ends with its own error, and the session goes on', async () => {
    await using database = await createDatabase(server);
    await using session = await openSession(database.shard());
    await expect(session.rows('SELECT a FROM missing', signal)).rejects.toMatchObject({ code: 'ER_NO_SUCH_TABLE' });
    expect(await session.rows('SELECT 1', signal)).toEqual([['1']]);
  });
});
