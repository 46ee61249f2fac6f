/**
 * `npm run bench`: how fast the whole path is beside a well-written script and beside what its parts allow, in items per second of
 * processor time. Everything runs in one go on one machine, interleaved, several times; medians are told, and ratios are what counts:
 * absolute figures belong to the machine.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createConnection } from 'mysql2/promise';
import { generate } from 'selfsigned';
import { stringify } from 'yaml';
import { seedShard } from '../../fixtures/postflight/generate.js';
import { mysql56 } from '../support/servers/mysql56.js';
import type { MysqlServer, Running } from '../support/servers/server.js';
import { measure, type Measured } from './measure.js';
import { startSink, type Sink } from './start-sink.js';

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '300000' },
    'many-rows': { type: 'string', default: '1200000' },
    runs: { type: 'string', default: '3' },
    out: { type: 'string', default: 'bench.json' },
    quick: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (options.help) {
  process.stdout.write(`npm run bench -- [--rows N] [--many-rows N] [--runs N] [--quick] [--out FILE]

  --rows N       rows of the comparison (300000)
  --many-rows N  rows of the memory test (1200000)
  --runs N       runs of each, interleaved; medians are told (3)
  --quick        the comparison over HTTP alone
  --out FILE     the figures as JSON (bench.json)
`);
  process.exit(0);
}

const ROWS = Number(options.rows);
const RUNS = Number(options.runs);
const NOW = new Date('2026-01-01T00:00:00Z');
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TSX = ['node', '--import', 'tsx'];
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

const LAST_LINES = ['ratio_vs_script', 'share_of_limit', 'tls_ratio_vs_script', 'rss_growth'];

interface Figure {
  readonly name: string;
  readonly items: number;
  readonly itemsPerCpuSecond: number;
  readonly itemsPerSecond: number;
  readonly peakRssMiB: number;
}

const figures: Figure[] = [];

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

interface Contender {
  readonly name: string;
  readonly items: number;
  readonly run: () => Promise<Measured>;
}

/** Every contender once a round, round after round: what the machine does meanwhile hits all of them alike. */
async function compete(contenders: readonly Contender[], runs: number): Promise<ReadonlyMap<string, Figure>> {
  const measured = new Map<string, Measured[]>();
  for (let round = 0; round < runs; round += 1) {
    for (const { name, run } of contenders) {
      const result = await run();
      measured.set(name, [...(measured.get(name) ?? []), result]);
      process.stderr.write(
        `  round ${round + 1} ${name}: ${result.cpuSeconds.toFixed(2)} s CPU, ${result.wallSeconds.toFixed(2)} s\n`,
      );
    }
  }
  const found = new Map<string, Figure>();
  for (const { name, items } of contenders) {
    const results = measured.get(name) ?? [];
    const figure = {
      name,
      items,
      itemsPerCpuSecond: items / median(results.map((result) => result.cpuSeconds)),
      itemsPerSecond: items / median(results.map((result) => result.wallSeconds)),
      peakRssMiB: median(results.map((result) => result.peakRssMiB)),
    };
    found.set(name, figure);
    figures.push(figure);
  }
  return found;
}

/** One item a row with all columns: 17 attributes and the keys. */
const MAPPING = {
  messages: {
    items: [
      {
        name: 'message',
        partitionKey: { name: 'pk', template: 'ACCT#{account_sid}' },
        sortKey: { name: 'sk', template: '{created_at:iso}#{sid}' },
        attributes: { add: { entity: { constant: 'message' } } },
        ttl: { attribute: 'expires_at', column: 'created_at', retention: '400d' },
      },
    ],
  },
};

interface Ferry {
  readonly command: readonly string[];
  readonly sink: Sink;
  readonly databases: readonly string[];
  readonly jobs?: number;
  /** Kept between a backfill and its verifications. */
  readonly state?: string;
}

async function ferry(scratch: string, mysql: MysqlServer, run: Ferry): Promise<Measured> {
  const folder = mkdtempSync(join(scratch, 'ferry-'));
  const config = {
    state: run.state ?? join(folder, 'state'),
    source: {
      shards: run.databases.map((database) => ({
        id: database,
        host: mysql.host,
        port: mysql.port,
        user: mysql.user,
        password: '${MYSQL_PWD}',
        database,
      })),
      table: { name: 'messages', shardedBy: 'account_sid', globallyUnique: ['sid'] },
    },
    target: {
      table: 'bench',
      region: 'eu-west-1',
      endpoint: run.sink.endpoint,
      writeCapacity: 10_000_000,
      readCapacity: 10_000_000,
    },
    mapping: MAPPING,
  };
  writeFileSync(join(folder, 'dynaferry.yaml'), stringify(config));
  const jobs = run.jobs === undefined ? [] : ['--jobs', String(run.jobs)];
  const command = [
    'node',
    join(ROOT, 'bin/dynaferry'),
    ...run.command,
    '-c',
    join(folder, 'dynaferry.yaml'),
    '--all',
    ...jobs,
  ];
  return await measure(command, environment(mysql, run.sink));
}

function environment(mysql: MysqlServer, sink: Sink): NodeJS.ProcessEnv {
  return {
    ...process.env,
    MYSQL_PWD: mysql.password,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'bench',
    AWS_SECRET_ACCESS_KEY: 'bench',
    AWS_ENDPOINT_URL_DYNAMODB: sink.endpoint,
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    ...(sink.certificate === null ? {} : { NODE_EXTRA_CA_CERTS: sink.certificate }),
  };
}

async function seed(mysql: MysqlServer, database: string, shard: number, shards: number, rows: number): Promise<void> {
  const connection = await createConnection({
    host: mysql.host,
    port: mysql.port,
    user: mysql.user,
    password: mysql.password,
  });
  try {
    await connection.query(`CREATE DATABASE ${database} CHARACTER SET utf8mb4`);
    await connection.query(`USE ${database}`);
    await seedShard(connection, { seed: 1, shard, shards, count: rows, now: NOW });
    await connection.query('ANALYZE TABLE messages');
  } finally {
    await connection.end();
  }
}

async function sampleItem(mysql: MysqlServer, database: string): Promise<string> {
  const connection = await createConnection({
    host: mysql.host,
    port: mysql.port,
    user: mysql.user,
    password: mysql.password,
    database,
    dateStrings: true,
  });
  try {
    const [[row]] = (await connection.query('SELECT * FROM messages LIMIT 1 OFFSET 100')) as unknown as [
      [Record<string, string | null>],
    ];
    return JSON.stringify(
      Object.fromEntries(
        Object.entries(row).flatMap(([name, value]) => (value === null ? [] : [[name, { S: value }]])),
      ),
    );
  } finally {
    await connection.end();
  }
}

async function main(scratch: string, mysql: Running<MysqlServer>): Promise<void> {
  process.stderr.write(`seeding ${ROWS} rows\n`);
  await seed(mysql, 'bench', 0, 1, ROWS);
  const sink = await startSink({});
  const keeping = await startSink({ keep: true });
  const slow = await startSink({ latencyMs: 10 });
  const pem = await certificate(scratch);
  const secure = await startSink({ tls: pem });
  const sinks = [sink, keeping, slow, secure];
  try {
    const item = await sampleItem(mysql, 'bench');
    const mysqlArgs = ['--host', mysql.host, '--port', String(mysql.port), '--user', mysql.user, '--database', 'bench'];
    const script = (to: Sink): Promise<Measured> =>
      measure([...TSX, here('script.ts'), ...mysqlArgs], environment(mysql, to));
    const backfill = (to: Sink): Promise<Measured> =>
      ferry(scratch, mysql, { command: ['backfill'], sink: to, databases: ['bench'] });
    const read = (): Promise<Measured> =>
      measure([...TSX, here('read-floor.ts'), ...mysqlArgs], environment(mysql, sink));
    const post = (): Promise<Measured> =>
      measure(
        [...TSX, here('post-floor.ts'), '--endpoint', sink.endpoint, '--body', item, '--items', String(ROWS)],
        environment(mysql, sink),
      );

    const plain = await compete(
      [
        { name: 'script', items: ROWS, run: () => script(sink) },
        { name: 'backfill', items: ROWS, run: () => backfill(sink) },
        { name: 'reading alone', items: ROWS, run: read },
        { name: 'posting alone', items: ROWS, run: post },
      ],
      RUNS,
    );
    const of = (found: ReadonlyMap<string, Figure>, name: string): number => found.get(name)?.itemsPerCpuSecond ?? NaN;
    const limit = 1 / (1 / of(plain, 'reading alone') + 1 / of(plain, 'posting alone'));
    const summary: Record<string, number> = {
      ratio_vs_script: of(plain, 'backfill') / of(plain, 'script'),
      share_of_limit: of(plain, 'backfill') / limit,
    };
    if (!options.quick) {
      const tls = await compete(
        [
          { name: 'script, TLS', items: ROWS, run: () => script(secure) },
          { name: 'backfill, TLS', items: ROWS, run: () => backfill(secure) },
        ],
        RUNS,
      );
      summary['tls_ratio_vs_script'] = of(tls, 'backfill, TLS') / of(tls, 'script, TLS');
      await extended(scratch, mysql, { sink, keeping, slow }, summary);
    }
    report(summary);
  } finally {
    for (const each of sinks) await each.close();
  }
}

async function extended(
  scratch: string,
  mysql: MysqlServer,
  sinks: { sink: Sink; keeping: Sink; slow: Sink },
  summary: Record<string, number>,
): Promise<void> {
  const state = join(scratch, 'verified-state');
  await ferry(scratch, mysql, { command: ['backfill'], sink: sinks.keeping, databases: ['bench'], state });
  await compete(
    [
      {
        name: 'verify',
        items: ROWS,
        run: () => ferry(scratch, mysql, { command: ['verify'], sink: sinks.keeping, databases: ['bench'], state }),
      },
    ],
    RUNS,
  );
  const latency = await compete(
    [
      {
        name: 'backfill, 10 ms',
        items: ROWS,
        run: () => ferry(scratch, mysql, { command: ['backfill'], sink: sinks.slow, databases: ['bench'] }),
      },
    ],
    RUNS,
  );
  summary['items_per_second_at_10ms'] = latency.get('backfill, 10 ms')?.itemsPerSecond ?? NaN;

  const half = Math.floor(ROWS / 2);
  await seed(mysql, 'half1', 0, 2, half);
  await seed(mysql, 'half2', 1, 2, half);
  const halves = (jobs: number): Promise<Measured> =>
    ferry(scratch, mysql, { command: ['backfill'], sink: sinks.sink, databases: ['half1', 'half2'], jobs });
  await compete(
    [1, 2].map((jobs) => ({ name: `two shards, --jobs ${jobs}`, items: half * 2, run: () => halves(jobs) })),
    RUNS,
  );
  await compete(
    [
      {
        name: 'start-up (--help)',
        items: 1,
        run: () => measure(['node', join(ROOT, 'bin/dynaferry'), '--help'], process.env),
      },
    ],
    RUNS,
  );

  const many = Number(options['many-rows']);
  process.stderr.write(`seeding ${many} rows\n`);
  await seed(mysql, 'many', 0, 1, many);
  const large = await compete(
    [
      {
        name: `backfill of ${many} rows`,
        items: many,
        run: () => ferry(scratch, mysql, { command: ['backfill'], sink: sinks.sink, databases: ['many'] }),
      },
    ],
    1,
  );
  const small = figures.find((figure) => figure.name === 'backfill')?.peakRssMiB ?? NaN;
  summary['rss_growth'] = (large.get(`backfill of ${many} rows`)?.peakRssMiB ?? NaN) / small;
}

async function certificate(scratch: string): Promise<{ key: string; cert: string }> {
  const pem = await generate([{ name: 'commonName', value: 'localhost' }], {
    keySize: 2048,
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
  });
  const files = { key: join(scratch, 'key.pem'), cert: join(scratch, 'cert.pem') };
  writeFileSync(files.key, pem.private, { mode: 0o600 });
  writeFileSync(files.cert, pem.cert);
  return files;
}

function report(summary: Readonly<Record<string, number>>): void {
  const rows = figures.map((figure) => [
    figure.name,
    figure.items === 1 ? '' : Math.round(figure.itemsPerCpuSecond).toLocaleString('en-US'),
    figure.items === 1
      ? `${(1_000 / figure.itemsPerSecond).toFixed(0)} ms`
      : Math.round(figure.itemsPerSecond).toLocaleString('en-US'),
    figure.peakRssMiB.toFixed(0),
  ]);
  const table = [['', 'items per CPU-second', 'items/s', 'peak RSS, MiB'], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => (row[column] ?? '').length)));
  for (const row of table)
    process.stdout.write(
      `${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ')}\n`,
    );
  writeFileSync(resolve(options.out), `${JSON.stringify({ rows: ROWS, runs: RUNS, figures, summary }, null, 2)}\n`);
  // What is judged comes last.
  const judged = Object.keys(summary).sort((a, b) => LAST_LINES.indexOf(a) - LAST_LINES.indexOf(b));
  for (const name of judged) process.stdout.write(`${name}=${(summary[name] ?? NaN).toFixed(2)}\n`);
}

const scratch = mkdtempSync(join(tmpdir(), 'dynaferry-bench-'));
mkdirSync(scratch, { recursive: true });
const server = await mysql56.start();
try {
  await main(scratch, server);
} finally {
  await server.close();
  rmSync(scratch, { recursive: true, force: true });
}
