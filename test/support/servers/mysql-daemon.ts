/** The common part of MySQL 5.6, MariaDB and later MySQL: options, account, and how to see that they answer. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import type { Step } from './guarded.js';
import type { MysqlServer, MysqlStart, Running } from './server.js';
import { startServer, type Place } from './start.js';

const HOST = '127.0.0.1';
const USER = 'root';
const INIT_FILE = 'init.sql';
const CONNECT_TIMEOUT_MS = 2_000;

export interface MysqlDaemon {
  readonly name: string;
  readonly program: string;
  /** In front of every option: a loader's own arguments, say. */
  readonly args?: readonly string[];
  /** Makes the data folder, given the options that the server will get as well. */
  initialise(dataFolder: string, options: readonly string[]): Step;
  /**
   * SQL that gives `account` its password, run by the server before it accepts connections. Even here, root
   * needs a password. Who logs in to an open server as root reads and writes files as the user who runs the tests.
   */
  passwordSql(account: string, password: string): string;
  readonly options?: readonly string[];
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Starts one on loopback, with a row-based binary log, and with durability off: its data is thrown away. */
export async function startMysqlDaemon(daemon: MysqlDaemon, extra: MysqlStart = {}): Promise<Running<MysqlServer>> {
  const password = randomBytes(12).toString('hex');
  const started = await startServer({
    name: daemon.name,
    ...(daemon.env === undefined ? {} : { env: daemon.env }),
    files: [{ name: INIT_FILE, text: `${daemon.passwordSql(`'${USER}'@'${HOST}'`, password)}\n` }],
    steps: (place) => steps(daemon, place, extra),
    answers: async ({ port }) => {
      await ping({ host: HOST, port, ...extra.at, user: USER, password });
    },
  });
  return { name: daemon.name, host: HOST, port: started.port, ...extra.at, user: USER, password, close: started.close };
}

/** The server's version text. @throws where it does not answer, or lets nobody in */
export async function ping(login: Pick<MysqlServer, 'host' | 'port' | 'user' | 'password'>): Promise<string> {
  const { host, port, user, password } = login;
  const connection = await createConnection({ host, port, user, password, connectTimeout: CONNECT_TIMEOUT_MS });
  try {
    const [rows] = await connection.query('SELECT VERSION() AS version');
    const [first] = rows as { version: string }[];
    return first?.version ?? '';
  } finally {
    await connection.end();
  }
}

/** `10.11.6-MariaDB-0+deb12u1` -> `mariadb-10.11`, `8.4.3` -> `mysql-8.4` */
export function serverName(version: string): string {
  const product = /mariadb/i.test(version) ? 'mariadb' : 'mysql';
  return `${product}-${/\d+\.\d+/.exec(version)?.[0] ?? 'unknown'}`;
}

/** Starts the server again whenever it dies, as mysqld_safe and systemd do; its name first, then its own arguments. */
const KEEPER = 'while :; do "$0" "$@"; sleep 0.3; done';

function steps(daemon: MysqlDaemon, { folder, port }: Place, extra: MysqlStart): readonly Step[] {
  const data = join(folder, 'data');
  const where = daemon.cwd === undefined ? {} : { cwd: daemon.cwd };
  // Of its own: MariaDB, as it starts, removes every temporary table in the folder, those of another server too.
  const temporary = `--tmpdir=${folder}`;
  const options = ['--no-defaults', `--datadir=${data}`, temporary, ...userOption(), ...(daemon.options ?? [])];
  const kept = extra.keptAlive === true;
  return [
    daemon.initialise(data, options),
    // A data folder that was copied ready-made has the identity of the server that made it.
    { command: 'rm', args: ['-f', join(data, 'auto.cnf')] },
    {
      ...where,
      command: kept ? 'sh' : daemon.program,
      args: [
        ...(kept ? ['-c', KEEPER, daemon.program] : []),
        ...(daemon.args ?? []),
        ...options,
        `--port=${extra.at?.port ?? port}`,
        `--bind-address=${extra.at?.host ?? HOST}`,
        `--socket=${join(folder, 'socket')}`,
        `--pid-file=${join(folder, 'pid')}`,
        `--init-file=${join(folder, INIT_FILE)}`,
        '--skip-name-resolve',
        // Not UTC, so that a session that forgets to set UTC sees other timestamps.
        '--default-time-zone=+05:30',
        `--server-id=${extra.serverId ?? 1}`,
        `--log-bin=${join(data, 'binlog')}`,
        '--binlog-format=ROW',
        '--sync-binlog=0',
        '--innodb-flush-log-at-trx-commit=0',
        '--innodb-fast-shutdown=2',
        ...(extra.options ?? []),
      ],
    },
  ];
}

/** mysqld refuses to run as root unless told so by name. */
function userOption(): readonly string[] {
  return process.getuid?.() === 0 ? ['--user=root'] : [];
}
