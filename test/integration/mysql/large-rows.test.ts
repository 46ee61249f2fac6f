/**
 * Rows as large as their columns allow, which nobody knows of before they come: what is under way at once is bounded in
 * bytes, and a row that the machine cannot take is refused in words.
 */
import { describe, expect, test } from 'vitest';
import { AnswerTooLarge } from '../../../src/mysql/connection/answer-limit.js';
import { startMysqlProxy } from '../../support/mysql-proxy.js';
import { createDatabase, mysqlServers } from '../../support/mysql.js';
import { largePackets } from '../types/large-packets.js';
import { fillWithLarge, LARGE, MEGABYTE } from './large-rows.js';
import { openSession, openSource, openTable } from './source.js';

const signal = new AbortController().signal;

describe.each(mysqlServers)('$name', (server) => {
  test('the row source bounds the bytes of look-ups and samples, and refuses a row that is too large', async () => {
    await using database = await createDatabase(server);
    await using _ = await largePackets(database);
    await using own = await createDatabase(server, database.name + '_t');
    await fillWithLarge(own, 3, [10, 11, 12, 13, 14, 15, 16, 17, 18]);
    await using proxy = await startMysqlProxy(server);
    await using shard = openSource({ ...own.shard(), port: proxy.port });
    const source = await openTable(shard, 't', ['id', 'body']);
    const cursors = Array.from({ length: 9 }, (__, i) => source.cursorOf([String(i + 10), 'y']));
    await expect(source.at(cursors, signal)).rejects.toMatchObject({ code: 'E_ROW_TOO_LARGE' });
    expect((await source.at(cursors.slice(0, 1), signal))[0]?.[1]).toHaveLength(LARGE);
    expect(proxy.largestAnswer).toBeLessThan(80 * MEGABYTE);
    expect((await source.sample(12, signal)).length).toBeGreaterThan(2);

    await using session = await openSession(own.shard());
    const row = session.rows('SELECT id, body FROM t WHERE id = 10', signal, null, 2 * MEGABYTE);
    await expect(row).rejects.toThrow(AnswerTooLarge);
    await expect(row).rejects.toMatchObject({
      code: 'E_ROW_TOO_LARGE',
      message: expect.stringContaining('2 MiB') as string,
    });
    expect(session.alive).toBe(false);
  });
});
