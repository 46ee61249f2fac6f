/**
 * How much a scan may have in memory: a SELECT is given up where its rows come to more than four chunks, however small they are; and of large
 * rows there is one at a time.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Range } from '../../../src/core/model.js';
import { startMysqlProxy } from '../../support/mysql-proxy.js';
import { createDatabase, mysqlServers } from '../../support/mysql.js';
import { largePackets } from '../types/large-packets.js';
import { fillWithLarge, LARGE, MEGABYTE } from './large-rows.js';
import { openSource, openTable } from './source.js';

const signal = new AbortController().signal;
const EVERYTHING: Range = { index: 0, after: null, upTo: null, estimatedRows: 0 };
const BODY_BYTES = 60;
const ROWS = 150;

describe.each(mysqlServers)('$name', (server) => {
  test.each<[string, string | null]>([
    ['all rows', null],
    ['chosen rows', 'id >= 0'],
  ])('a SELECT brings four chunks at most, of %s', async (_what, where) => {
    await using database = await createDatabase(server);
    await database.query('CREATE TABLE t (id INT PRIMARY KEY, body VARCHAR(99))');
    const values = Array.from({ length: ROWS }, (_, id) => `(${id}, '${'x'.repeat(BODY_BYTES)}')`);
    await database.query(`INSERT INTO t VALUES ${values.join()}`);
    // The first SELECT asks for a hundred rows: six chunks, which are well below what an answer may have on its way.
    const chunkBytes = 1_000;
    await using shard = openSource(database.shard(), { chunkRows: 1_000, chunkBytes });
    const source = await openTable(shard, 't', ['id', 'body'], where);
    const bySelect = new Map<number, number>();
    const ids: number[] = [];
    for await (const { rows, bytes, readAt } of source.scan(EVERYTHING, null, signal)) {
      ids.push(...rows.map(([id]) => Number(id)));
      bySelect.set(readAt.steady, (bySelect.get(readAt.steady) ?? 0) + bytes);
      // A chunk is closed by the row that fills it.
      expect(bytes).toBeLessThan(chunkBytes + BODY_BYTES + 3);
    }
    expect(ids).toEqual(Array.from({ length: ROWS }, (_, id) => id));
    expect(Math.max(...bySelect.values())).toBeLessThanOrEqual(4 * chunkBytes);
    // And no less than it may: fewer at a time, but not one by one.
    expect(bySelect.size).toBeLessThan(ROWS / 5);
  });

  test('large rows come one at a time, over all scans, and small ones as ever', async () => {
    await using database = await createDatabase(server);
    await using _ = await largePackets(database);
    await using own = await createDatabase(server, database.name + '_t');
    await fillWithLarge(own, 300, [10_000, 20_000, 20_001]);
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
});
