/** Tables without a key, read whole: one chunk of all rows or nothing, within its limits. */
import { describe, expect, test } from 'vitest';
import type { Range, Row } from '../../../src/core/model.js';
import type { RowChunk } from '../../../src/core/row-block.js';
import type { RowSource } from '../../../src/core/ports/source-ports.js';
import { createDatabase, mysqlServers, type TestDatabase } from '../../support/mysql.js';
import { openSource, type TestSource } from './source.js';

const signal = new AbortController().signal;
const EVERYTHING: Range = { index: 0, after: null, upTo: null, estimatedRows: 0 };
const ROWS = 300;

async function fill(database: TestDatabase): Promise<void> {
  await database.query('CREATE TABLE t (name VARCHAR(20), bytes VARBINARY(9), f FLOAT, KEY (name))');
  const rows = Array.from(
    { length: ROWS },
    (_, i) => `('n${i % 100}', X'00${(i % 100).toString(16).padStart(2, '0')}', 0.1)`,
  );
  await database.query(`INSERT INTO t VALUES ${rows.join()}, (NULL, NULL, NULL)`);
}

async function openWhole(
  shard: TestSource,
  limits: { readonly maxRows?: number; readonly maxBytes?: number } = {},
  where: string | null = null,
): Promise<RowSource> {
  const table = await shard.describe('t', signal);
  const columns = ['name', 'bytes', 'f'];
  return shard.openWhole({ table, columns, where, maxRows: 1_000, maxBytes: 1_000_000, ...limits });
}

async function collect(source: RowSource): Promise<readonly RowChunk[]> {
  const chunks: RowChunk[] = [];
  for await (const chunk of source.scan(EVERYTHING, null, signal)) chunks.push(chunk);
  return chunks;
}

describe.each(mysqlServers)('$name', (server) => {
  test('the source of a whole table reads all rows as one chunk, also equal ones, and nothing after it', async () => {
    await using database = await createDatabase(server);
    await fill(database);
    await using shard = openSource(database.shard(), { chunkRows: 10, chunkBytes: 1_024 });
    const source = await openWhole(shard);
    expect(await source.planRanges(8, signal)).toMatchObject([{ index: 0, after: null, upTo: null }]);
    const [chunk, ...others] = await collect(source);
    expect(others).toEqual([]);
    expect(chunk?.rows).toHaveLength(ROWS + 1);
    expect([...(chunk?.rows ?? [])].filter(([name]) => name === 'n7')).toEqual(
      Array.from({ length: 3 }, () => ['n7', Buffer.from([0, 7]), '0.10000000149011612']),
    );
    for await (const behind of source.scan(EVERYTHING, chunk?.last ?? null, signal)) expect(behind).toBeUndefined();
  });

  test('the source of a whole table applies its condition, and reads no chunk of an empty table', async () => {
    await using database = await createDatabase(server);
    await fill(database);
    await using shard = openSource(database.shard());
    const [chunk] = await collect(await openWhole(shard, { maxRows: 3 }, "name = 'n7' -- a comment"));
    expect(chunk?.rows).toHaveLength(3);
    expect(await collect(await openWhole(shard, {}, 'FALSE'))).toEqual([]);
  });

  test.each([
    [{ maxRows: ROWS }, /more than 300 rows/, /`wholeTable\.maxRows`/],
    [{ maxBytes: 3_000 }, /more than 3000 bytes/, /`wholeTable\.maxBytes`/],
  ])('the source of a whole table refuses more than %j, and stays usable', async (limits, fact, next) => {
    await using database = await createDatabase(server);
    await fill(database);
    await using shard = openSource(database.shard());
    const source = await openWhole(shard, limits);
    await expect(collect(source)).rejects.toMatchObject({
      code: 'E_TABLE_TOO_LARGE',
      message: expect.stringMatching(fact) as string,
      hint: expect.stringMatching(next) as string,
    });
    expect(await collect(await openWhole(shard))).toHaveLength(1);
  });

  test('the source of a whole table knows rows by their content: it reads again, samples and names them, but finds none by key', async () => {
    await using database = await createDatabase(server);
    await fill(database);
    await using shard = openSource(database.shard());
    const source = await openWhole(shard);
    const rows = [...((await collect(source))[0]?.rows ?? [])];
    const of = (wanted: string): Row => rows.find(([name]) => name === wanted) ?? [];
    const nulls = rows.find(([name]) => name === null) ?? [];
    await database.query("UPDATE t SET f = 2 WHERE name = 'n8'");
    expect(
      await source.at(
        [of('n9'), of('n8'), nulls].map((row) => source.cursorOf(row)),
        signal,
      ),
    ).toEqual([of('n9'), null, nulls]);
    expect(new Set(rows.map((row) => source.cursorOf(row))).size).toBe(101);
    expect(source.describeKey(source.cursorOf(of('n9')))).toBe('a row without a key');
    expect(source.cursorOf(of('n9'))).not.toMatch(/n9/);
    expect(source.cursorOf(nulls)).not.toBe(source.cursorOf(of('n9')));
    expect(await source.sample(5, signal)).toHaveLength(5);
    await expect(source.find([['n9']], signal)).rejects.toMatchObject({ code: 'E_USAGE' });
  });

  test('an aborted signal rejects the scan of a whole table', async () => {
    await using database = await createDatabase(server);
    await fill(database);
    await using shard = openSource(database.shard());
    const source = await openWhole(shard, {}, 'SLEEP(5) = 0');
    const stop = new AbortController();
    setTimeout(() => {
      stop.abort();
    }, 100);
    await expect(source.scan(EVERYTHING, null, stop.signal)[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'E_INTERRUPTED',
    });
    // The server sleeps on, whoever has left.
    const sleeping =
      'SELECT id AS id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()';
    for (const { id } of await database.query(sleeping)) await database.query(`KILL ${String(id)}`);
  });
});
