/**
 * Starts a MySQL server of a test's own, to be killed, stopped or made to lag: `await using server = await
 * startOwnMysql()`.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { mysqlKinds } from './servers/kinds.js';
import type { MysqlServer, MysqlStart } from './servers/server.js';

export interface OwnMysql extends MysqlServer, AsyncDisposable {
  /** Returns the process id of the server itself. It is another one after the server was killed and came back. */
  pid(): Promise<number>;
  /** Runs one statement as root, on a connection of its own. */
  query(sql: string): Promise<readonly Record<string, unknown>[]>;
  /** A connection as root that the caller ends. */
  connect(): Promise<Connection>;
}

/** Names of the kinds that can be started here, such as `mysql-5.6`; those of the environment cannot be killed. */
export async function ownMysqlKinds(): Promise<readonly string[]> {
  const kinds = mysqlKinds().filter(({ name }) => ['mysql-5.6', 'mariadb', 'mysqld'].includes(name));
  const there = await Promise.all(kinds.map(async (kind) => (await kind.available()) === true));
  return kinds.filter((_, i) => there[i]).map(({ name }) => name);
}

export async function startOwnMysql(name: string, extra: MysqlStart = {}): Promise<OwnMysql> {
  const kind = mysqlKinds().find((candidate) => candidate.name === name);
  if (kind === undefined) throw new Error(`there is no ${name} here`);
  const { close, ...server } = await kind.start(extra);
  const { host, port, user, password } = server;
  const connect = async (): Promise<Connection> =>
    await createConnection({ host, port, user, password, dateStrings: true });
  const query = async (sql: string): Promise<readonly Record<string, unknown>[]> => {
    const connection = await connect();
    try {
      const [rows] = await connection.query<RowDataPacket[]>(sql);
      return Array.isArray(rows) ? rows : [];
    } finally {
      await connection.end();
    }
  };
  return {
    ...server,
    connect,
    query,
    async pid() {
      const [row] = await query('SELECT @@pid_file AS file');
      return Number(readFileSync(String(row?.['file']), 'utf8'));
    },
    [Symbol.asyncDispose]: close,
  };
}

export interface ReplicatedPair extends AsyncDisposable {
  readonly primary: OwnMysql;
  readonly replica: OwnMysql;
  /** Waits until the replica has executed all that the primary has. */
  caughtUp(): Promise<void>;
}

const GTIDS = ['--gtid-mode=ON', '--enforce-gtid-consistency', '--log-slave-updates'];
const CAUGHT_UP_WITHIN_MS = 30_000;

/** Two servers with GTIDs, the second replicating the first. MySQL 5.6 starts within a second, so it is that one. */
export async function startReplicatedPair(): Promise<ReplicatedPair> {
  const [primary, replica] = await Promise.all([
    startOwnMysql('mysql-5.6', { serverId: 11, options: GTIDS }),
    startOwnMysql('mysql-5.6', { serverId: 12, options: GTIDS }),
  ]);
  // What made the accounts is nobody's to replicate.
  await Promise.all([primary.query('RESET MASTER'), replica.query('RESET MASTER')]);
  const { host, port, user, password } = primary;
  await replica.query(
    `CHANGE MASTER TO MASTER_HOST='${host}', MASTER_PORT=${port}, MASTER_USER='${user}', MASTER_PASSWORD='${password}', ` +
      'MASTER_CONNECT_RETRY=1, MASTER_AUTO_POSITION=1',
  );
  await replica.query('START SLAVE');
  return {
    primary,
    replica,
    async caughtUp() {
      const end = performance.now() + CAUGHT_UP_WITHIN_MS;
      for (;;) {
        const [at] = await primary.query('SELECT @@GLOBAL.gtid_executed AS gtids');
        const gtids = String(at?.['gtids']);
        const [row] = await replica.query(`SELECT GTID_SUBSET('${gtids}', @@GLOBAL.gtid_executed) AS there`);
        if (Number(row?.['there']) === 1) return;
        if (performance.now() > end) throw new Error('the replica does not catch up');
        await sleep(50);
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([primary[Symbol.asyncDispose](), replica[Symbol.asyncDispose]()]);
    },
  };
}
