/**
 * How much a scan may have in memory: a SELECT is given up where its rows come to more than four chunks, however small
 * they are; and of large rows there is one at a time.
 */
import { describe, expect, test } from 'vitest';
import type { Range } from '../../../src/core/model.js';
import { startMysqlProxy } from '../../support/mysql-proxy.js';
import { createDatabase, mysqlServers } from '../../support/mysql.js';
import { largePackets } from '../types/large-packets.js';
import { fillWithLarge, LARGE, MEGABYTE } from './large-rows.js';
import { openSession, openSource, openTable } from './source.js';

const signal = new AbortController().signal;
const EVERYTHING: Range = { index: 0, after: null, upTo: null, estimatedRows: 0 };
const CHUNK_BYTES = 1_000;

const many = (count: number, bytes: number): readonly number[] => Array<number>(count).fill(bytes);

describe.each(mysqlServers)('$name', (server) => {
  // The first SELECT asks for a hundred rows: more than four chunks, which are well below what an answer may have on
  // its way.
  test.each<[string, string | null, readonly number[]]>([
    ['small rows', null, many(150, 60)],
    ['chosen ones', 'id >= 0', many(150, 60)],
    ['two rows of three chunks each', null, many(2, 3_000)],
    ['rows of nine chunks between small ones', null, [60, 9_000, 60, 9_000, 9_000, 60]],
  ])('one SELECT of a scan holds at most four chunks, or one row, of %s', async (_what, where, bodies) => {
    await using database = await createDatabase(server);
    await database.query('CREATE TABLE t (id INT PRIMARY KEY, body TEXT CHARACTER SET latin1)');
    await database.query(`INSERT INTO t VALUES ${bodies.map((bytes, id) => `(${id}, REPEAT('x', ${bytes}))`).join()}`);
    await using shard = openSource(database.shard(), { chunkRows: 1_000, chunkMs: 60_000, chunkBytes: CHUNK_BYTES });
    const source = await openTable(shard, 't', ['id', 'body'], where);
    const bySelect = new Map<number, { rows: number; bytes: number }>();
    const ids: number[] = [];
    for await (const { rows, bytes, readAt } of source.scan(EVERYTHING, null, signal)) {
      ids.push(...rows.map(([id]) => Number(id)));
      const select = bySelect.get(readAt.monotonic) ?? { rows: 0, bytes: 0 };
      bySelect.set(readAt.monotonic, { rows: select.rows + rows.length, bytes: select.bytes + bytes });
      // A chunk is closed by the row that fills it.
      const [last = 0] = bodies.slice(ids.at(-1), (ids.at(-1) ?? 0) + 1);
      expect(bytes).toBeLessThan(CHUNK_BYTES + last + 3);
    }
    expect(ids).toEqual(bodies.map((__, id) => id));
    for (const { rows, bytes } of bySelect.values()) expect(rows === 1 || bytes <= 4 * CHUNK_BYTES).toBe(true);
    // And no less than it may: fewer at a time, but not one by one.
    if (bodies.length > 10) expect(bySelect.size).toBeLessThan(bodies.length / 5);
  });

  test('all scans together hold one large row at a time, and read small rows as ever', async () => {
    await using database = await createDatabase(server);
    await using _ = await largePackets(database);
    await using own = await createDatabase(server, database.name + '_t');
    await fillWithLarge(own, 300, [10_000, 20_000, 20_001]);
    await using proxy = await startMysqlProxy(server);
    await using shard = openSource({ ...own.shard(), port: proxy.port }, { chunkBytes: MEGABYTE });
    const source = await openTable(shard, 't', ['id', 'body']);
    const held = { now: 0, most: 0 };
    const ids: number[] = [];
    const releases: Promise<void>[] = [];
    /**
     * As long as the other scan takes to read its own, thrice, however busy the machine is: if nothing kept it from
     * that, it would.
     */
    const meanwhile = async (): Promise<void> => {
      await using session = await openSession(own.shard());
      for (let i = 0; i < 3; i++) await session.rows('SELECT id, body FROM t WHERE id = 10000', signal);
    };
    const read = async (range: Range): Promise<void> => {
      for await (const { rows, bytes } of source.scan(range, null, signal)) {
        ids.push(...rows.map(([id]) => Number(id)));
        if (bytes < LARGE) {
          rows.release();
          continue;
        }
        expect(rows.length).toBe(1);
        held.now += 1;
        held.most = Math.max(held.most, held.now);
        const release = (): void => {
          held.now -= 1;
          rows.release();
        };
        releases.push(meanwhile().finally(release));
      }
    };
    const [first] = await source.sample(1, signal);
    expect(first?.[0]).toBe('0');
    const at = (id: number): Range['after'] => JSON.stringify([String(id)]) as Range['after'];
    await Promise.all([
      read({ index: 0, after: null, upTo: at(15_000), estimatedRows: 0 }),
      read({ index: 1, after: at(15_000), upTo: null, estimatedRows: 0 }),
    ]);
    await Promise.all(releases);
    expect(ids.sort((a, b) => a - b)).toEqual([...Array.from({ length: 300 }, (__, i) => i), 10_000, 20_000, 20_001]);
    expect(held.most).toBe(1);
    // One of them whole, and not what was asked for together.
    expect(proxy.largestAnswer).toBeLessThan(1.5 * LARGE);
  });
});
