/**
 * `bin/demo` as a user runs it: plays to its end, fails where it cannot, and leaves nothing behind, however it is
 * ended.
 */
import { spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { describe, expect, it } from 'vitest';
import { dynamodbServers, testClient } from '../support/dynamodb.js';
import { mysqlServers, type MysqlServer } from '../support/mysql.js';
import { temporaryFolder } from '../support/temporary.js';

const DEMO = fileURLToPath(new URL('../../bin/demo', import.meta.url));
/** The fewest that it takes. */
const ROWS = ['--rows', '4000'];
const PLAYED_WITHIN_MS = 240_000;
const ENDED_WITHIN_MS = 60_000;

interface Demo extends AsyncDisposable {
  /** Its temp folder, which is how its processes are known. */
  readonly folder: string;
  readonly output: () => string;
  readonly ended: Promise<number | null>;
  interrupt(): void;
  /** No longer reads what it says. */
  deafen(): void;
  waitFor(text: string): Promise<void>;
}

async function startDemo(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Demo> {
  const folder = await temporaryFolder();
  const { DYNAFERRY_TEST_MYSQL: _m, DYNAFERRY_TEST_DYNAMODB: _d, ...inherited } = process.env;
  const child = spawn(DEMO, args, {
    // A group of its own, as a shell gives it.
    detached: true,
    env: { ...inherited, TMPDIR: folder.path, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (part: string) => {
      output += part;
    });
  }
  let over = false;
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      over = true;
      resolve(code);
    });
  });
  return {
    folder: folder.path,
    output: () => output,
    ended,
    interrupt() {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGINT');
    },
    deafen() {
      child.stdout.destroy();
    },
    async waitFor(text) {
      while (!output.includes(text)) {
        if (over) throw new Error(`the demo ended before it said "${text}":\n${output}`);
        await sleep(10);
      }
    },
    async [Symbol.asyncDispose]() {
      if (!over) child.kill('SIGTERM');
      await ended;
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Command lines of the processes that were started with this temp folder, or one below it. Linux. */
async function processesOf(folder: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const read = async (name: string): Promise<string> =>
        await readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '');
      return (await read('environ')).includes(`TMPDIR=${folder}`) ? (await read('cmdline')).replaceAll('\0', ' ') : '';
    }),
  );
  return found.filter((line) => line !== '');
}

async function expectNothingLeft(demo: Demo): Promise<void> {
  expect(await processesOf(demo.folder)).toEqual([]);
  expect(await readdir(demo.folder)).toEqual([]);
}

async function databasesAndUsers({ host, port, user, password }: MysqlServer): Promise<readonly string[]> {
  const connection = await createConnection({ host, port, user, password });
  try {
    const [rows] = await connection.query<RowDataPacket[]>(
      "SELECT schema_name AS name FROM information_schema.schemata WHERE schema_name LIKE 'ferrydemo%' UNION ALL SELECT user FROM mysql.user WHERE user LIKE 'ferrydemo%'",
    );
    return rows.map((row) => String(row['name']));
  } finally {
    await connection.end();
  }
}

async function tables(endpoint: string): Promise<readonly string[]> {
  const client = testClient(endpoint);
  try {
    const { TableNames: names = [] } = await client.send(new ListTablesCommand({}));
    return names.filter((name) => name.startsWith('postflight-demo-'));
  } finally {
    client.destroy();
  }
}

describe('bin/demo', () => {
  it('bin/demo prints its usage, and refuses options that it does not know', async () => {
    await using help = await startDemo(['--help']);
    expect(await help.ended).toBe(0);
    expect(help.output()).toContain('Usage: bin/demo');
    await using unknown = await startDemo(['--row', '5']);
    expect(await unknown.ended).toBe(2);
    expect(unknown.output()).toContain("there is no option '--row'");
    await using few = await startDemo(['--rows', '7']);
    expect(await few.ended).toBe(2);
    expect(few.output()).toContain('from 4000 to 1000000');
  });

  const [mysql] = mysqlServers;
  const dynamodb = dynamodbServers.at(-1);
  it.runIf(mysql !== undefined && dynamodb !== undefined)(
    'bin/demo plays to its end on servers that the environment names, and removes what it made there',
    { timeout: PLAYED_WITHIN_MS },
    async () => {
      if (mysql === undefined || dynamodb === undefined) return;
      const { host, port, user, password } = mysql;
      await using demo = await startDemo(ROWS, {
        DYNAFERRY_TEST_MYSQL: `mysql://${user}:${password}@${host}:${port}`,
        DYNAFERRY_TEST_DYNAMODB: dynamodb.endpoint,
      });
      expect(await demo.ended, demo.output()).toBe(0);
      const said = demo.output();
      for (const text of [
        '$ dynaferry check\n',
        'check found 1 error',
        '$ dynaferry plan\n',
        '$ dynaferry diff --sample 1\n',
        '4 items: 4 new, 0 same, 0 changed',
        '$ dynaferry backfill --all --create-table\n',
        '$ kill -9 ',
        '$ dynaferry status\n',
        '$ dynaferry verify --all\n',
        'every row has its item, equal in every attribute',
        's01  NOT verified: 1 missing, 1 differing',
        'What you have seen',
        '8,000 rows of two MySQL shards, as 16,000 items',
      ]) {
        expect(said).toContain(text);
      }
      // The user may do no more than a migration needs, so check has nothing to say about it.
      expect(said).not.toContain('may write');
      await expectNothingLeft(demo);
      expect(await databasesAndUsers(mysql)).toEqual([]);
      expect(await tables(dynamodb.endpoint)).toEqual([]);
    },
  );

  it('bin/demo fails with a clear message where it finds no server', async () => {
    await using demo = await startDemo(ROWS, { DYNAFERRY_TEST_MYSQL: 'mysql://nobody:nothing@127.0.0.1:9' });
    expect(await demo.ended).toBe(1);
    expect(demo.output()).toContain('DEMO FAILED: no MySQL server can be had here');
    await expectNothingLeft(demo);
  });
});

describe.runIf(mysqlServers.length > 0 && process.platform === 'linux')('Ctrl-C', () => {
  it.each([
    ['while servers start', '== 1. Servers'],
    ['while rows are seeded', '== 2. Seeding'],
    ['during a backfill', 'backfilling'],
  ])('Ctrl-C %s ends bin/demo without a process or a file left', { timeout: PLAYED_WITHIN_MS }, async (_when, text) => {
    await using demo = await startDemo(ROWS);
    await demo.waitFor(text);
    const before = performance.now();
    demo.interrupt();
    expect(await demo.ended, demo.output()).toBe(130);
    expect(performance.now() - before).toBeLessThan(ENDED_WITHIN_MS);
    expect(demo.output()).toContain('Stopped; cleaning up.');
    await expectNothingLeft(demo);
  });

  it('bin/demo cleans up and ends when the reader of its output leaves', { timeout: PLAYED_WITHIN_MS }, async () => {
    await using demo = await startDemo(ROWS);
    await demo.waitFor('== 1. Servers');
    demo.deafen();
    expect(await demo.ended, demo.output()).toBe(141);
    await expectNothingLeft(demo);
  });
});
