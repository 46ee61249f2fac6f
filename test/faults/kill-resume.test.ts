/**
 * SIGKILL at any moment loses nothing: a backfill killed ten times and resumed ends in exactly the items of an undisturbed
 * one. `DYNAFERRY_TEST_ROWS` sets the rows of each of the two shards (the size: 100000), `DYNAFERRY_TEST_SEED` the moments.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createTable, type Item } from '../support/dynamodb.js';
import { seededRandom } from '../support/fault-proxy.js';
import type { RunningCli } from '../support/cli.js';
import { letLateWriteWindowPass } from '../support/late-writes.js';
import { createMigration, KEYS, serverPairs, type Migration } from '../support/migration.js';

const ROWS = Number(process.env['DYNAFERRY_TEST_ROWS'] ?? 2_000);
const SEED = Number(process.env['DYNAFERRY_TEST_SEED'] ?? Math.floor(Math.random() * 1e6));
const SHARDS = ['s01', 's02'];
const KILLS = 10;
/** Generous: the machine may have much else to do. */
const TIMEOUT_MS = 300_000 + ROWS * SHARDS.length * 10;
/** For a worker that has lost its supervisor to let its requests in flight finish, and to end. */
const ORPHAN_GRACE_MS = 30_000;

type Victim = 'process group' | 'supervisor' | 'worker';

/** Whom the n-th kill hits. A dead worker's sibling runs on to its end, so workers come last. */
function victimOf(kill: number): Victim {
  if (kill >= KILLS - 2) return 'worker';
  return kill % 2 === 0 ? 'process group' : 'supervisor';
}

interface TableStatus {
  readonly backfill: {
    readonly counts: { readonly rows: number; readonly items: number; readonly chunks: number };
    readonly ranges: number;
    readonly rangesComplete: number;
  } | null;
}

/** As `status --json` tells it; of a shard that was killed before it began there is no more than its name. */
interface ShardStatus {
  readonly shard: string;
  readonly running?: boolean;
  readonly tables?: readonly TableStatus[];
}

async function statusOf(migration: Migration): Promise<readonly ShardStatus[]> {
  const { stdout } = await migration.run(['status', '--json']);
  return (JSON.parse(stdout) as { shards: readonly ShardStatus[] }).shards;
}

/** Rows in committed chunks. */
async function committedRows(migration: Migration): Promise<number> {
  const tables = (await statusOf(migration)).flatMap((shard) => shard.tables ?? []);
  return tables.reduce((sum, table) => sum + (table.backfill?.counts.rows ?? 0), 0);
}

/** Process ids of the workers, from the events on stderr. */
function workersOf(cli: RunningCli): readonly number[] {
  return [...cli.stderr.matchAll(/"event":"shard\.started".*"pid":(\d+)/g)].map(([, pid]) => Number(pid));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** One backfill, killed after `delayMs` from its first progress on. It must not have come to its end by then. */
async function runAndKill(migration: Migration, victim: Victim, delayMs: number, chooseWorker: number): Promise<void> {
  await using cli = await migration.spawn(['backfill', '--all', '--json'], { graceMs: ORPHAN_GRACE_MS });
  await cli.waitFor(/"event":"shard\.progress"/);
  await sleep(delayMs);
  const workers = workersOf(cli).filter(isAlive);
  expect(workers, `the kill came too late:\n${cli.stdout}\n${cli.stderr}`).not.toEqual([]);
  if (victim === 'worker') process.kill(workers[chooseWorker % workers.length] ?? 0, 'SIGKILL');
  else if (victim === 'supervisor') cli.kill('SIGKILL');
  else cli.killGroup('SIGKILL');

  // Rejects where a worker is still there ORPHAN_GRACE_MS after its supervisor.
  const { code, signal, stdout } = await cli.result;
  if (victim === 'worker') {
    expect({ code, signal }).toEqual({ code: 6, signal: null });
    expect(stdout).toContain('E_WORKER_DIED');
  } else {
    expect({ code, signal }).toEqual({ code: null, signal: 'SIGKILL' });
  }
}

/** Small to hold and to compare; a difference is looked up by its key. */
function digests(items: readonly Item[]): Map<string, string> {
  return new Map(
    items.map((item) => {
      const attributes = Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1));
      const digest = createHash('sha256').update(JSON.stringify(attributes)).digest('hex').slice(0, 32);
      return [`${item['pk']?.S ?? ''} ${item['sk']?.S ?? ''}`, digest];
    }),
  );
}

/** The first few keys that only one side has or that stand for different items. */
function differences(found: ReadonlyMap<string, string>, expected: ReadonlyMap<string, string>): readonly string[] {
  const keys = new Set([...found.keys(), ...expected.keys()]);
  return [...keys].filter((key) => found.get(key) !== expected.get(key)).slice(0, 10);
}

describe.each(serverPairs)('a backfill of two shards from $name', (servers) => {
  it(
    `killed ${KILLS} times ends in the same items (${ROWS} rows a shard, seed ${SEED})`,
    { timeout: TIMEOUT_MS },
    async () => {
      const random = seededRandom(SEED);
      await using migration = await createMigration({ servers, shards: SHARDS.length, rows: ROWS });
      await using undisturbed = await createTable(servers.dynamodb, KEYS);
      const [target, state] = [migration.table.name, migration.stateFolder];

      migration.configure((config) => {
        config.target['table'] = undisturbed.name;
        config.state = `${state}-undisturbed`;
      });
      const begun = performance.now();
      expect(await migration.run(['backfill', '--all'], { timeoutMs: TIMEOUT_MS })).toMatchObject({ code: 0 });
      const undisturbedMs = performance.now() - begun;
      const expected = digests(await undisturbed.items());
      expect(expected.size).toBe(2 * SHARDS.length * ROWS);

      migration.configure((config) => {
        config.target['table'] = target;
        config.state = state;
        // At least 12 seconds' work, so that ten kills come before its end.
        config.target['writeCapacity'] = Math.ceil(ROWS / 3);
      });
      let committed = 0;
      for (let kill = 0; kill < KILLS; kill++) {
        const delayMs = (random() * undisturbedMs) / (3 * KILLS);
        await runAndKill(migration, victimOf(kill), delayMs, Math.floor(random() * SHARDS.length));
        const now = await committedRows(migration);
        expect(now).toBeGreaterThanOrEqual(committed);
        committed = now;
      }
      expect(committed).toBeGreaterThan(0);
      migration.configure((config) => (config.target['writeCapacity'] = 100_000));

      const last = await migration.run(['backfill', '--all'], { timeoutMs: TIMEOUT_MS });
      expect(last).toMatchObject({ code: 0 });
      expect(differences(digests(await migration.table.items()), expected)).toEqual([]);
      for (const { running, tables } of await statusOf(migration)) {
        expect(running).toBe(false);
        const [table] = tables ?? [];
        expect(table?.backfill?.counts).toMatchObject({ rows: ROWS, items: 2 * ROWS });
        expect(table?.backfill?.counts.chunks).toBeGreaterThanOrEqual(ROWS / 100);
        expect(table?.backfill?.rangesComplete).toBe(table?.backfill?.ranges);
      }
      letLateWriteWindowPass(state, SHARDS);
      const verify = await migration.run(['verify', '--all'], { timeoutMs: TIMEOUT_MS });
      expect(verify, `${verify.stdout}\n${verify.stderr}`).toMatchObject({ code: 0 });
    },
  );
});
