/**
 * `npm run bench:shards`: what every command costs with 10, 100 and 300 shards, in statements, time and memory. All
 * shards are databases of one MySQL server, each behind a port of its own, so that they pass for servers of their own;
 * with `--link 30`, that far away in ms. It fails where a shard costs more the more of them there are.
 */
import { cpSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { stringify } from 'yaml';
import { startMysqlProxy, type MysqlProxy } from '../support/mysql-proxy.js';
import { mysql56 } from '../support/servers/mysql56.js';
import type { MysqlServer } from '../support/servers/server.js';
import { environment, LAUNCHER } from './ferry.js';
import { measure } from './measure.js';
import { startSink } from './start-sink.js';

interface Bench {
  /** `{last}`: an account of the last shard. */
  readonly args: readonly string[];
  /** Each shard has a bad row: commands that meet it end with 1. */
  readonly badRows?: true;
  /** What is done to the state folder before. */
  readonly before?: (state: string) => void;
}

/** All that read shards or their states, in an order that an operator could have. */
const COMMANDS: Readonly<Record<string, Bench>> = {
  check: { args: ['check'] },
  plan: { args: ['plan', '--sample', '10'] },
  diff: { args: ['diff', '--sample', '1'] },
  explain: { args: ['diff', '--explain', '--where', "account = '{last}'"] },
  'dry run': { args: ['backfill', '--all', '--dry-run'], badRows: true },
  'bad-rows of it': { args: ['bad-rows', '--dry-run'], badRows: true },
  backfill: { args: ['backfill', '--all', '--max-bad-rows', '1'], badRows: true },
  'check again': { args: ['check'] },
  resume: { args: ['backfill', '--all', '--max-bad-rows', '1'], badRows: true },
  verify: { args: ['verify', '--all'], badRows: true },
  'retry of bad rows': { args: ['backfill', '--all', '--retry-bad', '--max-bad-rows', '1'], badRows: true },
  status: { args: ['status'] },
  'bad-rows': { args: ['bad-rows'], badRows: true },
  restart: { args: ['backfill', '--all', '--restart', '--yes', '--max-bad-rows', '1'], badRows: true },
  adopt: { args: ['state', 'adopt', '--all'], before: putCopyInPlace },
};

/** How much more a shard may cost with more of them: what is counted, and what is measured beside other work. */
const GROWTH = { statements: 1.1, cpuSeconds: 1.5 };

const { values: options } = parseArgs({
  options: {
    shards: { type: 'string', default: '10,100,300' },
    link: { type: 'string', default: '0' },
    jobs: { type: 'string', default: '8' },
    only: { type: 'string', default: Object.keys(COMMANDS).join(',') },
    out: { type: 'string', default: 'bench-shards.json' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (options.help) {
  process.stdout.write(`npm run bench:shards -- [--shards N,N] [--link MS] [--jobs N] [--only COMMAND,...] [--out FILE]

  --shards N,N  numbers of shards, each on its own (10,100,300)
  --link MS     how far away every MySQL server is, there and back (0)
  --jobs N      shards at once of what has a process a shard (8: half of such a process's time is waiting)
  --only C,C    of ${Object.keys(COMMANDS).join(', ')} (all)
  --out FILE    the figures as JSON (bench-shards.json)

Fails where a shard costs more with more shards.
`);
  process.exit(0);
}

const ROWS = 32;
/** Has more digits than the sort key takes. */
const BAD_ID = 10_000;
const MAPPING = {
  events: {
    items: [
      {
        name: 'event',
        partitionKey: { name: 'pk', template: 'ACCT#{account}' },
        sortKey: { name: 'sk', template: '{id:pad(4)}' },
      },
    ],
  },
};

interface Figure {
  readonly command: string;
  readonly shards: number;
  readonly statements: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Of the largest process. */
  readonly peakMiB: number;
}

/** Databases `shard000` and so on, no two of which share an account. */
async function seedShards(connection: Connection, count: number): Promise<void> {
  for (let shard = 0; shard < count; shard += 1) {
    await connection.query(`CREATE DATABASE IF NOT EXISTS ${nameOf(shard)}`);
    await connection.query(`USE ${nameOf(shard)}`);
    await connection.query(
      'CREATE TABLE IF NOT EXISTS events (id INT PRIMARY KEY, account VARCHAR(34) NOT NULL, KEY (account, id)) CHARACTER SET utf8mb4',
    );
    await connection.query('DELETE FROM events');
    const rows = Array.from({ length: ROWS }, (_, i) => `(${i === 0 ? BAD_ID : i}, '${accountOf(shard, i)}')`);
    await connection.query(`INSERT INTO events VALUES ${rows.join()}`);
  }
}

/** As a backup that is put back: no file is the one that was worked on. */
function putCopyInPlace(state: string): void {
  cpSync(state, `${state}.copy`, { recursive: true });
  rmSync(state, { recursive: true });
  renameSync(`${state}.copy`, state);
}

function accountOf(shard: number, row: number): string {
  return `AC${String(shard * ROWS + row).padStart(32, '0')}`;
}

function nameOf(shard: number): string {
  return `shard${String(shard).padStart(3, '0')}`;
}

function configFor(folder: string, mysql: MysqlServer, ports: readonly number[], endpoint: string): string {
  const file = join(folder, 'dynaferry.yaml');
  const shards = ports.map((port, shard) => ({
    ...{ id: nameOf(shard), host: mysql.host, port, user: mysql.user },
    ...{ password: '${MYSQL_PWD}', database: nameOf(shard) },
  }));
  const capacity = { writeCapacity: 10_000_000, readCapacity: 10_000_000 };
  const config = {
    state: join(folder, 'state'),
    source: { shards, table: { name: 'events', shardedBy: 'account' } },
    target: { table: 'bench', region: 'eu-west-1', endpoint, ...capacity },
    mapping: MAPPING,
  };
  writeFileSync(file, stringify(config));
  return file;
}

async function statements(connection: Connection): Promise<number> {
  const [rows] = await connection.query<RowDataPacket[]>("SHOW GLOBAL STATUS LIKE 'Questions'");
  return Number(rows[0]?.['Value']);
}

/** What costs a shard more than with fewer of them. */
function grown(figures: readonly Figure[]): readonly string[] {
  return figures.flatMap((figure) => {
    const fewer = figures.findLast(({ command, shards }) => command === figure.command && shards < figure.shards);
    if (fewer === undefined) return [];
    return (['statements', 'cpuSeconds'] as const).flatMap((what) => {
      const growth = figure[what] / figure.shards / (fewer[what] / fewer.shards);
      if (!(growth > GROWTH[what])) return [];
      return [`${figure.command}: ${growth.toFixed(2)} times the ${what} a shard, ${fewer.shards} to ${figure.shards}`];
    });
  });
}

async function main(scratch: string): Promise<readonly string[]> {
  const counts = options.shards
    .split(',')
    .map(Number)
    .sort((a, b) => a - b);
  const server = await mysql56.start();
  const proxies: MysqlProxy[] = [];
  const { host, port, user, password } = server;
  const connection = await createConnection({ host, port, user, password });
  const figures: Figure[] = [];
  try {
    await connection.query('SET GLOBAL max_connections = 2000');
    await seedShards(connection, Math.max(...counts));
    while (proxies.length < Math.max(...counts)) {
      const proxy = await startMysqlProxy(server);
      proxy.delay(Number(options.link));
      proxies.push(proxy);
    }
    for (const count of counts) {
      const sink = await startSink({ keep: true });
      try {
        const folder = mkdtempSync(join(scratch, 'shards-'));
        const ports = proxies.slice(0, count).map((proxy) => proxy.port);
        const config = configFor(folder, server, ports, sink.endpoint);
        for (const [name, { args, badRows, before }] of Object.entries(COMMANDS)) {
          if (!options.only.split(',').includes(name)) continue;
          before?.(join(folder, 'state'));
          const jobs = ['backfill', 'verify'].includes(args[0] ?? '') ? ['--jobs', options.jobs] : [];
          const sent = await statements(connection);
          const words = args.map((word) => word.replace('{last}', accountOf(count - 1, 1)));
          const command = ['node', LAUNCHER, ...words, ...jobs, '-c', config];
          const run = await measure(command, environment(server, sink), [badRows === true ? 1 : 0]);
          figures.push({
            command: name,
            shards: count,
            statements: (await statements(connection)) - sent - 1,
            seconds: run.wallSeconds,
            cpuSeconds: run.cpuSeconds,
            peakMiB: run.peakRssMiB,
          });
          process.stdout.write(`${lineOf(figures.at(-1))}\n`);
        }
      } finally {
        await sink.close();
      }
    }
  } finally {
    await connection.end();
    for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
    await server.close();
  }
  writeFileSync(resolve(options.out), `${JSON.stringify({ linkMs: Number(options.link), figures }, null, 2)}\n`);
  return grown(figures);
}

function lineOf(figure: Figure | undefined): string {
  if (figure === undefined) return '';
  const { command, shards, statements: sent, seconds, cpuSeconds, peakMiB } = figure;
  return (
    `${command.padEnd(18)} ${String(shards).padStart(4)} shards ${String(sent).padStart(9)} statements (${(sent / shards).toFixed(1)} a shard) ` +
    `${seconds.toFixed(1).padStart(6)} s, ${cpuSeconds.toFixed(1).padStart(6)} s CPU (${((cpuSeconds * 1_000) / shards).toFixed(0)} ms a shard) ${peakMiB.toFixed(0).padStart(5)} MiB`
  );
}

const scratch = mkdtempSync(join(tmpdir(), 'dynaferry-bench-'));
try {
  const faults = await main(scratch);
  for (const fault of faults) process.stderr.write(`${fault}\n`);
  process.exitCode = faults.length === 0 ? 0 : 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
