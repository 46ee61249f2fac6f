/** A SELECT that ends with a warning is not a result: it gave something else than it was asked for. */
import { describe, expect, test } from 'vitest';
import type { Range } from '../../../src/core/model.js';
import { createDatabase, mysqlServers } from '../../support/mysql.js';
import { ownMysqlKinds, startOwnMysql } from '../../support/own-mysql.js';
import { openSource, openTable } from './source.js';

const EVERYTHING: Range = { index: 0, after: null, upTo: null, estimatedRows: 0 };
const signal = AbortSignal.timeout(110_000);

describe.each(mysqlServers)('$name', { timeout: 60_000 }, (server) => {
  test('a scan stops at a condition for which MySQL must convert values, and shows the code, not the value', async () => {
    await using database = await createDatabase(server);
    await database.query('CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20))');
    await database.query("INSERT INTO t VALUES (1, 'a secret'), (2, '5'), (3, '5 secrets')");
    await using source = openSource(database.shard());
    const read = async (where: string): Promise<readonly string[]> => {
      const table = await openTable(source, 't', ['id'], where);
      const seen: string[] = [];
      for await (const { rows } of table.scan(EVERYTHING, null, signal)) seen.push(...rows.map(([id]) => String(id)));
      return seen;
    };
    const stopped = await read('name = 5').catch((error: unknown) => error);
    expect(stopped).toMatchObject({ code: 'E_SOURCE_WARNING', message: expect.stringContaining('1292') as string });
    expect(String(stopped)).not.toContain('secret');
    // No row meets it: that none came is no result either.
    await expect(read('name = 7')).rejects.toMatchObject({ code: 'E_SOURCE_WARNING' });
    // Deprecated on MySQL 8, and says what it always said.
    expect(await read("BINARY name = '5'")).toEqual(['2']);
    // A division by zero is NULL, and no warning unless a session asks for one.
    expect(await read('id / (id - 2) > 2')).toEqual(['3']);
  });

  test('a scan stops at a generated column that cannot be calculated and names it; without the column it passes', async () => {
    await using database = await createDatabase(server);
    // MySQL 5.6 has none.
    if (server.name === 'mysql-5.6') return;
    await database.query("SET SESSION sql_mode = ''");
    await database.query(
      'CREATE TABLE t (id INT PRIMARY KEY, code VARCHAR(10), n INT GENERATED ALWAYS AS (CAST(code AS SIGNED)) VIRTUAL)',
    );
    await database.query("INSERT INTO t (id, code) VALUES (1, '5'), (2, 'a secret')");
    await using source = openSource(database.shard());
    const read = async (columns: readonly string[]): Promise<readonly string[]> => {
      const table = await openTable(source, 't', columns);
      await table.identify(null, false, signal);
      const seen: string[] = [];
      for await (const { rows } of table.scan(EVERYTHING, null, signal)) seen.push(...rows.map(([id]) => String(id)));
      return seen;
    };
    await expect(read(['id', 'code', 'n'])).rejects.toMatchObject({
      code: 'E_SOURCE_WARNING',
      message: expect.stringContaining('1292') as string,
      hint: expect.stringMatching(/generated column.*`drop`/) as string,
    });
    expect(await read(['id', 'code'])).toEqual(['1', '2']);
  });

  test("a scan reads a SET's empty member, though MySQL prints it as nothing", async () => {
    await using database = await createDatabase(server);
    await database.query(
      "CREATE TABLE t (id INT PRIMARY KEY, s SET('a','','b') CHARACTER SET utf8mb4, g SET('','x') CHARACTER SET gbk)",
    );
    await database.query(
      `INSERT INTO t VALUES ${Array.from({ length: 8 }, (_, i) => `(${i}, ${i}, ${i % 4})`).join()}`,
    );
    await using source = openSource(database.shard());
    const table = await openTable(source, 't', ['id', 's', 'g']);
    const seen: unknown[] = [];
    for await (const { rows } of table.scan(EVERYTHING, null, signal)) seen.push(...rows.map((row) => row.map(String)));
    expect(seen).toEqual([
      ['0', '', ''],
      ['1', 'a', ','],
      ['2', ',', 'x'],
      ['3', 'a,', ',x'],
      ['4', 'b', ''],
      ['5', 'a,b', ','],
      ['6', ',b', 'x'],
      ['7', 'a,,b', ',x'],
    ]);
  });
});

describe.each((await ownMysqlKinds()).filter((kind) => kind === 'mariadb'))('%s', { timeout: 110_000 }, (kind) => {
  test('a scan accepts notes on unused keys, which a server may be set to send', async () => {
    await using server = await startOwnMysql(kind, { options: ['--note-verbosity=all'] });
    await using database = await createDatabase(server);
    await database.query('CREATE TABLE t (name VARCHAR(20) PRIMARY KEY, id INT)');
    await database.query("INSERT INTO t VALUES ('5', 1), ('6', 2)");
    await using source = openSource(database.shard());
    const table = await openTable(source, 't', ['id'], 'name = 5');
    const seen: unknown[] = [];
    for await (const { rows } of table.scan(EVERYTHING, null, signal)) seen.push(...rows.map(([id]) => id));
    expect(seen).toEqual(['1']);
  });

  test('a scan refuses a conversion that grows beyond max_allowed_packet, which the server answers as NULL', async () => {
    await using server = await startOwnMysql(kind, { options: ['--max-allowed-packet=1024'] });
    await using database = await createDatabase(server);
    await database.query('CREATE TABLE t (id INT PRIMARY KEY, body VARCHAR(400) CHARACTER SET gbk)');
    await database.query("INSERT INTO t VALUES (1, REPEAT(_gbk X'C4E3', 20)), (2, REPEAT(_gbk X'C4E3', 360))");
    await using source = openSource(database.shard());
    const table = await openTable(source, 't', ['id', 'body']);
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const { rows } of table.scan(EVERYTHING, null, signal)) seen.push(...rows);
    })();
    await expect(reading).rejects.toMatchObject({
      code: 'E_SOURCE_WARNING',
      message: expect.stringContaining('1301') as string,
      hint: expect.stringContaining('max_allowed_packet') as string,
    });
    expect(seen).toEqual([]);
  });
});
