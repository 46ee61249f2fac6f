/**
 * Settings of a server that reach each new session and change what a SELECT answers, or what a session holds on to: a
 * scan is none the wiser, so the session sets them for itself and reads them back. The oracle is a session of its own,
 * set up by this test, that reads before anything is planted.
 */
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { describe, expect, test } from 'vitest';
import type { Range } from '../../../src/core/model.js';
import { createDatabase, type TestDatabase } from '../../support/mysql.js';
import { startMysqlPooler } from '../../support/mysql-pooler.js';
import { ownMysqlKinds, startOwnMysql } from '../../support/own-mysql.js';
import { openSource, openTable } from './source.js';

const EVERYTHING: Range = { index: 0, after: null, upTo: null, estimatedRows: 0 };
const ROWS = 120;
const LIMIT_MS = 120_000;

/** Each where it is there. */
const PLANTED: readonly (readonly [string, string])[] = [
  ['time_zone', "'+05:30'"],
  ['sql_select_limit', '3'],
  ['max_join_size', '10'],
  ['sql_big_selects', '0'],
  ['autocommit', '0'],
  ['completion_type', "'CHAIN'"],
  ['sql_auto_is_null', '1'],
  ['div_precision_increment', '0'],
  ['group_concat_max_len', '4'],
  ['default_week_format', '3'],
  ['lc_time_names', "'de_DE'"],
  ['max_sort_length', '8'],
  ['sql_buffer_result', '1'],
  ['sql_notes', '0'],
  ['max_error_count', '0'],
  ['tx_isolation', "'SERIALIZABLE'"],
  ['transaction_isolation', "'SERIALIZABLE'"],
  ['collation_connection', "'latin1_german1_ci'"],
  ['character_set_results', "'latin1'"],
  ['default_regex_flags', "'EXTENDED'"],
  ['old_mode', "'ZERO_DATE_TIME_CAST'"],
  ['system_versioning_asof', "'2001-01-01 00:00:00'"],
  ['resultset_metadata', "'NONE'"],
  ['use_secondary_engine', "'FORCED'"],
  ['show_gipk_in_create_table_and_information_schema', '0'],
  ['information_schema_stats_expiry', '86400'],
  ['windowing_use_high_precision', '0'],
  ['range_optimizer_max_mem_size', '1'],
  ['timestamp', '1000000000'],
  // Last: what follows is parsed otherwise.
  ['sql_mode', "'ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH,NO_BACKSLASH_ESCAPES,HIGH_NOT_PRECEDENCE'"],
  ['sql_mode', "'ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH,HIGH_NOT_PRECEDENCE,EMPTY_STRING_IS_NULL'"],
];

const COLUMNS = ['id', 'padded', 'ts', 'dt', 'body', 'amount', 'e'];
const WHERES = [
  null,
  // Each part of it is answered otherwise by one of the settings.
  `ts >= '2024-01-01 01:30:00' AND (id % 7) / 7 > 0.14 AND NOT id = -1 AND padded <> "x" AND CAST(id AS CHAR) <> 'ä'` +
    " AND WEEK(ts) = 0 AND MONTHNAME(ts) = 'January' AND NOW() > '2020-01-01' AND 'a b' REGEXP 'a b' AND LENGTH('ä') = 2" +
    " AND (SELECT GROUP_CONCAT('several')) = 'several'",
  'id < 0',
  'id % 50 = 3',
];

const cellText = (cell: unknown): unknown => (Buffer.isBuffer(cell) ? cell.toString('utf8') : cell);

async function fill(database: TestDatabase, versioned: boolean): Promise<void> {
  await database.query("SET SESSION time_zone = '+00:00', SESSION sql_mode = ''");
  await database.query(
    "CREATE TABLE t (id INT PRIMARY KEY, padded CHAR(5), ts TIMESTAMP NULL, dt DATETIME, body TEXT, amount DOUBLE, e ENUM('a', 'ä'))" +
      (versioned ? ' WITH SYSTEM VERSIONING' : ''),
  );
  const rows = Array.from({ length: ROWS }, (_, i) => {
    const time = `'2024-01-01 ${String(Math.floor(i / 60)).padStart(2, '0')}:${String(i % 60).padStart(2, '0')}:00'`;
    return `(${i}, 'a', ${time}, '0000-00-00', ${i % 2 === 0 ? "''" : "'ü€\\\\'"}, ${i} / 3, ${1 + (i % 2)})`;
  });
  await database.query(`INSERT INTO t VALUES ${rows.join()}`);
}

async function oracle(connection: Connection, database: string, where: string | null): Promise<unknown[]> {
  const [rows] = await connection.query({
    sql: `SELECT ${COLUMNS.join()} FROM ${database}.t${where === null ? '' : ` WHERE ${where}`} ORDER BY id`,
    rowsAsArray: true,
    typeCast: (field) => field.string(),
  });
  return rows as unknown[];
}

async function readAll(
  shard: ReturnType<TestDatabase['shard']>,
  where: string | null,
  chunkRows = 20,
): Promise<unknown[]> {
  const signal = AbortSignal.timeout(LIMIT_MS);
  await using source = openSource(shard, { chunkRows });
  const table = await openTable(source, 't', COLUMNS, where);
  const seen: unknown[] = [];
  for await (const { rows } of table.scan(EVERYTHING, null, signal)) seen.push(...rows.map((row) => row.map(cellText)));
  const cursors = (seen as string[][]).slice(0, 30).map(([id = '']) => table.cursorOf([id]));
  const again = await table.at(cursors, signal);
  expect(again.map((row) => row?.map(cellText))).toEqual(seen.slice(0, 30));
  return seen;
}

/** Those that this server lets be set so; a name twice: the last that can be. */
async function possible(
  scope: 'GLOBAL' | 'SESSION',
  connect: () => Promise<Connection>,
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const [name, value] of PLANTED) {
    const connection = await connect();
    try {
      const [[saved]] = await connection.query<RowDataPacket[]>(`SELECT @@${scope}.${name} AS was`);
      await connection.query(`SET ${scope} ${name} = ${value}`);
      // The rest of this look is asked as before.
      if (scope === 'GLOBAL') await connection.query(`SET GLOBAL ${name} = ?`, [saved?.['was']]);
      found.set(name, value);
    } catch {
      // Not known here, not a session's or not a server's, or not for this user.
    } finally {
      connection.destroy();
    }
  }
  return found;
}

describe.each(await ownMysqlKinds())('%s', { timeout: LIMIT_MS }, (kind) => {
  test('a scan reads the same rows whatever session settings the server plants, and names them and a pooler', async () => {
    await using server = await startOwnMysql(kind);
    await using database = await createDatabase(server);
    const versioned = kind === 'mariadb';
    await fill(database, versioned);
    const clean = await server.connect();
    await clean.query('SET NAMES utf8mb4 COLLATE utf8mb4_general_ci');
    await clean.query(
      "SET SESSION time_zone = '+00:00', SESSION sql_mode = 'ALLOW_INVALID_DATES', SESSION autocommit = 1",
    );
    if (versioned) await clean.query("SET SESSION system_versioning_alter_history = 'KEEP'");
    const expected = await Promise.all(WHERES.map((where) => oracle(clean, database.name, where)));
    expect(expected.map((rows) => rows.length)).toEqual([ROWS, 25, 0, 3]);

    await server.query("CREATE USER 'reader'@'127.0.0.1' IDENTIFIED BY 'Plain-4711'");
    await server.query(`GRANT SELECT ON ${database.name}.* TO 'reader'@'127.0.0.1'`);
    const reader = { ...database.shard(), user: 'reader', password: 'Plain-4711' };
    const address = { host: server.host, port: server.port };
    // A user with SUPER is spared an `init_connect`.
    const presets = [
      ...(await possible('SESSION', () =>
        createConnection({ ...address, user: reader.user, password: reader.password }),
      )),
    ].map(([name, value]) => `SET SESSION ${name} = ${value}`);
    expect(presets.length).toBeGreaterThan(15);
    await clean.query('SET GLOBAL init_connect = ?', [[...presets, 'BEGIN'].join('; ')]);
    for (const [i, where] of WHERES.entries()) expect(await readAll(reader, where)).toEqual(expected[i]);
    // A transaction that it leaves open would hold the table against ALTER, and show it as it was.
    await clean.query("SET GLOBAL init_connect = 'START TRANSACTION WITH CONSISTENT SNAPSHOT'");
    await using begun = openSource(reader);
    expect(await (await openTable(begun, 't', COLUMNS)).sample(5, AbortSignal.timeout(LIMIT_MS))).toHaveLength(5);
    await clean.query('SET SESSION lock_wait_timeout = 5');
    await clean.query(`ALTER TABLE ${database.name}.t ADD COLUMN other INT`);
    await clean.query("SET GLOBAL init_connect = ''");

    for (const [name, value] of await possible('GLOBAL', () => server.connect()))
      await clean.query(`SET GLOBAL ${name} = ${value}`);
    for (const [i, where] of WHERES.entries()) expect(await readAll(reader, where)).toEqual(expected[i]);
    // A session that idles in a transaction would hold the table against ALTER.
    await using source = openSource(reader);
    const held = await openTable(source, 't', COLUMNS);
    expect(await held.sample(5, AbortSignal.timeout(LIMIT_MS))).toHaveLength(5);
    await clean.query(`ALTER TABLE ${database.name}.t ADD COLUMN more INT`);

    // Those are errors in a session of their own as well.
    await clean.query('SET GLOBAL max_join_size = DEFAULT');
    // COM_RESET_CONNECTION is of 5.7.3: to an older server, a pooler sends another command.
    const login = kind === 'mysql-5.6' ? reader : null;
    for (const where of [null, 'id < 0', 'id % 50 = 3']) {
      await using pooler = await startMysqlPooler(server, (sql) => sql.includes('`t`'), login);
      const through = readAll({ ...reader, port: pooler.port }, where);
      await expect(through).rejects.toMatchObject({ code: 'E_SOURCE_SESSION' });
      // Whatever looks came first: nothing is tried again and again.
      expect(pooler.reset).toBeGreaterThan(0);
      expect(pooler.reset).toBeLessThan(12);
    }
    await clean.query('SET GLOBAL sql_select_limit = DEFAULT');
    await using pooler = await startMysqlPooler(server, () => true, login);
    await expect(readAll({ ...reader, port: pooler.port }, null)).rejects.toMatchObject({
      code: 'E_SOURCE_SESSION',
      message: expect.stringContaining("time_zone is '+05:30' and must be '+00:00'") as string,
    });
    await clean.end();
  });
});
