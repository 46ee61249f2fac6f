/** Ranges of a skewed table: 30% of its rows in one account of a composite key. */
import { describe, expect, test } from 'vitest';
import { createDatabase, mysqlServers } from '../../support/mysql.js';
import { seeded, SEED } from '../../contract/row-source-tables.js';
import { openSource, openTable } from './source.js';

const signal = new AbortController().signal;
const ROWS = 60_000;

const hex = (random: () => number): string =>
  Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join('');

describe.each(mysqlServers)(`$name (seed ${SEED})`, (server) => {
  test.each([
    ['CHAR(34) CHARACTER SET ascii', 'utf8mb4_general_ci'],
    ['VARCHAR(34) COLLATE utf8mb4_unicode_ci', 'BINARY'],
  ])('%s: eight ranges, none of them much larger than its share', async (type) => {
    await using database = await createDatabase(server);
    await database.query(`CREATE TABLE t (account ${type}, sid ${type}, body VARCHAR(99), PRIMARY KEY (account, sid))`);
    const random = seeded(SEED);
    const accounts = Array.from({ length: 300 }, () => `AC${hex(random)}`);
    for (let batch = 0; batch < ROWS / 10_000; batch++) {
      const rows = Array.from({ length: 10_000 }, () => {
        const account = random() < 0.3 ? accounts[7] : accounts[Math.floor(random() * accounts.length)];
        return `('${account ?? ''}', 'SM${hex(random)}', 'some text')`;
      });
      await database.query(`INSERT IGNORE INTO t VALUES ${rows.join()}`);
    }
    await database.query('ANALYZE TABLE t');

    await using shard = openSource(database.shard(), { chunkRows: 20_000 });
    const source = await openTable(shard, 't', ['sid']);
    const asked = Number((await database.query("SHOW GLOBAL STATUS LIKE 'Questions'"))[0]?.['Value']);
    const ranges = await source.planRanges(8, signal);
    const questions = Number((await database.query("SHOW GLOBAL STATUS LIKE 'Questions'"))[0]?.['Value']) - asked;

    expect(ranges).toHaveLength(8);
    const sizes = await Promise.all(
      ranges.map(async (range) => {
        let rows = 0;
        for await (const chunk of source.scan(range, null, signal)) rows += chunk.rows.length;
        return rows;
      }),
    );
    const [{ n } = {}] = await database.query('SELECT COUNT(*) AS n FROM t');
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(Number(n));
    expect(Math.max(...sizes)).toBeLessThan(Number(n) * 0.2);
    // Other tests ask this server too, so the bound is generous: forty for each boundary, and as many for them.
    expect(questions).toBeLessThan(7 * 80);
    const estimated = ranges.reduce((sum, range) => sum + range.estimatedRows, 0);
    expect(estimated).toBeGreaterThan(Number(n) * 0.7);
    expect(estimated).toBeLessThan(Number(n) * 1.3);
  });

  test('a small table is one range', async () => {
    await using database = await createDatabase(server);
    await database.query('CREATE TABLE t (id INT PRIMARY KEY)');
    await database.query(`INSERT INTO t VALUES ${Array.from({ length: 3_000 }, (_, i) => `(${i})`).join()}`);
    await using shard = openSource(database.shard());
    const source = await openTable(shard, 't', ['id']);
    const ranges = await source.planRanges(8, signal);
    expect(ranges).toHaveLength(1);
    expect(ranges[0]).toMatchObject({ index: 0, after: null, upTo: '["2999"]' });
  });
});
