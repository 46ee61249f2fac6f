/** Ranges of a skewed table: 30% of its rows in one account of a composite key. */
import { describe, expect, test, vi } from 'vitest';
import { describeSourceTable } from '../../../src/mysql/describe.js';
import { planRanges } from '../../../src/mysql/scan/ranges.js';
import { RowSelect } from '../../../src/mysql/keyset/row-select.js';
import { chooseScanKey } from '../../../src/mysql/keyset/scan-key.js';
import { createDatabase, mysqlServers, type TestDatabase } from '../../support/mysql.js';
import { seeded, SEED } from '../../contract/row-source-tables.js';
import { openSession, openSource, openTable } from './source.js';

const signal = new AbortController().signal;
const ROWS = 60_000;

/** @returns how many rows there are */
async function fillSkewed(database: TestDatabase, type: string): Promise<number> {
  const random = seeded(SEED);
  const hex = (): string => Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join('');
  await database.query(`CREATE TABLE t (account ${type}, sid ${type}, body VARCHAR(99), PRIMARY KEY (account, sid))`);
  const accounts = Array.from({ length: 300 }, () => `AC${hex()}`);
  for (let batch = 0; batch < ROWS / 10_000; batch++) {
    const rows = Array.from({ length: 10_000 }, () => {
      const account = random() < 0.3 ? accounts[7] : accounts[Math.floor(random() * accounts.length)];
      return `('${account ?? ''}', 'SM${hex()}', 'some text')`;
    });
    await database.query(`INSERT IGNORE INTO t VALUES ${rows.join()}`);
  }
  await database.query('ANALYZE TABLE t');
  return Number((await database.query('SELECT COUNT(*) AS n FROM t'))[0]?.['n']);
}

describe.each(mysqlServers)(`$name (seed ${SEED})`, (server) => {
  test.each(['CHAR(34) CHARACTER SET ascii', 'VARCHAR(34) COLLATE utf8mb4_unicode_ci'])(
    'planRanges() cuts a skewed table with a key of %s into eight ranges of similar size',
    async (type) => {
      await using database = await createDatabase(server);
      const count = await fillSkewed(database, type);
      await using shard = openSource(database.shard(), { chunkRows: 20_000 });
      const source = await openTable(shard, 't', ['sid']);
      const ranges = await source.planRanges(8, signal);
      expect(ranges).toHaveLength(8);
      const sizes = await Promise.all(
        ranges.map(async (range) => {
          let rows = 0;
          for await (const chunk of source.scan(range, null, signal)) rows += chunk.rows.length;
          return rows;
        }),
      );
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(count);
      expect(Math.max(...sizes)).toBeLessThan(count * 0.2);
      const estimated = ranges.reduce((sum, range) => sum + range.estimatedRows, 0);
      expect(estimated).toBeGreaterThan(count * 0.7);
      expect(estimated).toBeLessThan(count * 1.3);
    },
  );

  test('planRanges() asks about forty questions a range at most, and touches hardly a row for each', async () => {
    await using database = await createDatabase(server);
    await fillSkewed(database, 'CHAR(34) CHARACTER SET ascii');
    await using session = await openSession(database.shard());
    const { table } = await describeSourceTable(session, 's01', database.name, 't', signal);
    const select = new RowSelect({ table, key: chooseScanKey(table, null), columns: ['sid'], where: null });
    await session.rows('FLUSH STATUS', signal);
    const asked = [vi.spyOn(session, 'rows'), vi.spyOn(session, 'hints'), vi.spyOn(session, 'any')];
    const estimates = vi.spyOn(session, 'records');
    await planRanges(session, select, 8, table.estimatedRows, signal);
    const questions = asked.reduce((sum, { mock }) => sum + mock.calls.length, estimates.mock.calls.length);
    expect(questions).toBeLessThanOrEqual(8 * 40);
    const status = await session.rows("SHOW SESSION STATUS LIKE 'Handler_read%'", signal);
    expect(status.reduce((sum, [, value]) => sum + Number(value), 0)).toBeLessThan(10 * questions);
  });

  test('planRanges() plans one range for a small table', async () => {
    await using database = await createDatabase(server);
    await database.query('CREATE TABLE t (id INT PRIMARY KEY)');
    await database.query(`INSERT INTO t VALUES ${Array.from({ length: 3_000 }, (_, i) => `(${i})`).join()}`);
    await using shard = openSource(database.shard());
    const ranges = await (await openTable(shard, 't', ['id'])).planRanges(8, signal);
    expect(ranges).toHaveLength(1);
    expect(ranges[0]).toMatchObject({ index: 0, after: null, upTo: '["2999"]' });
  });
});
