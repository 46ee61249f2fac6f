/** Rows that are read again by their cursors: each in its place, whatever its key reads by now. */
import { describe, expect, test } from 'vitest';
import { createDatabase, mysqlServers } from '../../support/mysql.js';
import { openSource, openTable } from './source.js';

const signal = new AbortController().signal;

/** Beyond what is gathered at once: 64 MiB, in two SELECTs of a hundred rows, neither of which comes to that. */
const MANY = { rows: 200, bytes: 400_000 };

describe.each(mysqlServers)('$name', (server) => {
  test('the row source finds a row whose key was changed to an equal one, and not a deleted row', async () => {
    await using database = await createDatabase(server);
    await database.query('CREATE TABLE t (k VARCHAR(9) CHARACTER SET latin1 PRIMARY KEY, n INT)');
    await database.query("INSERT INTO t VALUES ('abc', 1), ('def', 2), ('ghi', 3)");
    await using shard = openSource(database.shard());
    const source = await openTable(shard, 't', ['k', 'n']);
    const cursors = ['ghi', 'abc', 'def', 'abc'].map((k) => source.cursorOf([k, '0']));
    await database.query("UPDATE t SET k = 'ABC' WHERE n = 1");
    await database.query('DELETE FROM t WHERE n = 2');
    expect(await source.at(cursors, signal)).toEqual([['ghi', '3'], ['ABC', '1'], null, ['ABC', '1']]);
  });

  test('the row source refuses rows that are too large together, in however many SELECTs they come', async () => {
    await using database = await createDatabase(server);
    await database.query('CREATE TABLE t (id INT PRIMARY KEY, body LONGTEXT CHARACTER SET latin1)');
    const ids = Array.from({ length: MANY.rows }, (_, id) => id);
    await database.query(`INSERT INTO t VALUES ${ids.map((id) => `(${id}, REPEAT('x', ${MANY.bytes}))`).join()}`);
    await using shard = openSource(database.shard());
    const source = await openTable(shard, 't', ['id', 'body']);
    const cursors = ids.map((id) => source.cursorOf([String(id), 'x']));
    expect(await source.at(cursors.slice(0, 150), signal)).toHaveLength(150);
    await expect(source.at(cursors, signal)).rejects.toMatchObject({ code: 'E_ROW_TOO_LARGE' });
  });
});
