/**
 * Settings of a server that reach each new session and change what a SELECT answers, or what a session holds on to: a scan is none the
 * wiser, so the session sets them for itself.
 */
import { describe, expect, test } from 'vitest';
import type { Range } from '../../../src/core/model.js';
import { createDatabase } from '../../support/mysql.js';
import { ownMysqlKinds, startOwnMysql } from '../../support/own-mysql.js';
import { openSource, openTable } from './source.js';

const EVERYTHING: Range = { index: 0, after: null, upTo: null, estimatedRows: 0 };
const ROWS = 400;
const signal = AbortSignal.timeout(50_000);

describe.each(await ownMysqlKinds())('%s', { timeout: 60_000 }, (kind) => {
  test('a limit of rows, and no autocommit, as the default of all sessions', async () => {
    await using server = await startOwnMysql(kind);
    await using database = await createDatabase(server);
    await database.query('CREATE TABLE t (id INT PRIMARY KEY, body INT)');
    await database.query(`INSERT INTO t VALUES ${Array.from({ length: ROWS }, (_, i) => `(${i}, 0)`).join()}`);
    await server.query('SET GLOBAL sql_select_limit = 7');
    await server.query('SET GLOBAL autocommit = 0');

    await using source = openSource(database.shard());
    for (const where of [null, 'body = 0']) {
      const table = await openTable(source, 't', ['id'], where);
      const seen: number[] = [];
      for await (const { rows } of table.scan(EVERYTHING, null, signal)) seen.push(...rows.map(([id]) => Number(id)));
      expect(seen).toEqual(Array.from({ length: ROWS }, (_, i) => i));
      const again = await table.at(
        seen.slice(0, 50).map((id) => table.cursorOf([String(id)])),
        signal,
      );
      expect(again.map((row) => Number(row?.[0]))).toEqual(seen.slice(0, 50));
    }
    // A session that idles in a transaction would hold the table against ALTER.
    await database.query('SET SESSION lock_wait_timeout = 2');
    await database.query('ALTER TABLE t ADD COLUMN more INT');
  });
});
