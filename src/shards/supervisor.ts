/**
 * Runs shards side by side, one child process each, at most `jobs` at once. One shard's fault stops no other. The budget is one
 * for all: running shards have equal parts of it, and a part that becomes free goes to the others at once.
 *
 *   stop (first signal): every child is told to stop, saves its checkpoint and ends     kill (second): every child is ended now
 */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import pLimit from 'p-limit';
import { FerryError, interrupted } from '../core/errors.js';
import type { EventBus } from '../core/events.js';
import { failedOutcome, type ShardOutcome, type ShardTask } from '../wiring/shard-task.js';
import { FORWARDED, type FromWorker, type ToWorker } from './protocol.js';

export interface Supervision {
  /** Their `units` are overruled by shares of `units` here. */
  readonly tasks: readonly ShardTask[];
  /** Processes at once. */
  readonly jobs: number;
  /** Capacity units per second for all shards together. */
  readonly units: number;
  readonly bus: EventBus;
  readonly stop: AbortSignal;
  readonly kill: AbortSignal;
}

/** In MB: half of Node 20's default takes 20 to 30 MB off each shard's process, and no time that could be measured. */
const YOUNG_GENERATION = '--max-semi-space-size=8';
/** How long a child that has told its outcome may take to end by itself, in ms. */
const END_GRACE_MS = 5_000;
/** How long a stopping child may take to let its writes in flight finish and to save its checkpoint, in ms. */
const STOP_GRACE_MS = 30_000;

/** Outcomes in the order of the tasks. */
export async function superviseShards(supervision: Supervision): Promise<readonly ShardOutcome[]> {
  const { tasks, jobs, units, bus, stop, kill } = supervision;
  const running = new Set<ChildProcess>();
  const share = (): number => units / Math.max(1, Math.min(running.size, jobs));
  const shareOut = (): void => {
    for (const child of running) send(child, { type: 'budget', units: share() });
  };
  const limit = pLimit(jobs);
  return await Promise.all(
    tasks.map((task) =>
      limit(async () => {
        if (stop.aborted) return failedOutcome(task.shard, interrupted());
        const child = fork(fileURLToPath(new URL('./worker-main.js', import.meta.url)), {
          stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
          execArgv: [...process.execArgv, YOUNG_GENERATION],
        });
        running.add(child);
        shareOut();
        try {
          return await superviseOne(child, { ...task, units: share() }, bus, stop, kill);
        } finally {
          running.delete(child);
          shareOut();
        }
      }),
    ),
  );
}

async function superviseOne(
  child: ChildProcess,
  task: ShardTask,
  bus: EventBus,
  stop: AbortSignal,
  kill: AbortSignal,
): Promise<ShardOutcome> {
  const told: { outcome: ShardOutcome | null } = { outcome: null };
  const timers: NodeJS.Timeout[] = [];
  const endAfter = (ms: number): void => {
    timers.push(setTimeout(() => child.kill('SIGKILL'), ms));
  };
  const onStop = (): void => {
    send(child, { type: 'stop' });
    endAfter(STOP_GRACE_MS);
  };
  const onKill = (): void => void child.kill('SIGKILL');
  stop.addEventListener('abort', onStop, { once: true });
  kill.addEventListener('abort', onKill, { once: true });
  child.on('message', (message: FromWorker) => {
    if (message.type === 'event') {
      bus.emit(message.record.name, message.record.payload);
    } else {
      told.outcome = message.outcome;
      endAfter(END_GRACE_MS);
    }
  });
  send(child, { type: 'start', task, events: FORWARDED });
  if (stop.aborted) onStop();
  try {
    const ended = await new Promise<string>((resolve) => {
      child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code ?? 0}` : signal));
      child.once('error', (error) => resolve(error.message));
    });
    return told.outcome ?? diedSilently(task.shard, ended, stop.aborted, bus);
  } finally {
    stop.removeEventListener('abort', onStop);
    kill.removeEventListener('abort', onKill);
    for (const timer of timers) clearTimeout(timer);
  }
}

function diedSilently(shard: string, how: string, stopping: boolean, bus: EventBus): ShardOutcome {
  const error = stopping
    ? interrupted()
    : new FerryError(
        'E_WORKER_DIED',
        `the process of shard ${shard} ended by ${how} before it was done`,
        'was it out of memory, or killed? Run the same command again: it resumes where the checkpoint stands',
      );
  const outcome = failedOutcome(shard, error);
  bus.emit('shard.finished', {
    shard,
    outcome: outcome.outcome,
    counts: outcome.counts,
    elapsedMs: outcome.elapsedMs,
    fault: outcome.fault,
  });
  return outcome;
}

/** A child that has gone is told nothing: its end is seen by itself. */
function send(child: ChildProcess, message: ToWorker): void {
  if (child.connected) child.send(message, () => undefined);
}
