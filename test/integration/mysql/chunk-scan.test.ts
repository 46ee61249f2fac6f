/** How much one SELECT of a scan may bring: it is given up where its rows come to more than four chunks, however small they are. */
import { describe, expect, test } from 'vitest';
import type { Range } from '../../../src/core/model.js';
import { createDatabase, mysqlServers } from '../../support/mysql.js';
import { openSource, openTable } from './source.js';

const signal = new AbortController().signal;
const EVERYTHING: Range = { index: 0, after: null, upTo: null, estimatedRows: 0 };
const BODY_BYTES = 60;
const ROWS = 150;

describe.each(mysqlServers)('$name', (server) => {
  test.each<[string, string | null]>([
    ['all rows', null],
    ['chosen rows', 'id >= 0'],
  ])('of %s', async (_what, where) => {
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
});
