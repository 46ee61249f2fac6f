/**
 * `npm run bench`: how fast the whole path is beside a well-written script and beside what its parts allow, in items
 * per second of processor time. Everything runs in one go on one machine, interleaved, several times; medians are told,
 * and ratios are what counts: absolute figures belong to the machine.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { generate } from 'selfsigned';
import { mysql56 } from '../support/servers/mysql56.js';
import type { MysqlServer, Running } from '../support/servers/server.js';
import { compete as competeOnce, type Contender, type Figure } from './compete.js';
import { environment, ferry, LAUNCHER } from './ferry.js';
import { measure, type Measured } from './measure.js';
import { sampleItem, seed } from './source-tables.js';
import { startSink, type Sink } from './start-sink.js';

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '300000' },
    'many-rows': { type: 'string', default: '1200000' },
    runs: { type: 'string', default: '3' },
    out: { type: 'string', default: 'bench.json' },
    quick: { type: 'boolean', default: false },
    against: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (options.help) {
  process.stdout.write(`npm run bench -- [--rows N] [--many-rows N] [--runs N] [--quick] [--against DIR] [--out FILE]

  --rows N       rows of the comparison (300000)
  --many-rows N  rows of the memory test (1200000)
  --runs N       runs of each, interleaved; medians are told (3)
  --quick        the comparison over HTTP alone
  --against DIR  another checkout, built: its backfill runs in the same rounds, and ratio_vs_other compares the two
  --out FILE     the figures as JSON (bench.json)
`);
  process.exit(0);
}

const ROWS = Number(options.rows);
const RUNS = Number(options.runs);
const TSX = ['node', '--import', 'tsx'];
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

const LAST_LINES = ['ratio_vs_script', 'share_of_limit', 'tls_ratio_vs_script', 'rss_growth'];

const figures: Figure[] = [];

async function compete(contenders: readonly Contender[], runs: number): Promise<ReadonlyMap<string, Figure>> {
  const found = await competeOnce(contenders, runs);
  figures.push(...found.values());
  return found;
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
    const other = options.against === undefined ? undefined : join(resolve(options.against), 'bin', 'dynaferry');
    const otherBackfill = (to: Sink, launcher: string): Promise<Measured> =>
      ferry(scratch, mysql, { command: ['backfill'], sink: to, databases: ['bench'], launcher });
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
        ...(other === undefined
          ? []
          : [{ name: 'backfill, other', items: ROWS, run: () => otherBackfill(sink, other) }]),
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
    if (other !== undefined) summary['ratio_vs_other'] = of(plain, 'backfill') / of(plain, 'backfill, other');
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
        run: () => measure(['node', LAUNCHER, '--help'], process.env),
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
