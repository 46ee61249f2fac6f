/** Every cell is the server's own text or bytes: no digit, byte, fraction or character of it changes on the way. */
import { describe, expect, test } from 'vitest';
import type { Cell } from '../../../src/core/model.js';
import { chooseScanKey } from '../../../src/mysql/keyset/scan-key.js';
import { createDatabase, mysqlServers } from '../../support/mysql.js';
import { openSource } from './source.js';

const signal = new AbortController().signal;

/** Type of a column, an SQL value, and the cell that it must give. */
const CELLS: readonly (readonly [type: string, sql: string, cell: Cell])[] = [
  ['BIGINT', '-9223372036854775808', '-9223372036854775808'],
  ['BIGINT UNSIGNED', '18446744073709551615', '18446744073709551615'],
  ['INT(6) ZEROFILL', '42', '000042'],
  [
    'DECIMAL(65,30)',
    '12345678901234567890123456789012345.123456789012345678901234567890',
    '12345678901234567890123456789012345.123456789012345678901234567890',
  ],
  ['DECIMAL(10,3)', '-0.100', '-0.100'],
  ['FLOAT', '16777216', '16777216'],
  ['FLOAT', '0.1', '0.10000000149011612'],
  ['DOUBLE', '0.1', '0.1'],
  ['DOUBLE', '1.7976931348623157e308', '1.7976931348623157e308'],
  ['DOUBLE', '9007199254740993', '9.007199254740992e15'],
  ['VARCHAR(20)', "'  Grüße 你好 😀 '", '  Grüße 你好 😀 '],
  ['CHAR(9)', "'ab  '", 'ab'],
  ['VARCHAR(20)', "''", ''],
  ['VARCHAR(20) CHARACTER SET latin1', "_latin1 X'80e9ff'", '€éÿ'],
  ['VARCHAR(20) CHARACTER SET gbk', "_gbk X'D6D0'", '中'],
  ['VARCHAR(20) CHARACTER SET utf16', "'中😀'", '中😀'],
  ['LONGTEXT', "REPEAT('ä', 300)", 'ä'.repeat(300)],
  ['TEXT', '\'{"n": 12345678901234567890}\'', '{"n": 12345678901234567890}'],
  ['BINARY(4)', "X'6100'", Buffer.from('61000000', 'hex')],
  ['VARBINARY(9)', "X'00ff00'", Buffer.from('00ff00', 'hex')],
  ['BLOB', "''", Buffer.alloc(0)],
  ['LONGBLOB', "X'c3'", Buffer.from('c3', 'hex')],
  ['BIT(1)', "b'1'", Buffer.from('01', 'hex')],
  ['BIT(64)', '18446744073709551615', Buffer.from('ffffffffffffffff', 'hex')],
  ['POINT', 'POINT(1, 2)', Buffer.from('000000000101000000000000000000f03f0000000000000040', 'hex')],
  ["ENUM('a', 'ü')", "'ü'", 'ü'],
  ["ENUM('a', 'b')", "'invalid'", ''],
  ["SET('a', 'b')", "'a,b'", 'a,b'],
  ["SET('a', 'b')", "''", ''],
  ['DATE', "'0000-00-00'", '0000-00-00'],
  ['DATE', "'2024-02-29'", '2024-02-29'],
  ['DATETIME', "'9999-12-31 23:59:59'", '9999-12-31 23:59:59'],
  ['DATETIME(6)', "'2024-01-01 00:00:00.000001'", '2024-01-01 00:00:00.000001'],
  ['TIMESTAMP(3) NULL', "'2024-03-31 02:30:00.5'", '2024-03-31 02:30:00.500'],
  ['TIME(1)', "'-01:00:00.5'", '-01:00:00.5'],
  ['TIME', "'838:59:59'", '838:59:59'],
  ['YEAR', '0', '0000'],
  ['INT', 'NULL', null],
  ['BLOB', 'NULL', null],
];

describe.each(mysqlServers)('$name', (server) => {
  test('the row source reads cells of every type exactly as the server holds them', async () => {
    await using database = await createDatabase(server);
    await database.query("SET SESSION sql_mode = '', SESSION time_zone = '+00:00'");
    // Even where the server's own defaults are others.
    const columns = CELLS.map(([type], i) => `c${i} ${type}`).join(', ');
    await database.query(`CREATE TABLE t (id INT PRIMARY KEY, ${columns})`);
    await database.query(`INSERT INTO t VALUES (1, ${CELLS.map(([, sql]) => sql).join(', ')})`);

    await using shard = openSource(database.shard());
    const table = await shard.describe('t', signal);
    const wanted = CELLS.map((_, i) => `c${i}`);
    const source = shard.open({ table, key: chooseScanKey(table, null), columns: wanted, where: null });
    const [row = []] = await source.find([['1']], signal);
    const found = Object.fromEntries(CELLS.map(([type, sql], i) => [`${type} ${sql}`, row[i]]));
    expect(found).toEqual(Object.fromEntries(CELLS.map(([type, sql, cell]) => [`${type} ${sql}`, cell])));
    for (const [i, [, , cell]] of CELLS.entries()) {
      if (cell !== null) expect(table.columns[i + 1]?.transport).toBe(typeof cell === 'string' ? 'text' : 'bytes');
    }
  });

  test('the row source reads tables and columns whose names are SQL, aliases or quotes', async () => {
    await using database = await createDatabase(server);
    await database.query(
      'CREATE TABLE `t``x` (`b` INT, `t` BLOB, `select` INT, `a``b` INT, PRIMARY KEY (`t`(3), `b`), UNIQUE KEY (`b`))',
    );
    await database.query("INSERT INTO `t``x` VALUES (2, 'zwei', 22, 222), (1, 'eins', 11, 111)");
    await using shard = openSource(database.shard());
    const table = await shard.describe('t`x', signal);
    const source = shard.open({
      table,
      key: chooseScanKey({ ...table, uniqueKeys: table.uniqueKeys.map((key) => ({ ...key, nullable: false })) }, ['b']),
      columns: ['t', 'select', 'a`b', 'b'],
      where: '`a``b` > 0',
    });
    const chunks = [];
    for await (const chunk of source.scan({ index: 0, after: null, upTo: null, estimatedRows: 0 }, null, signal))
      chunks.push(...chunk.rows);
    expect(chunks).toEqual([
      [Buffer.from('eins'), '11', '111', '1'],
      [Buffer.from('zwei'), '22', '222', '2'],
    ]);
  });
});
