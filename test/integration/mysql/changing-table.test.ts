/**
 * Rows inserted, deleted and moved to other keys around the cursor while a scan goes on, at random: those that stay
 * where they are throughout come exactly once, in order, and no other row comes that was never there.
 */
import { describe, expect, test, vi } from 'vitest';
import type { Range } from '../../../src/core/model.js';
import { createDatabase, mysqlServers, type TestDatabase } from '../../support/mysql.js';
import {
  fillTable,
  KEYED_TABLES,
  seeded,
  SEED,
  type KeyedTable,
  type Random,
} from '../../contract/row-source-tables.js';
import { openSource, openTable } from './source.js';

const signal = new AbortController().signal;
const EVERYTHING: Range = { index: 0, after: null, upTo: null, estimatedRows: 0 };
const ROWS = 400;
/** Between two chunks, while the next one is being read. */
const CHANGES = 6;

/** One of each way to compare. */
const KINDS = [
  'negative bigint and zero',
  'composite of texts, a third in one account',
  'text that pads with spaces',
  'enum leading',
  'double at its ends',
  'four parts of four kinds',
  'four parts in turns, down and up',
];

/** Even rows stay; odd ones come, go and move. */
const staying = (n: number): boolean => n % 2 === 0;

function change(table: KeyedTable, random: Random, near: readonly number[], fresh: number): string {
  const around = near.map((n) => (staying(n) ? n + 1 : n));
  const n = around[Math.floor(random() * around.length)] ?? 1;
  const keys = table.values(random, 2 + Math.floor(random() * 99_999));
  switch (Math.floor(random() * 4)) {
    case 0:
      return `DELETE FROM t WHERE n = ${n}`;
    case 1:
      return `INSERT IGNORE INTO t VALUES (${keys.join(', ')}, ${fresh})`;
    default:
      return `UPDATE IGNORE t SET ${table.parts.map((part, i) => `${part} = ${keys[i] ?? ''}`).join(', ')} WHERE n = ${n}`;
  }
}

async function stayingInOrder(database: TestDatabase, table: KeyedTable): Promise<readonly number[]> {
  const rows = await database.query(`SELECT n FROM t WHERE n % 2 = 0 ORDER BY ${table.key}`);
  return rows.map((row) => Number(row['n']));
}

describe.each(mysqlServers)('$name', (server) => {
  const tables = KEYED_TABLES.filter(({ name, only }) => KINDS.includes(name) && (only?.test(server.name) ?? true));

  test.each(tables)(`a scan reads rows that stay in a changing table once: $name (seed ${SEED})`, async (table) => {
    await using database = await createDatabase(server);
    await fillTable(database, table, 't', ROWS);
    await database.query('ALTER TABLE t ADD KEY (n)');
    const expected = await stayingInOrder(database, table);
    expect(expected.length).toBeGreaterThan(30);
    const random = seeded(SEED + 1);
    for (const chunkRows of [1, 7]) {
      await using shard = openSource(database.shard(), { chunkRows });
      const source = await openTable(shard, 't', ['n']);
      const seen: number[] = [];
      let fresh = 1_000_001 + chunkRows * 100_000;
      for await (const { rows } of source.scan(EVERYTHING, null, signal)) {
        const numbers = rows.map(([n]) => Number(n));
        seen.push(...numbers);
        // Rows that are moved ahead of the cursor again and again would keep the scan going for long.
        if (seen.length > 3 * ROWS) continue;
        for (let i = 0; i < (chunkRows === 1 ? 1 : CHANGES); i++) {
          await database.query(change(table, random, numbers, (fresh += 2)));
        }
      }
      expect(seen.filter(staying)).toEqual(expected);
    }
    expect(await stayingInOrder(database, table)).toEqual(expected);
  });

  test('a scan continues after the row of its cursor is deleted or moved ahead', async () => {
    await using database = await createDatabase(server);
    await database.query('CREATE TABLE t (k INT PRIMARY KEY, n INT NOT NULL)');
    await database.query(`INSERT INTO t VALUES ${Array.from({ length: 60 }, (_, i) => `(${i * 10}, ${i})`).join()}`);
    await using shard = openSource(database.shard(), { chunkRows: 3 });
    const source = await openTable(shard, 't', ['n']);
    const seen: number[] = [];
    for await (const { rows } of source.scan(EVERYTHING, null, signal)) {
      const numbers = rows.map(([n]) => Number(n));
      seen.push(...numbers);
      const last = numbers.at(-1) ?? 0;
      if (seen.length === 9) await database.query(`DELETE FROM t WHERE n = ${last}`);
      if (seen.length === 18) await database.query(`UPDATE t SET k = 100000 WHERE n = ${last}`);
    }
    expect(seen).toEqual([...Array.from({ length: 60 }, (_, i) => i), 17]);
  });

  test('a long scan checks its table again, and ends with E_SOURCE_CHANGED where the table was altered', async () => {
    await using database = await createDatabase(server);
    await database.query('CREATE TABLE t (k INT PRIMARY KEY)');
    await database.query(`INSERT INTO t VALUES ${Array.from({ length: 60 }, (_, i) => `(${i})`).join()}`);
    await using shard = openSource(database.shard(), { chunkRows: 3 });
    const source = await openTable(shard, 't', ['k']);
    const now = performance.now.bind(performance);
    const seen: number[] = [];
    const scan = async (): Promise<void> => {
      for await (const { rows } of source.scan(EVERYTHING, null, signal)) {
        if (seen.length === 0) {
          await database.query('ALTER TABLE t ADD COLUMN other INT');
          // It looks every ten seconds.
          vi.spyOn(performance, 'now').mockImplementation(() => now() + 11_000);
        }
        seen.push(...rows.map(([k]) => Number(k)));
      }
    };
    try {
      await expect(scan()).rejects.toMatchObject({
        code: 'E_SOURCE_CHANGED',
        message: expect.stringContaining('column other') as string,
      });
    } finally {
      vi.restoreAllMocks();
    }
    expect(seen.length).toBeLessThan(60);
  });

  test.each([
    ['a nullable unique key', 'a INT, UNIQUE KEY maybe (a)', /maybe: one of its columns can be NULL/],
    ['a prefix of a text', 'a VARCHAR(100) NOT NULL, PRIMARY KEY (a(10))', /PRIMARY: it indexes only a prefix/],
    ['a prefix of a blob', 'a BLOB NOT NULL, UNIQUE KEY part (a(20))', /part: it indexes only a prefix/],
    ['no unique key', 'a INT NOT NULL, KEY (a)', /it has no unique key/],
  ])('the row source refuses %s as a scan key, with the alternatives', async (_, definition, fact) => {
    await using database = await createDatabase(server);
    await database.query(`CREATE TABLE t (${definition})`);
    await using shard = openSource(database.shard());
    await expect(openTable(shard, 't', ['a'])).rejects.toMatchObject({
      code: 'E_TABLE_NO_KEY',
      message: expect.stringMatching(fact) as string,
      hint: expect.stringMatching(/add a unique key over NOT NULL columns; or .*wholeTable.*; or exclude/) as string,
    });
  });
});
