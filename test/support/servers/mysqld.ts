/**
 * MySQL 5.7 or newer. Debian's own of this day (9.7 and later) is preferred. It is unpacked from Debian's unstable
 * suite, and runs without a chroot by its own dynamic loader and libraries. Elsewhere it is the `mysqld` that the
 * system has.
 */
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { debianTree } from './debian.js';
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

  async start(extra) {
    const { program, args, options, name, major } = await find();
    return await startMysqlDaemon(
      {
        name,
        program,
        args,
        options: [
          ...options,
          '--secure-file-priv=',
          // The X protocol would listen on a port of its own, which came in 8.0.
          ...(major >= 8 ? ['--mysqlx=OFF'] : []),
        ],
        initialise: (_data, all) => ({ command: program, args: [...args, ...all, '--initialize-insecure'] }),
        passwordSql: (account, password) =>
          `CREATE USER ${account} IDENTIFIED BY '${password}';\nGRANT ALL PRIVILEGES ON *.* TO ${account} WITH GRANT OPTION;`,
      },
      extra,
    );
  },
};

interface Program {
  readonly program: string;
  /** In front of the server's own options. */
  readonly args: readonly string[];
  readonly options: readonly string[];
}

interface FoundServer extends Program {
  readonly name: string;
  readonly major: number;
}

/** @throws Error that says why neither Debian nor the system has one */
async function find(): Promise<FoundServer> {
  const reasons: string[] = [];
  for (const place of [ofDebian, ofSystem]) {
    try {
      return await place();
    } catch (error) {
      reasons.push(reasonOf(error));
    }
  }
  throw new Error(reasons.join('; '));
}

async function ofDebian(): Promise<FoundServer> {
  const usr = join(await debianTree('sid', 'mysql-server-core'), 'usr');
  // The libraries of Debian's one architecture here, the dynamic loader among them: `usr/lib/x86_64-linux-gnu`.
  const triplet = (await readdir(join(usr, 'lib'))).find((name) => name.endsWith('-linux-gnu')) ?? '';
  const libraries = join(usr, 'lib', triplet);
  const loader = (await readdir(libraries)).find((name) => /^ld-linux.*\.so\.\d+$/.test(name));
  if (loader === undefined) throw new Error("Debian's libc6 holds no dynamic loader for this machine");
  return await identified({
    program: join(libraries, loader),
    args: ['--library-path', libraries, join(usr, 'sbin', 'mysqld')],
    options: [`--basedir=${usr}`],
  });
}

async function ofSystem(): Promise<FoundServer> {
  const program = await findProgram('mysqld');
  if (program === null) throw new Error(`no mysqld (MySQL ${OLDEST} or newer) on the PATH`);
  return await identified({ program, args: [], options: [] });
}

/** @throws Error where that program is MariaDB's, too old, or does not run */
async function identified(found: Program): Promise<FoundServer> {
  const { stdout } = await promisify(execFile)(found.program, [...found.args, '--no-defaults', '--version']);
  const version = /\bVer (\d+)\.(\d+)\S*/.exec(stdout);
  const name = serverName(version?.[0] ?? '');
  const wanted = `MySQL ${OLDEST} or newer`;
  if (/mariadb/i.test(version?.[0] ?? '')) throw new Error(`the mysqld on the PATH is MariaDB, not ${wanted}`);
  const major = Number(version?.[1]);
  if (!(major + Number(version?.[2]) / 10 >= OLDEST))
    throw new Error(`the mysqld on the PATH is ${name}, not ${wanted}`);
  return { ...found, name, major };
}
