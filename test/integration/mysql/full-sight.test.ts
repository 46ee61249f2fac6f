/**
 * Users who see less of a table than there is: refused by `check` and by every run, since what a server does not show
 * would never be missed. Real users with narrow grants, by themselves and by roles.
 */
import { describe, expect, test } from 'vitest';
import type { SourceTableConfig } from '../../../src/config/model.js';
import { FerryError } from '../../../src/core/errors.js';
import { describeSourceTable } from '../../../src/mysql/describe.js';
import { inspectShard } from '../../../src/mysql/inspect/inspect-shard.js';
import { createDatabase, mysqlServers, type MysqlServer, type TestDatabase } from '../../support/mysql.js';
import { LIMITS, openSession, openSource } from './source.js';

const signal = new AbortController().signal;
const PASSWORD = 'Some-pass-1';

const TABLE: SourceTableConfig = {
  name: 't',
  where: null,
  scanKey: null,
  wholeTable: null,
  shardedBy: null,
  globallyUnique: [],
};

const knowsInvisibleColumns = ({ name }: MysqlServer): boolean => name !== 'mysql-5.6';
const knowsRoles = knowsInvisibleColumns;
/** The server where it can do such a thing; what it cannot do is no test that was skipped. */
const where = (able: boolean, server: MysqlServer): readonly MysqlServer[] => (able ? [server] : []);

/** A user with these grants alone; `GRANT ... ON` is followed by the database. */
async function asUser(
  database: TestDatabase,
  grants: readonly string[],
  run: (shard: ReturnType<TestDatabase['shard']>, user: string) => Promise<void>,
): Promise<void> {
  const user = `narrow_${database.name.slice(-8)}`;
  await database.query(`CREATE USER ${user}@'%' IDENTIFIED BY '${PASSWORD}'`);
  try {
    for (const grant of grants) await database.query(`${grant} TO ${user}@'%'`);
    await run({ ...database.shard(), user, password: PASSWORD }, user);
  } finally {
    await database.query(`DROP USER ${user}@'%'`);
  }
}

async function createTable(database: TestDatabase): Promise<void> {
  const invisible = knowsInvisibleColumns(database.server) ? ', hidden INT INVISIBLE' : '';
  await database.query(`CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c INT ${invisible}, PRIMARY KEY (a, b))`);
  await database.query('INSERT INTO t (a, b, c) VALUES (1, 1, 1)');
}

/** What `check` refuses, and what every run does. */
async function refusals(
  shard: ReturnType<TestDatabase['shard']>,
  table = TABLE,
): Promise<readonly (readonly [string, string])[]> {
  const { faults } = await inspectShard(shard, LIMITS, [table], signal);
  const errors = faults.filter(({ level }) => level === 'error').map(({ code, message }) => [code, message] as const);
  await using source = openSource(shard);
  const described = await source.describe(table.name, signal).then(
    () => [],
    (error: unknown) => (error instanceof FerryError ? [[error.code, error.message] as const] : [error]),
  );
  expect(described).toEqual(errors);
  return errors;
}

const HIDDEN = [['E_SOURCE_ACCESS', expect.stringContaining('rights only on single columns of table t')]];

describe.each(mysqlServers)('$name', (server) => {
  test('check refuses a user with rights on single columns, whichever they are', async () => {
    await using database = await createDatabase(server);
    await createTable(database);
    // The key and no other column; a part of the key; every visible column.
    for (const columns of ['a, b', 'a, c', 'a, b, c']) {
      await asUser(database, [`GRANT SELECT (${columns}) ON t`], async (shard) => {
        expect(await refusals(shard)).toEqual(HIDDEN);
      });
    }
  });

  test('check refuses a user whose right on the table is not the right to read it', async () => {
    await using database = await createDatabase(server);
    await createTable(database);
    await asUser(database, ['GRANT SELECT (a, b) ON t', 'GRANT INSERT ON t'], async (shard) => {
      expect(await refusals(shard)).toEqual([
        ['E_SOURCE_ACCESS', expect.stringMatching(/looking at every column of t: the user may not read/)],
      ]);
    });
  });

  test.each(where(knowsRoles(server), server))('check judges a user by the rights of its default role', async () => {
    await using database = await createDatabase(server);
    await createTable(database);
    const role = `role_${database.name.slice(-8)}`;
    await database.query(`CREATE ROLE ${role}`);
    try {
      await database.query(`GRANT SELECT (a, b), INSERT (a) ON t TO ${role}`);
      await asUser(database, [`GRANT ${role}`], async (shard, user) => {
        // It may connect to the database only by the role.
        expect(await refusals({ ...shard, database: 'information_schema' }, { ...TABLE, name: 'nothing' })).toEqual([
          ['E_TABLE_MISSING', expect.any(String)],
        ]);
        const to = server.name.startsWith('mariadb') ? 'FOR' : 'TO';
        await database.query(`SET DEFAULT ROLE ${role} ${to} ${user}@'%'`);
        expect(await refusals(shard)).toEqual(HIDDEN);
        await database.query(`GRANT SELECT ON t TO ${role}`);
        expect(await refusals(shard)).toEqual([]);
        const { facts, tables } = await inspectShard(shard, LIMITS, [TABLE], signal);
        expect(tables.get('t')?.columns.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'hidden']);
        expect(facts?.writePrivileges).toEqual(['INSERT']);
      });
    } finally {
      await database.query(`DROP ROLE ${role}`);
    }
  });

  test("check accepts rights on the table, its database or all databases, whatever the table's definition contains", async () => {
    await using database = await createDatabase(server);
    await createTable(database);
    await database.query(
      "ALTER TABLE t COMMENT ')\n  `no` column', ADD COLUMN `it's, ``one``` INT COMMENT '\n  `no` int'",
    );
    for (const place of ['t', '*', '*.*']) {
      await asUser(database, [`GRANT SELECT ON ${place}`], async (shard) => {
        expect(await refusals(shard)).toEqual([]);
      });
    }
  });

  test('check refuses a view, as it hides rows, whether it is read whole or not', async () => {
    await using database = await createDatabase(server);
    await createTable(database);
    await database.query('CREATE VIEW v AS SELECT * FROM t WHERE a > 1');
    for (const wholeTable of [null, { maxRows: 100, maxBytes: 1_000_000 }])
      expect(await refusals(database.shard(), { ...TABLE, name: 'v', wholeTable })).toEqual([
        ['E_TABLE_NOT_BASE', expect.stringContaining('v is a view')],
      ]);
  });

  test('the row source refuses a temporary table of the session that hides the real one', async () => {
    await using database = await createDatabase(server);
    await createTable(database);
    await using session = await openSession(database.shard());
    const describing = () => describeSourceTable(session, 's01', database.name, 't', signal);
    await session.rows('SET SESSION sql_quote_show_create = 0', signal);
    expect((await describing()).table.columns[0]?.name).toBe('a');
    await session.rows('SET SESSION TRANSACTION READ WRITE', signal);
    await session.rows('CREATE TEMPORARY TABLE t (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b))', signal);
    await expect(describing()).rejects.toMatchObject({
      code: 'E_TABLE_NOT_BASE',
      message: expect.stringContaining('a temporary table of the session') as string,
    });
  });

  test('the row source notices columns that sql_select_limit cuts off the list', async () => {
    await using database = await createDatabase(server);
    await createTable(database);
    await using session = await openSession(database.shard());
    await session.rows('SET SESSION sql_select_limit = 2', signal);
    await expect(describeSourceTable(session, 's01', database.name, 't', signal)).rejects.toMatchObject({
      code: 'E_SOURCE_ACCESS',
      message: expect.stringMatching(/information_schema does not list: c/) as string,
    });
  });

  test.each(where(server.name.startsWith('mariadb'), server))(
    'check refuses a sequence, and warns of system versioning',
    async () => {
      await using database = await createDatabase(server);
      await database.query('CREATE SEQUENCE s');
      expect(await refusals(database.shard(), { ...TABLE, name: 's' })).toEqual([
        ['E_TABLE_NOT_BASE', expect.stringContaining('s is a sequence')],
      ]);
      await database.query('CREATE TABLE t (a INT PRIMARY KEY) WITH SYSTEM VERSIONING');
      const { faults } = await inspectShard(database.shard(), LIMITS, [TABLE], signal);
      expect(faults.map(({ level, message }) => [level, message])).toContainEqual([
        'warning',
        expect.stringContaining('table t is system-versioned'),
      ]);
    },
  );
});
