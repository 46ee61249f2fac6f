/**
 * The budget while processes are stopped, starved and killed: the real command line moves rows of a real MySQL to the
 * independent meter (`budget-meter.ts`), and somebody is at its processes meanwhile. What counts is the fullest ten
 * seconds that the meter saw.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { MysqlServer } from '../support/servers/server.js';
import type { Metered } from './budget-meter.js';

const BUDGET = 1_000;
const SECONDS = 32;

/** One or more runs of the command line, and what can be done to them. */
interface Runs {
  /** Starts one. @returns its process */
  readonly start: (shards: readonly string[]) => ChildProcess;
  /** The processes of its shards. */
  readonly workers: (run: ChildProcess) => readonly number[];
}

interface Disturbance {
  readonly name: string;
  /** Whether it is measured how much of the budget is used: rows wait, and nobody stands still. */
  readonly used: boolean;
  /** Processes that want a processor each. */
  readonly hogs?: number;
  disturb(runs: Runs): Promise<void>;
}

const ALL = ['s1', 's2', 's3'];
const signalled = (pids: readonly number[], signal: NodeJS.Signals): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended.
    }
  }
};
const groupOf = (run: ChildProcess): readonly number[] => [-(run.pid ?? 0)];

async function stopAndGo(pids: () => readonly number[], times: readonly (readonly [goMs: number, stopMs: number])[]) {
  for (const [goMs, stopMs] of times) {
    await sleep(goMs);
    const chosen = pids();
    signalled(chosen, 'SIGSTOP');
    await sleep(stopMs);
    signalled(chosen, 'SIGCONT');
  }
}

const DISTURBANCES: readonly Disturbance[] = [
  {
    name: 'one shard, undisturbed',
    used: true,
    disturb: async ({ start }) => {
      start(['s1']);
      await sleep(SECONDS * 1_000);
    },
  },
  {
    name: 'three shards, undisturbed',
    used: true,
    disturb: async ({ start }) => {
      start(ALL);
      await sleep(SECONDS * 1_000);
    },
  },
  {
    name: 'three shards, starved',
    used: true,
    hogs: 4,
    disturb: async ({ start }) => {
      start(ALL);
      await sleep(SECONDS * 1_000);
    },
  },
  {
    name: 'the group is stopped',
    used: false,
    disturb: async ({ start }) => {
      const run = start(ALL);
      await stopAndGo(
        () => groupOf(run),
        [
          [6_000, 3_000],
          [1_500, 700],
          [2_000, 6_000],
          [400, 300],
          [300, 200],
        ],
      );
      await sleep(11_000);
    },
  },
  {
    name: 'the supervisor is stopped',
    used: false,
    disturb: async ({ start, workers }) => {
      const run = start(ALL);
      const supervisor = [run.pid ?? 0];
      await stopAndGo(() => supervisor, [[5_000, 4_000]]);
      signalled(supervisor, 'SIGSTOP');
      signalled(workers(run).slice(0, 1), 'SIGKILL');
      await sleep(4_000);
      signalled(supervisor, 'SIGCONT');
      await sleep(12_000);
    },
  },
  {
    name: 'shards are stopped and killed',
    used: false,
    hogs: 2,
    disturb: async ({ start, workers }) => {
      const run = start(ALL);
      await stopAndGo(
        () => workers(run).slice(0, 1),
        [
          [6_000, 4_000],
          [1_000, 500],
        ],
      );
      signalled(workers(run).slice(0, 1), 'SIGKILL');
      await sleep(5_000);
      signalled(workers(run).slice(0, 1), 'SIGKILL');
      await sleep(11_000);
    },
  },
  {
    name: 'runs are killed and started again',
    used: false,
    disturb: async ({ start }) => {
      for (const ms of [7_000, 4_000, 3_000, 12_000]) {
        const run = start(ALL);
        await sleep(ms);
        signalled(groupOf(run), 'SIGKILL');
        await once(run, 'exit');
      }
    },
  },
  {
    name: 'a killed supervisor leaves stopped shards',
    used: false,
    disturb: async ({ start, workers }) => {
      const run = start(['s1', 's2']);
      await sleep(6_000);
      const left = workers(run);
      signalled(left, 'SIGSTOP');
      signalled([run.pid ?? 0], 'SIGKILL');
      start(['s3']);
      await sleep(6_000);
      signalled(left, 'SIGCONT');
      await sleep(9_000);
    },
  },
  {
    name: 'two runs at once',
    // Half of the budget rests for some seconds when the second one comes.
    used: false,
    disturb: async ({ start }) => {
      start(['s1']);
      await sleep(8_000);
      start(['s2', 's3']);
      await sleep(24_000);
    },
  },
];

export interface DisturbedFigures {
  readonly name: string;
  /** Of the budget: in the fullest ten seconds; and on average, null where processes stood still. */
  readonly most: number;
  readonly used: number | null;
  readonly stoodStillMs: number;
}

/**
 * @param only part of the names of those that are run
 * @param launcher the program that is measured
 * @throws Error where nothing was written
 */
export async function runDisturbed(
  scratch: string,
  mysql: MysqlServer,
  only: string,
  launcher: string,
): Promise<readonly DisturbedFigures[]> {
  const all: DisturbedFigures[] = [];
  for (const disturbance of DISTURBANCES.filter(({ name }) => name.includes(only))) {
    process.stderr.write(`${disturbance.name}\n`);
    all.push(await measured(scratch, mysql, disturbance, launcher));
  }
  return all;
}

async function measured(
  scratch: string,
  mysql: MysqlServer,
  disturbance: Disturbance,
  launcher: string,
): Promise<DisturbedFigures> {
  const meter = spawn('node', ['--import', 'tsx', fileURLToPath(new URL('budget-meter.ts', import.meta.url))], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = (await once(meter.stdout, 'data')) as [Buffer];
  const endpoint = line.toString('utf8').trim();
  const hogs = Array.from({ length: disturbance.hogs ?? 0 }, () =>
    spawn('node', ['-e', 'for (;;);'], { stdio: 'ignore' }),
  );
  const runs = commandLines(scratch, mysql, endpoint, launcher);
  try {
    await disturbance.disturb(runs);
    const seen = (await (await fetch(endpoint)).json()) as Metered;
    const steady = seen.bySecond.slice(1, -1);
    return {
      name: disturbance.name,
      most: seen.mostInTenSeconds / (10 * BUDGET),
      used: disturbance.used ? steady.reduce((sum, units) => sum + units, 0) / (steady.length * BUDGET) : null,
      stoodStillMs: seen.stoodStillMs,
    };
  } finally {
    await runs.end();
    for (const hog of hogs) hog.kill('SIGKILL');
    meter.kill('SIGTERM');
  }
}

function commandLines(
  scratch: string,
  mysql: MysqlServer,
  endpoint: string,
  launcher: string,
): Runs & { end(): Promise<void> } {
  const folder = mkdtempSync(join(scratch, 'run-'));
  const file = join(folder, 'dynaferry.yaml');
  const { host, port, user } = mysql;
  const shard = (id: string, index: number) => ({
    id,
    host,
    port,
    user,
    password: '${MYSQL_PWD}',
    database: `accounts${index}`,
  });
  const partitionKey = { name: 'pk', template: '{account:pad(10)}' };
  const item = { name: 'message', partitionKey, sortKey: { name: 'sk', template: '{id:pad(10)}' } };
  writeFileSync(
    file,
    stringify({
      state: join(folder, 'state'),
      source: { shards: ALL.map(shard), table: { name: 'messages', shardedBy: 'account' } },
      target: { table: 'bench', region: 'eu-west-1', endpoint, writeCapacity: BUDGET },
      mapping: { messages: { items: [item] } },
    }),
  );
  const started: ChildProcess[] = [];
  return {
    start(shards) {
      const args = ['backfill', '--shard', ...shards, '-c', file, '--jobs', String(shards.length)];
      // A group of its own, which is stopped as a shell stops a job.
      const run = spawn('node', [launcher, ...args], {
        detached: true,
        stdio: 'ignore',
        env: { ...process.env, MYSQL_PWD: mysql.password, AWS_ACCESS_KEY_ID: 'bench', AWS_SECRET_ACCESS_KEY: 'bench' },
      });
      started.push(run);
      return run;
    },
    workers: ({ pid = 0 }) => {
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
      return children === '' ? [] : children.split(' ').map(Number);
    },
    async end() {
      for (const run of started) {
        signalled(groupOf(run), 'SIGCONT');
        signalled(groupOf(run), 'SIGKILL');
        if (run.exitCode === null && run.signalCode === null) await once(run, 'exit');
      }
    },
  };
}
