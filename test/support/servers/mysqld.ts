/**
 * MySQL 5.7 or newer, where the system has one: a `mysqld` that is neither MariaDB's alias nor too old to initialise itself.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { serverName, startMysqlDaemon } from './mysql-daemon.js';
import { findProgram } from './scratch.js';
import { reasonOf, type MysqlServer, type ServerKind } from './server.js';

/** The first version with --initialize-insecure. */
const OLDEST = 5.7;

export const mysqld: ServerKind<MysqlServer> = {
  name: 'mysqld',

  async available() {
    try {
      await find();
      return true;
    } catch (error) {
      return reasonOf(error);
    }
  },

  async start() {
    const { program, name, major } = await find();
    return await startMysqlDaemon({
      name,
      program,
      // The X protocol would listen on a port of its own, which came in 8.0.
      options: major >= 8 ? ['--secure-file-priv=', '--mysqlx=OFF'] : ['--secure-file-priv='],
      initialise: (_data, options) => ({ command: program, args: [...options, '--initialize-insecure'] }),
      passwordSql: (account, password) =>
        `CREATE USER ${account} IDENTIFIED BY '${password}';\nGRANT ALL PRIVILEGES ON *.* TO ${account} WITH GRANT OPTION;`,
    });
  },
};

/** @throws Error that says why the machine's mysqld will not do */
async function find(): Promise<{ readonly program: string; readonly name: string; readonly major: number }> {
  const wanted = `MySQL ${OLDEST} or newer`;
  const program = await findProgram('mysqld');
  if (program === null) throw new Error(`no mysqld (${wanted}) on the PATH`);
  const { stdout } = await promisify(execFile)(program, ['--no-defaults', '--version']);
  const version = /\bVer (\d+)\.(\d+)\S*/.exec(stdout);
  const name = serverName(version?.[0] ?? '');
  if (/mariadb/i.test(stdout)) throw new Error(`the mysqld on the PATH is MariaDB, not ${wanted}`);
  const major = Number(version?.[1]);
  if (!(major + Number(version?.[2]) / 10 >= OLDEST))
    throw new Error(`the mysqld on the PATH is ${name}, not ${wanted}`);
  return { program, name, major };
}
