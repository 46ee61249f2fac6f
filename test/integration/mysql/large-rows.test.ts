/**
 * Rows as large as their columns allow, which nobody knows of before they come: what is under way at once is bounded in bytes, and a row that
 * the machine cannot take is refused in words.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Range } from '../../../src/core/model.js';
import { AnswerTooLarge } from '../../../src/mysql/answer-size.js';
import { startMysqlProxy } from '../../support/mysql-proxy.js';
import { createDatabase, mysqlServers, type TestDatabase } from '../../support/mysql.js';
import { largePackets } from '../types/large-packets.js';
import { openSession, openSource, openTable } from './source.js';

const signal = new AbortController().signal;
const MEGABYTE = 2 ** 20;
const LARGE = 9 * MEGABYTE;

/** Small rows, and behind them large ones, by their ids. */
async function fill(database: TestDatabase, small: number, large: readonly number[]): Promise<void> {
  await database.query('CREATE TABLE t (id INT PRIMARY KEY, body LONGTEXT)');
  await database.query(`INSERT INTO t VALUES ${Array.from({ length: small }, (_, i) => `(${i}, 'x')`).join()}`);
  for (const id of large) await database.query(`INSERT INTO t VALUES (${id}, REPEAT('y', ${LARGE}))`);
}

describe.each(mysqlServers)('$name', (server) => {
  test('large rows come one at a time, over all scans, and small ones as ever', async () => {
    await using database = await createDatabase(server);
    await using _ = await largePackets(database);
    await using own = await createDatabase(server, database.name + '_t');
    await fill(own, 300, [10_000, 20_000, 20_001]);
    await using proxy = await startMysqlProxy(server);
    await using shard = openSource({ ...own.shard(), port: proxy.port }, { chunkBytes: MEGABYTE });
    const source = await openTable(shard, 't', ['id', 'body']);
    const held = { now: 0, most: 0 };
    const ids: number[] = [];
    const read = async (range: Range): Promise<void> => {
      for await (const { rows, bytes } of source.scan(range, null, signal)) {
        ids.push(...rows.map(([id]) => Number(id)));
        const large = bytes >= LARGE;
        if (large) expect(rows.length).toBe(1);
        held.now += large ? 1 : 0;
        held.most = Math.max(held.most, held.now);
        // Long enough for the others to read theirs, if nothing kept them from it.
        void sleep(large ? 150 : 0).then(() => {
          held.now -= large ? 1 : 0;
          rows.release();
        });
      }
    };
    const [first] = await source.sample(1, signal);
    expect(first?.[0]).toBe('0');
    const at = (id: number): Range['after'] => JSON.stringify([String(id)]) as Range['after'];
    await Promise.all([
      read({ index: 0, after: null, upTo: at(15_000), estimatedRows: 0 }),
      read({ index: 1, after: at(15_000), upTo: null, estimatedRows: 0 }),
    ]);
    expect(ids.sort((a, b) => a - b)).toEqual([...Array.from({ length: 300 }, (__, i) => i), 10_000, 20_000, 20_001]);
    expect(held.most).toBe(1);
    // One of them whole, and not what was asked for together.
    expect(proxy.largestAnswer).toBeLessThan(1.5 * LARGE);
  });

  test('what is looked up or sampled is bounded too, and one row that is too large is refused', async () => {
    await using database = await createDatabase(server);
    await using _ = await largePackets(database);
    await using own = await createDatabase(server, database.name + '_t');
    await fill(own, 3, [10, 11, 12, 13, 14, 15, 16, 17, 18]);
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
