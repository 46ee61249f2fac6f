/**
 * Keys that a server orders otherwise than it compares them: a scan would lose rows, so it follows another key, or
 * refuses the table. The rows here are those that were lost.
 */
import { describe, expect, test } from 'vitest';
import { chooseScanKey } from '../../../src/mysql/keyset/scan-key.js';
import { collect, rowsOf } from '../../contract/row-source-contract.js';
import { createDatabase, mysqlServers } from '../../support/mysql.js';
import { openSource, openTable } from './source.js';

const signal = new AbortController().signal;

const MARIADB = /^mariadb/;

const KEYS = [
  { only: MARIADB, type: 'YEAR(2)', flaw: 'YEAR of two digits', values: ['1998', '1999', '2000', '2001', '2069'] },
  {
    only: MARIADB,
    type: 'CHAR(5) COLLATE utf8mb4_unicode_nopad_ci',
    flaw: 'orders padding differently',
    values: ["X'6109'", "X'61'", "X'612009'", "X'610962'", "X'62'"],
  },
  {
    only: MARIADB,
    type: 'CHAR(5) CHARACTER SET latin1 COLLATE latin1_nopad_bin',
    flaw: 'orders padding differently',
    values: ["X'00'", "X''", "X'6101'", "X'61'", "X'62'"],
  },
  {
    only: /./,
    type: 'CHAR(6) CHARACTER SET tis620 COLLATE tis620_thai_ci',
    flaw: 'orders padding differently',
    values: ["X'E8'", "X'2041'", "X'E861'", "X'41'"],
  },
  { only: /./, type: 'FLOAT(9, 4)', flaw: 'more digits', values: ['0', '99999.9999', '-99999.9999', '1.5'] },
];

describe.each(mysqlServers)('$name', (server) => {
  test.each(KEYS.filter(({ only }) => only.test(server.name)))(
    'a scan does not follow a key of $type, which the server orders otherwise than it compares',
    async ({ type, flaw, values }) => {
      await using database = await createDatabase(server);
      await database.query(`CREATE TABLE t (k ${type} NOT NULL PRIMARY KEY, other INT NOT NULL)`);
      await database.query(`INSERT INTO t VALUES ${values.map((value, n) => `(${value}, ${n})`).join()}`);
      await using source = openSource(database.shard(), { chunkRows: 1 });
      const alone = await source.describe('t', signal);
      expect(() => chooseScanKey(alone, null)).toThrow(
        expect.objectContaining({ code: 'E_TABLE_NO_KEY', message: expect.stringContaining(flaw) as string }),
      );
      await database.query('ALTER TABLE t ADD UNIQUE KEY u (other)');
      const table = await source.describe('t', signal);
      expect(chooseScanKey(table, null).name).toBe('u');
      const rows = await openTable(source, 't', ['other']);
      const all = { index: 0, after: null, upTo: null, estimatedRows: 0 };
      expect(rowsOf(await collect(rows.scan(all, null, signal))).map(([n]) => Number(n))).toEqual(
        values.map((_, n) => n),
      );
    },
  );
});
