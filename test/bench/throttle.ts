/**
 * `npm run bench:throttle`: whether the budget is kept and used, by the real command line against the capacity model of
 * the tests, in real time. Rows come from a real MySQL and go through the fault proxy, which throttles as a table of so
 * much capacity does, to a process that accepts everything. Each scenario runs for a while with more rows than it can
 * move, and is stopped.
 *
 * The other half is the independent meter (`disturbances.ts`): no model and no proxy, but processes that are stopped,
 * starved and killed while it measures. The lane fails where any ten seconds saw more than 101% of the budget, or less
 * than 95% of it was used.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { setPriority, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { CapacityModel, type CapacityModelOptions } from '../support/capacity/capacity-model.js';
import { seededRandom, startFaultProxy } from '../support/fault-proxy.js';
import { throttledBy } from '../support/fault-proxy/throttling.js';
import { mysql56 } from '../support/servers/mysql56.js';
import type { MysqlServer } from '../support/servers/server.js';
import { type DisturbedFigures, runDisturbed } from './disturbances.js';
import { startSink, type Sink } from './start-sink.js';
import { COLD_ROWS, HOT_ACCOUNT, HOT_ROWS, seedAccounts } from './throttle-rows.js';
import { Meter } from './throttle-meter.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    of: { type: 'string', default: ROOT },
    metered: { type: 'boolean', default: false },
  },
});
/** Another checkout's, built, where `--of DIR` names one. */
const LAUNCHER = join(resolve(options.of), 'bin/dynaferry');
const SEED = Number(process.env['DYNAFERRY_TEST_SEED'] ?? 1);

interface Scenario {
  readonly name: string;
  readonly writeCapacity: number;
  readonly model: Omit<CapacityModelOptions, 'partitionKey' | 'sortKey'>;
  readonly shards?: number;
  /** Seconds until it has settled, and how long it is measured then. */
  readonly settle: number;
  readonly measure: number;
}

const plenty = { billing: { kind: 'provisioned', writeUnits: 100_000 }, savedSeconds: 300, partitions: 64 } as const;
const below = {
  billing: { kind: 'provisioned', writeUnits: 600 },
  burstSeconds: 5,
  savedSeconds: 5,
  partitions: 64,
} as const;

const SCENARIOS: readonly Scenario[] = [
  { name: 'plenty, one shard', writeCapacity: 1000, model: { ...plenty, partitionUnits: 1e6 }, settle: 3, measure: 30 },
  {
    name: 'plenty, three shards',
    writeCapacity: 1000,
    model: { ...plenty, partitionUnits: 1e6 },
    shards: 3,
    settle: 12,
    measure: 30,
  },
  { name: 'table of 600, one shard', writeCapacity: 1500, model: below, settle: 20, measure: 45 },
  { name: 'table of 600, three shards', writeCapacity: 1500, model: below, shards: 3, settle: 20, measure: 45 },
  { name: 'one hot key', writeCapacity: 800, model: { ...plenty, partitionUnits: 80 }, settle: 5, measure: 40 },
];

interface Figures {
  readonly scenario: Scenario;
  readonly meter: Meter;
}

async function run(scratch: string, mysql: MysqlServer, sink: Sink, scenario: Scenario): Promise<Figures> {
  const meter = new Meter();
  const model = new CapacityModel({ ...scenario.model, partitionKey: 'pk', sortKey: 'sk' });
  const plan = throttledBy(model, seededRandom(SEED), (metered) => meter.add(metered));
  await using proxy = await startFaultProxy(sink.endpoint, plan, seededRandom(SEED), { forgetful: true });
  const folder = mkdtempSync(join(scratch, 'run-'));
  const shards = Array.from({ length: scenario.shards ?? 1 }, (_, index) => ({
    id: `s${index + 1}`,
    host: mysql.host,
    port: mysql.port,
    user: mysql.user,
    password: '${MYSQL_PWD}',
    database: `accounts${index}`,
  }));
  const config = {
    state: join(folder, 'state'),
    source: { shards, table: { name: 'messages', shardedBy: 'account' } },
    target: { table: 'bench', region: 'eu-west-1', endpoint: proxy.endpoint, writeCapacity: scenario.writeCapacity },
    mapping: {
      messages: {
        items: [
          {
            name: 'message',
            partitionKey: { name: 'pk', template: '{account:pad(10)}' },
            sortKey: { name: 'sk', template: '{id:pad(10)}' },
          },
        ],
      },
    },
  };
  writeFileSync(join(folder, 'dynaferry.yaml'), stringify(config));
  const child = spawn(
    'node',
    [LAUNCHER, 'backfill', '--all', '-c', join(folder, 'dynaferry.yaml'), '--jobs', String(shards.length)],
    { env: environment(mysql), stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = once(child, 'exit');
  const deadline = performance.now() + 60_000;
  while (meter.first === null) {
    if (child.exitCode !== null || performance.now() > deadline) throw new Error(`nothing was written:\n${said}`);
    await sleep(50);
  }
  meter.measureFrom(meter.first + scenario.settle * 1000, scenario.measure * 1000);
  await sleep(meter.end - performance.now());
  if (child.exitCode !== null) throw new Error(`it ended before its time:\n${said}`);
  child.kill('SIGINT');
  await ended;
  return { scenario, meter };
}

function environment(mysql: MysqlServer): NodeJS.ProcessEnv {
  return {
    ...process.env,
    MYSQL_PWD: mysql.password,
    AWS_ACCESS_KEY_ID: 'bench',
    AWS_SECRET_ACCESS_KEY: 'bench',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  };
}

const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;

function report(all: readonly Figures[]): void {
  const lines = all.map(({ scenario, meter }) => [
    scenario.name,
    String(scenario.writeCapacity),
    meter.rate().toFixed(0),
    percent(meter.mostInTenSeconds() / scenario.writeCapacity),
    percent(meter.throttledShare()),
  ]);
  const table = [['', 'budget, WCU', 'consumed', 'most in 10 s, of the budget', 'requests throttled'], ...lines];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...table.map((row) => (row[column] ?? '').length)));
  for (const row of table) process.stdout.write(`${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}\n`);
  const worst = (part: string, figure: (figures: Figures) => number, pick: (...values: number[]) => number): number =>
    pick(...all.filter(({ scenario }) => scenario.name.startsWith(part)).map(figure));
  const limit = below.billing.writeUnits;
  const isHot = (partition: string): boolean => partition === HOT_ACCOUNT;
  const figures = {
    budget_used: worst('plenty', ({ scenario, meter }) => meter.rate() / scenario.writeCapacity, Math.min),
    overshoot: worst(
      '',
      ({ scenario, meter }) => Math.max(0, meter.mostInTenSeconds() / scenario.writeCapacity - 1),
      Math.max,
    ),
    throttled_share: worst('table', ({ meter }) => meter.throttledShare(), Math.max),
    table_used: worst('table', ({ meter }) => meter.rate() / limit, Math.min),
    cold_share: worst(
      'one hot key',
      ({ scenario, meter }) => meter.rate((name) => !isHot(name)) / (scenario.writeCapacity - meter.rate(isHot)),
      Math.min,
    ),
  };
  // Of scenarios that were left out there is none.
  for (const [name, figure] of Object.entries(figures))
    if (Number.isFinite(figure)) process.stdout.write(`${name}=${figure.toFixed(3)}\n`);
}

const MOST = 1.01;
const LEAST_USED = 0.95;

/** @returns whether what README.md promises was kept */
function reportDisturbed(all: readonly DisturbedFigures[]): boolean {
  const lines = all.map(({ name, most, used, stoodStillMs }) => [
    name.padEnd(44),
    percent(most).padStart(7),
    (used === null ? '' : percent(used)).padStart(7),
    `${stoodStillMs.toFixed(0)} ms`.padStart(8),
  ]);
  const head = ['at the meter'.padEnd(44), 'most in 10 s', 'used', 'it stood still'];
  for (const line of [head, ...lines]) process.stdout.write(`${line.join('  ')}\n`);
  const most = Math.max(0, ...all.map((figures) => figures.most));
  const used = Math.min(...all.flatMap((figures) => figures.used ?? []), 1);
  if (all.length > 0) process.stdout.write(`metered_most=${most.toFixed(3)}\nmetered_used=${used.toFixed(3)}\n`);
  return most <= MOST && used >= LEAST_USED;
}

/**
 * What the table saw is told by this process: when it has to wait for a processor, requests seem to come all at once.
 */
function comeFirst(): void {
  try {
    setPriority(-5);
  } catch {
    process.stderr.write('not root: a busy machine will make the figures worse than they are\n');
  }
}

const scratch = mkdtempSync(join(tmpdir(), 'dynaferry-bench-'));
const mysql = await mysql56.start();
try {
  process.stderr.write(`seeding 3 databases of ${COLD_ROWS + HOT_ROWS} rows\n`);
  for (const shard of [0, 1, 2]) await seedAccounts(mysql, shard);
  const sink = await startSink({});
  const all: Figures[] = [];
  try {
    comeFirst();
    for (const scenario of SCENARIOS.filter(({ name }) => !options.metered && name.includes(options.only))) {
      process.stderr.write(`${scenario.name}: ${scenario.settle + scenario.measure} s\n`);
      const delays = monitorEventLoopDelay();
      delays.enable();
      all.push(await run(scratch, mysql, sink, scenario));
      process.stderr.write(`  this process stood still for up to ${(delays.max / 1e6).toFixed(0)} ms\n`);
    }
  } finally {
    await sink.close();
  }
  if (all.length > 0) report(all);
  if (!reportDisturbed(await runDisturbed(scratch, mysql, options.only, LAUNCHER))) process.exitCode = 1;
} finally {
  await mysql.close();
  rmSync(scratch, { recursive: true, force: true });
}
