/**
 * MariaDB as the system has it (Debian's `mariadb-server`, or any on the PATH), with a data folder of its own.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { serverName, startMysqlDaemon } from './mysql-daemon.js';
import { findProgram } from './scratch.js';
import { reasonOf, type MysqlServer, type ServerKind } from './server.js';

export const mariadb: ServerKind<MysqlServer> = {
  name: 'mariadb',

  async available() {
    try {
      await programs();
      return true;
    } catch (error) {
      return reasonOf(error);
    }
  },

  async start(extra) {
    const { server, installer } = await programs();
    const { stdout } = await promisify(execFile)(server, ['--no-defaults', '--version']);
    return await startMysqlDaemon(
      {
        name: serverName(stdout),
        program: server,
        initialise: (_data, options) => ({
          command: installer,
          args: [...options, '--auth-root-authentication-method=normal', '--skip-test-db'],
        }),
        passwordSql: (account, password) => `SET PASSWORD FOR ${account} = PASSWORD('${password}');`,
      },
      extra,
    );
  },
};

/** @throws Error that says which program is missing */
async function programs(): Promise<{ readonly server: string; readonly installer: string }> {
  const server = await findProgram('mariadbd');
  const installer = await findProgram('mariadb-install-db');
  if (server === null || installer === null) {
    throw new Error("no mariadbd with its mariadb-install-db on this machine (Debian's package is mariadb-server)");
  }
  return { server, installer };
}
