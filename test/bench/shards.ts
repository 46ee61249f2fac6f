/**
 * `npm run bench:shards`: what every command costs with 10, 100 and 300 shards, in statements, time and memory. All shards are databases of
 * one MySQL server, each behind a port of its own, so that they pass for servers of their own; with `--link 30`, that far away in ms.
 * What grows faster than the number of shards shows in the figures a shard: they are to stay what they are.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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

const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  check: ['check'],
  plan: ['plan', '--sample', '10'],
  diff: ['diff', '--sample', '1'],
  'dry run': ['backfill', '--all', '--dry-run'],
  backfill: ['backfill', '--all'],
  'check again': ['check'],
  verify: ['verify', '--all'],
  'retry of bad rows': ['backfill', '--all', '--retry-bad'],
  status: ['status'],
  'bad-rows': ['bad-rows'],
};

const { values: options } = parseArgs({
  options: {
    shards: { type: 'string', default: '10,100,300' },
    link: { type: 'string', default: '0' },
    only: { type: 'string', default: Object.keys(COMMANDS).join(',') },
    out: { type: 'string', default: 'bench-shards.json' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (options.help) {
  process.stdout.write(`npm run bench:shards -- [--shards N,N] [--link MS] [--only COMMAND,...] [--out FILE]

  --shards N,N  numbers of shards, each on its own (10,100,300)
  --link MS     how far away every MySQL server is, there and back (0)
  --only C,C    of ${Object.keys(COMMANDS).join(', ')} (all)
  --out FILE    the figures as JSON (bench-shards.json)
`);
  process.exit(0);
}

const ROWS = 32;
const MAPPING = {
  events: {
    items: [
      {
        name: 'event',
        partitionKey: { name: 'pk', template: 'ACCT#{account}' },
        sortKey: { name: 'sk', template: '{id:pad(10)}' },
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
      'CREATE TABLE IF NOT EXISTS events (id INT AUTO_INCREMENT PRIMARY KEY, account VARCHAR(34) NOT NULL, KEY (account, id)) CHARACTER SET utf8mb4',
    );
    await connection.query('DELETE FROM events');
    const rows = Array.from({ length: ROWS }, (_, i) => `('AC${String(shard * ROWS + i).padStart(32, '0')}')`);
    await connection.query(`INSERT INTO events (account) VALUES ${rows.join()}`);
  }
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

async function main(scratch: string): Promise<void> {
  const counts = options.shards.split(',').map(Number);
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
        for (const [name, words] of Object.entries(COMMANDS)) {
          if (!options.only.split(',').includes(name)) continue;
          const before = await statements(connection);
          const run = await measure(['node', LAUNCHER, ...words, '-c', config], environment(server, sink));
          figures.push({
            command: name,
            shards: count,
            statements: (await statements(connection)) - before,
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
mkdirSync(scratch, { recursive: true });
try {
  await main(scratch);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
