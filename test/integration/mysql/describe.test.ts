import { describe, expect, test } from 'vitest';
import { chooseScanKey } from '../../../src/mysql/keyset/scan-key.js';
import { createDatabase, mysqlServers, type MysqlServer } from '../../support/mysql.js';
import { openSource } from './source.js';

const signal = new AbortController().signal;

/** The server where its name says that it can do such a thing; what it cannot do is no test that was skipped. */
const knowing = (names: RegExp, server: MysqlServer): readonly MysqlServer[] =>
  names.test(server.name) ? [server] : [];

describe.each(mysqlServers)('$name', (server) => {
  test('describe() lists columns and unique keys as they are defined', async () => {
    await using database = await createDatabase(server);
    await database.query(`CREATE TABLE t (
      id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT, name VARCHAR(50) CHARACTER SET latin1 NOT NULL, price DECIMAL(10,4),
      at DATETIME(6) NOT NULL, raw VARBINARY(16) NOT NULL, kind ENUM('a','b') NOT NULL,
      PRIMARY KEY (id), UNIQUE KEY part (name(10)), UNIQUE KEY open (price), UNIQUE KEY pair (raw, at), KEY plain (at))`);
    await database.query("INSERT INTO t (name, at, raw, kind) VALUES ('x', '2024-01-01', 'x', 'a')");
    await using shard = openSource(database.shard());
    const table = await shard.describe('t', signal);
    expect(table).toMatchObject({ database: database.name, name: 't' });
    expect(table.columns.map(({ name }) => name)).toEqual(['id', 'name', 'price', 'at', 'raw', 'kind']);
    const [id, name, price, at, raw, kind] = table.columns;
    expect(id).toMatchObject({ dataType: 'bigint', unsigned: true, nullable: false, transport: 'text', charset: null });
    expect(name).toMatchObject({ dataType: 'varchar', charset: 'latin1', maxLength: 50 });
    expect(price).toMatchObject({ dataType: 'decimal', precision: 10, scale: 4, nullable: true });
    expect(at).toMatchObject({ dataType: 'datetime', fractionDigits: 6, generated: false, invisible: false });
    expect(raw).toMatchObject({ dataType: 'varbinary', transport: 'bytes', maxLength: 16, charset: null });
    expect(kind).toMatchObject({ dataType: 'enum', columnType: "enum('a','b')" });
    const up = (column: string): object => ({ column, descending: false });
    expect(table.uniqueKeys).toEqual([
      { name: 'PRIMARY', parts: [up('id')], nullable: false, prefix: false },
      { name: 'open', parts: [up('price')], nullable: true, prefix: false },
      { name: 'pair', parts: [up('raw'), up('at')], nullable: false, prefix: false },
      { name: 'part', parts: [up('name')], nullable: false, prefix: true },
    ]);
  });

  test.each(knowing(/mariadb-1[01]|mysql-([89]|\d\d)/, server))(
    'describe() marks generated, invisible and descending columns, and leaves out keys that the optimizer ignores',
    async () => {
      await using database = await createDatabase(server);
      const ignored = server.name.startsWith('mariadb') ? 'IGNORED' : 'INVISIBLE';
      await database.query(`CREATE TABLE t (
      a INT NOT NULL, b INT AS (a + 1) VIRTUAL, c INT AS (a + 2) STORED, d INT NOT NULL DEFAULT 7 INVISIBLE,
      PRIMARY KEY (a DESC), UNIQUE KEY hidden (d) ${ignored})`);
      await using shard = openSource(database.shard());
      const table = await shard.describe('t', signal);
      expect(table.columns.map(({ generated }) => generated)).toEqual([false, true, true, false]);
      expect(table.columns.map(({ invisible }) => invisible)).toEqual([false, false, false, true]);
      expect(table.uniqueKeys).toEqual([
        { name: 'PRIMARY', parts: [{ column: 'a', descending: true }], nullable: false, prefix: false },
      ]);
    },
  );

  describe.each(knowing(/mysql-([89]|\d\d)/, server))('of MySQL 8 and later', () => {
    test('describe() shows a key over an expression, and chooseScanKey() refuses it', async () => {
      await using database = await createDatabase(server);
      await database.query('CREATE TABLE t (a INT NOT NULL, UNIQUE KEY twice ((a * 2)))');
      await using shard = openSource(database.shard());
      const table = await shard.describe('t', signal);
      expect(table.uniqueKeys).toEqual([
        { name: 'twice', parts: [{ column: '((`a` * 2))', descending: false }], nullable: false, prefix: false },
      ]);
      expect(() => chooseScanKey(table, null)).toThrow('its part ((`a` * 2)) is an expression');
    });

    test('the row source follows the invisible primary key of the server, also where it is hidden by default', async () => {
      await using database = await createDatabase(server);
      await database.query('SET SESSION sql_generate_invisible_primary_key = ON');
      await database.query('CREATE TABLE t (a INT)');
      await database.query('INSERT INTO t (a) VALUES (7), (7), (8)');
      const hide = (value: string): string => `SET GLOBAL show_gipk_in_create_table_and_information_schema = ${value}`;
      await database.query(hide('OFF'));
      try {
        await using shard = openSource(database.shard());
        const table = await shard.describe('t', signal);
        expect(table.columns).toMatchObject([{ name: 'my_row_id', invisible: true }, { name: 'a' }]);
        const key = chooseScanKey(table, null);
        expect(key.parts).toEqual([{ column: 'my_row_id', descending: false }]);
        const source = shard.open({ table, key, columns: ['a'], where: null });
        expect(await source.find([['3'], ['1']], signal)).toEqual([
          ['8', '3'],
          ['7', '1'],
        ]);
      } finally {
        await database.query(hide('ON'));
      }
    });
  });

  test('describe() fails with E_TABLE_MISSING for a table that does not exist', async () => {
    await using database = await createDatabase(server);
    await using shard = openSource(database.shard());
    await expect(shard.describe('nothing', signal)).rejects.toMatchObject({
      code: 'E_TABLE_MISSING',
      message: expect.stringContaining('nothing') as string,
    });
  });

  test('position() of the row source advances with a write', async () => {
    await using database = await createDatabase(server);
    await using shard = openSource(database.shard());
    const before = await shard.position(signal);
    await database.query('CREATE TABLE t (id INT)');
    const after = await shard.position(signal);
    expect(before).not.toBeNull();
    expect(after?.file === before?.file ? (after?.offset ?? 0) > (before?.offset ?? 0) : true).toBe(true);
    if (server.name.startsWith('mariadb')) expect(after?.gtid).toMatch(/^\d+-\d+-\d+/);
  });
});
