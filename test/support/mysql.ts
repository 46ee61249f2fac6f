/**
 * Makes a MySQL database for one test: empty at the start, dropped at the end. A connection that the test left open is
 * a failure.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { inject } from 'vitest';
import type { ShardConfig } from '../../src/config/model.js';
import type { MysqlServer } from './servers/server.js';

export type { MysqlServer } from './servers/server.js';

/** Every MySQL server of this run; may be empty. For `describe.each(mysqlServers)('$name', ...)`. */
export const mysqlServers: readonly MysqlServer[] = inject('mysqlServers');

/**
 * ms in which the connection of a closed or killed client may vanish from the server. A leaked one stays for good, so a
 * loaded machine may take its time.
 */
const LEAK_GRACE_MS = 15_000;
const LOCK_WAIT_SECONDS = 5;

export interface TestDatabase extends AsyncDisposable {
  readonly name: string;
  readonly server: MysqlServer;
  /**
   * Rows as mysql2's text protocol gives them, big and decimal numbers and dates as strings; [] for a statement without
   * rows.
   */
  query(sql: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
  /** This database as a shard of a config, by default `s01`, TLS off. */
  shard(id?: string): ShardConfig;
}

/** `await using database = await createDatabase(server)` */
export async function createDatabase(
  server: MysqlServer,
  name = `ferry_${randomBytes(6).toString('hex')}`,
  leakGraceMs = LEAK_GRACE_MS,
): Promise<TestDatabase> {
  const { host, port, user, password } = server;
  const open = async (): Promise<Connection> => {
    const connection = await createConnection({
      host,
      port,
      user,
      password,
      charset: 'utf8mb4',
      timezone: 'Z',
      supportBigNumbers: true,
      bigNumberStrings: true,
      dateStrings: true,
    });
    // A transaction that a test left open would make DROP DATABASE wait for a day.
    await connection.query(`SET SESSION lock_wait_timeout = ${LOCK_WAIT_SECONDS}`);
    return connection;
  };
  let connection = await open();
  /** A server that a test killed has come back without it. */
  const alive = async (): Promise<Connection> => {
    const broken = await connection.ping().then(
      () => false,
      () => true,
    );
    if (!broken) return connection;
    connection.destroy();
    connection = await open();
    await connection.query(`USE ${name}`);
    return connection;
  };
  await connection.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  await connection.query(`USE ${name}`);

  return {
    name,
    server,
    async query(sql, values) {
      const [rows] = await (await alive()).query<RowDataPacket[]>(sql, values === undefined ? [] : [...values]);
      return Array.isArray(rows) ? rows : [];
    },
    shard: (id = 's01') => ({
      id,
      host,
      port,
      user,
      password,
      database: name,
      tls: { mode: 'off', ca: null, profile: null },
      replicas: [],
    }),
    async [Symbol.asyncDispose]() {
      try {
        const leaked = await killLeaked(await alive(), name, leakGraceMs);
        await connection.query(`DROP DATABASE IF EXISTS ${name}`);
        if (leaked.length > 0) throw new Error(`the test left connections to its database open: ${leaked.join('; ')}`);
      } finally {
        await connection.end();
      }
    },
  };
}

/**
 * Ends the connections to `database` besides this one that are still there after a while; returns what each was doing.
 */
async function killLeaked(connection: Connection, database: string, graceMs: number): Promise<readonly string[]> {
  const others = async (): Promise<readonly RowDataPacket[]> => {
    const [rows] = await connection.query<RowDataPacket[]>(
      `SELECT id AS id, CONCAT_WS(' ', id, command, time, state, info) AS doing FROM information_schema.processlist
       WHERE db = ? AND id <> CONNECTION_ID()`,
      [database],
    );
    return rows;
  };
  let left = await others();
  for (const end = Date.now() + graceMs; left.length > 0 && Date.now() < end; left = await others()) await sleep(25);
  // It may end by itself in this very moment: then there is nothing to kill.
  for (const { id } of left) await connection.query(`KILL ${String(id)}`).catch(() => undefined);
  return left.map(({ doing }) => String(doing));
}
