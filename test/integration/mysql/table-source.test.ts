/** Rows that are read again by their cursors: each in its place, whatever its key reads by now. */
import { describe, expect, test } from 'vitest';
import { createDatabase, mysqlServers } from '../../support/mysql.js';
import { openSource, openTable } from './source.js';

const signal = new AbortController().signal;

describe.each(mysqlServers)('$name', (server) => {
  test('a key that reads otherwise by now, and is the same to MySQL, is found; what is gone is not', async () => {
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
});
