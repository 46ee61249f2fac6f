/**
 * Plays the crash: kill -9 for dynaferry and for the process of one shard, in the middle of a backfill. The process of
 * the other shard is left without a parent, and has to notice.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { readShardStatus, type ShardStatus } from '../../../src/state/status/read-status.js';
import type { RunningTool } from './tool.js';

const POLL_MS = 25;
/** For a process without a parent to finish its writes in flight, save its checkpoint and go. */
const GONE_WITHIN_MS = 15_000;

export interface Crash {
  readonly supervisor: number;
  /** The shard's process that was killed with it. */
  readonly killed: number;
  /** Those of the other shards that ran. */
  readonly orphans: readonly number[];
  /** How long those took to end, in ms. */
  readonly orphansEndedAfterMs: number;
  /** Rows that the state files call done, with all processes gone. */
  readonly rowsDone: number;
  /** See `passesOf`. */
  readonly passes: string;
}

/**
 * Waits until the state files call `rows` rows done, then kills.
 * @throws Error where the backfill ends before that, or a process lingers
 */
export async function crashMidway(
  { child, ended }: RunningTool,
  at: {
    readonly folder: string;
    readonly shards: readonly string[];
    readonly rows: number;
    readonly total: number;
    readonly stop: AbortSignal;
  },
): Promise<Crash> {
  const supervisor = child.pid;
  if (supervisor === undefined) throw new Error('dynaferry could not be started');
  const look = (): readonly ShardStatus[] =>
    at.shards.map((shard) => readShardStatus({ folder: at.folder, shard })).filter((status) => status !== null);
  const over = new AbortController();
  void ended.then(() => {
    over.abort();
  });
  let found = look();
  while (rowsOf(found) < at.rows || workersOf(found).length === 0) {
    if (over.signal.aborted) {
      const { code } = await ended;
      const why =
        code === 0 ? 'it was through too soon, give it more rows (--rows)' : `it failed with exit code ${String(code)}`;
      throw new Error(`the backfill was to be killed midway: ${why}`);
    }
    await sleep(POLL_MS, undefined, { signal: at.stop });
    found = look();
  }
  const [killed = supervisor, ...orphans] = workersOf(found);
  process.kill(supervisor, 'SIGKILL');
  process.kill(killed, 'SIGKILL');
  const killedAt = performance.now();
  while (await someRun([supervisor, killed, ...orphans])) {
    if (performance.now() - killedAt > GONE_WITHIN_MS) {
      throw new Error(
        `of the processes ${[supervisor, killed, ...orphans].join(', ')} some still run ${GONE_WITHIN_MS / 1000} s after the kill`,
      );
    }
    await sleep(POLL_MS, undefined, { signal: at.stop });
  }
  const orphansEndedAfterMs = performance.now() - killedAt;
  const { signal } = await ended;
  if (signal !== 'SIGKILL') throw new Error(`the backfill was to end by SIGKILL, and ended by ${signal ?? 'itself'}`);
  const rowsDone = rowsOf(look());
  if (rowsDone >= at.total) throw new Error('all rows were done when the backfill was killed: give it more (--rows)');
  return { supervisor, killed, orphans, orphansEndedAfterMs, rowsDone, passes: passesOf(at.folder, at.shards) };
}

/**
 * Returns the backfills in the states of the shards, with their start times. They are the same before and after where
 * the backfills were resumed and not restarted.
 */
export function passesOf(folder: string, shards: readonly string[]): string {
  const tables = shards.flatMap((shard) => readShardStatus({ folder, shard })?.tables ?? []);
  return JSON.stringify(tables.map(({ backfill }) => backfill && [backfill.pass.id, backfill.pass.startedAt]));
}

function rowsOf(shards: readonly ShardStatus[]): number {
  const tables = shards.flatMap((shard) => shard.tables);
  return tables.reduce((sum, table) => sum + (table.backfill?.counts.rows ?? 0), 0);
}

/** Process ids as the shards' processes gave them themselves. */
function workersOf(shards: readonly ShardStatus[]): readonly number[] {
  return shards
    .filter(({ running }) => running)
    .flatMap(({ heartbeat }) => (heartbeat === null ? [] : [heartbeat.pid]));
}

async function someRun(pids: readonly number[]): Promise<boolean> {
  const running = await Promise.all(pids.map(runs));
  return running.includes(true);
}

/**
 * Finds out whether a process runs. On Linux a dead process still takes signals until its new parent, init, has looked,
 * so this reads its state.
 */
async function runs(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (process.platform !== 'linux') return true;
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') X');
  return !/\) [ZX]/.test(status);
}
