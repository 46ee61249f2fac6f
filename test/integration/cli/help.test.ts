/**
 * Help that helps: an example for every command, quickly, and nothing on stderr that is not the operator's business.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ONLY_PLACES, runCli } from '../../support/cli.js';
import { createMigration, onePair, type Migration } from '../../support/migration.js';
import { temporaryFolder } from '../../support/temporary.js';

const COMMANDS = [
  'check',
  'plan',
  'diff',
  'backfill',
  'verify',
  'status',
  'bad-rows',
  'differences',
  'state',
  'schema',
];
const HELP_MS = 300;
const RUNS = 5;

describe('help', () => {
  it('dynaferry --help lists every command, and the help of each command shows an example', async () => {
    await using folder = await temporaryFolder();
    const top = await runCli(['--help'], { cwd: folder.path });
    expect(top).toMatchObject({ code: 0, stderr: '' });
    const listed = [...top.stdout.matchAll(/^ {2}([\w-]+) /gm)].map(([, name]) => name);
    expect(listed.filter((name) => name !== 'help')).toEqual(COMMANDS);
    for (const command of [...COMMANDS, 'state adopt']) {
      const help = await runCli([...command.split(' '), '--help'], { cwd: folder.path });
      expect(help).toMatchObject({ code: 0, stderr: '' });
      expect(help.stdout).toMatch(new RegExp(`Examples?:\\n {2}\\$ dynaferry ${command}`));
      expect(help.stdout).toContain('--json');
    }
    expect(await runCli(['--version'], { cwd: folder.path })).toMatchObject({ code: 0, stdout: '0.1.0\n', stderr: '' });
  });

  // Its own processor time, user and system: what the clock says depends on what else the machine does.
  it(`dynaferry --help takes less than ${HELP_MS} ms of processor time, in the median of ${RUNS} runs`, async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'cpu');
    const tellTime = `import{writeFileSync}from'node:fs';process.on('exit',()=>{const{user,system}=process.cpuUsage();writeFileSync(${JSON.stringify(file)},String((user+system)/1000))})`;
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(tellTime)}` };
    const times: number[] = [];
    for (let run = 0; run < RUNS; run++) {
      expect(await runCli(['--help'], { cwd: folder.path, env })).toMatchObject({ code: 0, stderr: '' });
      times.push(Number(readFileSync(file, 'utf8')));
    }
    const median = [...times].sort((a, b) => a - b)[Math.floor(RUNS / 2)];
    expect(median, `of ${times.join(', ')}`).toBeLessThan(HELP_MS);
    expect(median).toBeGreaterThan(5);
  });
});

describe.each(onePair)('a run without faults: $name', { timeout: 120_000 }, (servers) => {
  it('dynaferry prints nothing but progress to stderr when all is well', async () => {
    await using migration = await createMigration({ servers, rows: 50 });
    await using _user = await leastPrivilegedUser(migration);
    // Where the emulator knows TTL, it is off, and there is a warning about that.
    migration.configure((config) => {
      const { items } = config.mapping['messages'] as { items: Record<string, unknown>[] };
      for (const item of items) delete item['ttl'];
    });
    const bare = { env: { LEAST_PASSWORD: 'least', AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: undefined } };
    for (const command of ['check', 'plan', 'diff', 'status', 'schema']) {
      const places = ['plan', 'diff'].includes(command) ? ONLY_PLACES : /^$/;
      const stderr = expect.stringMatching(places) as string;
      expect(await migration.run([command], bare), command).toMatchObject({ code: 0, stderr });
    }
    for (const command of ['backfill', 'verify']) {
      const { code, stderr } = await migration.run([command], bare);
      expect(code).toBe(0);
      const lines = stderr.trimEnd().split('\n');
      expect(lines.filter((line) => !/^\d{4}-\d\d-\d\dT[\d:]+Z s01 /.test(line))).toEqual([
        'checking 1 shard and the target first',
        expect.stringMatching(/^target: /),
        expect.stringMatching(/^source s01: /),
      ]);
    }
  });
});

/** A MySQL user with the grants that dynaferry asks for, named in the config of `migration`; dropped on disposal. */
async function leastPrivilegedUser(migration: Migration): Promise<AsyncDisposable> {
  const [database] = migration.databases;
  if (database === undefined) throw new Error('a migration has a database');
  const name = `u${database.name.slice(-12)}`;
  // The server may know this machine by either name, and prefer an anonymous user of the one to ours of the other.
  const accounts = [`'${name}'@'localhost'`, `'${name}'@'127.0.0.1'`];
  for (const account of accounts) {
    await database.query(`CREATE USER ${account} IDENTIFIED BY 'least'`);
    await database.query(`GRANT SELECT ON ${database.name}.* TO ${account}`);
    await database.query(`GRANT REPLICATION CLIENT ON *.* TO ${account}`);
  }
  const login = { user: name, password: '${LEAST_PASSWORD}' };
  migration.configure((config) => void Object.assign(config.source.shards[0] ?? {}, login));
  return {
    async [Symbol.asyncDispose]() {
      for (const account of accounts) await database.query(`DROP USER ${account}`);
    },
  };
}
