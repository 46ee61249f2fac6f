/**
 * Runs shards side by side, one child process each, at most `jobs` at once. One shard's fault stops no other. The
 * budget is one for all: running shards have equal parts of it, and a part that becomes free goes to the others soon:
 * when its shard has told its outcome, or is gone (`core/budget-shares.ts`). On-demand tables are given more as they
 * grow (`warm-up.ts`). A child that gives no sign of life for minutes is ended, sooner where it was stopped while it
 * kept what others wait for, and no wait for a child is without end.
 *
 *   stop (first signal): every child is told to stop, saves its checkpoint and ends
 *   kill (second): every child is ended now
 */
import { ChildProcess } from 'node:child_process';
import pLimit from 'p-limit';
import { BudgetShares } from '../core/budget-shares.js';
import { FerryError, interrupted, type Fault } from '../core/errors.js';
import type { EventBus } from '../core/events.js';
import { failedOutcome, type ShardOutcome, type ShardTask } from '../wiring/run/shard-task.js';
import { LOOK_EVERY_MS, type SharedBudget } from '../wiring/shared-budget.js';
import { LastWords } from './last-words.js';
import { MachineWatch } from './machine-death.js';
import type { FromWorker } from './protocol.js';
import type { ServerShare } from './server-share.js';
import { reasonOf, STILL_THERE, type SilentEnd } from './silent-end.js';
import { Threads } from './threads.js';
import { isStopped, Watchdog, WATCHDOG_TIMES } from './watchdog.js';
import { WarmUp } from './warm-up.js';
import { leave, send, startWorker } from './worker-process.js';

export interface Supervision {
  /** Their `units` are overruled by shares of `units` here. */
  readonly tasks: readonly ShardTask[];
  /** Processes at once. */
  readonly jobs: number;
  /** By shard: how many on its server may run at once. */
  readonly shares: ReadonlyMap<string, ServerShare>;
  /** Capacity units per second for all shards together, and for other runs of this machine. */
  readonly units: number;
  /** This run's part of them. */
  readonly budget: SharedBudget;
  /** What an on-demand table is warm for, in the same units; null where the table is none. */
  readonly warmUnits: number | null;
  /** What the state says of a shard whose process told nothing. */
  readonly recorded: (task: ShardTask) => Partial<ShardOutcome>;
  readonly bus: EventBus;
  readonly stop: AbortSignal;
  readonly kill: AbortSignal;
}

/**
 * Each process may spend one debit (0.4% of ten seconds) beyond its part: with this part of the budget in use, it stays
 * below all of it.
 */
const SHARED_OUT = 0.995;
/** How long a child that has told its outcome may take to end by itself, in ms. */
const END_GRACE_MS = 5_000;
/** How long a stopping child may take to let its writes in flight finish and to save its checkpoint, in ms. */
const STOP_GRACE_MS = 30_000;
/** How long the end of a child that was killed is waited for, in ms. */
const KILL_GRACE_MS = 10_000;
/**
 * How long after its end, and after what was heard of it since, the channel of a child may still hold something, in ms.
 */
const LAST_WORDS_MS = 2_000;
const SILENCE_MINUTES = (WATCHDOG_TIMES.tickMs * WATCHDOG_TIMES.giveUpAfter) / 60_000;

/** Outcomes in the order of the tasks. */
export async function superviseShards(supervision: Supervision): Promise<readonly ShardOutcome[]> {
  const { tasks, jobs, shares, units, budget, warmUnits, recorded, bus, stop, kill } = supervision;
  const warmUp = new WarmUp(units, warmUnits, performance.now());
  const whole = (): number => SHARED_OUT * warmUp.units;
  const parts: BudgetShares<ChildProcess> = new BudgetShares(0, () => look());
  const look = (): void => {
    parts.setTotal(whole() * budget.look(parts.inUse / whole()));
    const warning = budget.warning();
    if (warning !== null) bus.emit('run.warning', warning);
  };
  look();
  const looking = setInterval(look, LOOK_EVERY_MS);
  const consumed = new Map<string, number>();
  const endWatch = bus.on('shard.progress', ({ shard, unitsPerSecond }) => {
    consumed.set(shard, unitsPerSecond);
    const all = [...consumed.values()].reduce((sum, part) => sum + part, 0);
    if (warmUp.consumed(all, performance.now())) look();
  });
  /** By process id. */
  const blockers = new Map<number, () => void>();
  const endWaits = bus.on('register.waited', ({ holder }) => blockers.get(holder ?? 0)?.());
  const threads = new Threads();
  const limit = pLimit(jobs);
  const servers = new Map([...shares.values()].map(({ server, atOnce }) => [server, pLimit(atOnce)]));
  // Whoever waits for its server takes no place from the others.
  const inTurn = <T>(shard: string, run: () => Promise<T>): Promise<T> => {
    const onServer = servers.get(shares.get(shard)?.server ?? '');
    return onServer === undefined ? limit(run) : onServer(() => limit(run));
  };
  const outcomes = Promise.all(
    tasks.map((task) =>
      inTurn(task.shard, async () => {
        if (stop.aborted)
          return { ...failedOutcome(task.shard, interrupted()), ...recorded(task), toldBy: 'nobody' as const };
        const child = threads.lacking(task.shard) ?? startWorker();
        if (!(child instanceof ChildProcess)) return notStarted(task, child, recorded, bus);
        threads.started(child.pid ?? 0);
        const release = (): void => {
          consumed.delete(task.shard);
          parts.leave(child);
        };
        const granted = (part: number): void => parts.granted(child, part);
        try {
          const circumstances = { blockers, threads, recorded, bus, stop, kill, release, granted };
          const work = superviseOne(child, { ...task, units: 0 }, circumstances);
          parts.join(child, (part) => send(child, { type: 'budget', units: part }));
          return await work;
        } finally {
          threads.settled(child.pid ?? 0);
          release();
        }
      }),
    ),
  );
  return await outcomes.finally(() => {
    endWatch();
    endWaits();
    clearInterval(looking);
    parts.end();
    budget.leave();
  });
}

function notStarted(task: ShardTask, error: Error, recorded: Supervision['recorded'], bus: EventBus): ShardOutcome {
  const fault =
    error instanceof FerryError
      ? error
      : (new MachineWatch(task.shard).refused(error) ??
        new FerryError(
          'E_WORKER_DIED',
          `the process of shard ${task.shard} could not be started (${error.message})`,
          'see whether Node is where it was, and its disk is well. Run the same command again: it resumes where the checkpoint stands',
        ));
  const outcome: ShardOutcome = { ...failedOutcome(task.shard, fault), ...recorded(task), toldBy: 'nobody' };
  tellEnd(outcome, bus);
  return outcome;
}

interface Circumstances extends Pick<Supervision, 'recorded' | 'bus' | 'stop' | 'kill'> {
  /** What to do where another shard waits for what the process of that id keeps. */
  readonly blockers: Map<number, () => void>;
  readonly threads: Threads;
  /** Its part of the budget is free. */
  readonly release: () => void;
  /** It spends no more than that any more. */
  readonly granted: (units: number) => void;
}

async function superviseOne(
  child: ChildProcess,
  task: ShardTask,
  { blockers, threads, recorded, bus, stop, kill, release, granted }: Circumstances,
): Promise<ShardOutcome> {
  const startedAt = performance.now();
  const { shard } = task;
  const told: { outcome: ShardOutcome | null } = { outcome: null };
  const machine = new MachineWatch(shard);
  const refused: { by: FerryError | null } = { by: null };
  child.once('error', (error) => (refused.by = machine.refused(error)));
  const timers: NodeJS.Timeout[] = [];
  const unkillable = new AbortController();
  const end: { killed: SilentEnd['killed'] } = { killed: null };
  const endNow = (why: NonNullable<SilentEnd['killed']>): void => {
    end.killed ??= why;
    child.kill('SIGKILL');
    // One that waits for a dead disk does not even die: its end is not waited for.
    timers.push(setTimeout(() => unkillable.abort(), KILL_GRACE_MS));
  };
  const endAfter = (ms: number): void => {
    timers.push(setTimeout(() => endNow('slow'), ms));
  };
  const pid = child.pid ?? 0;
  const watchdog = new Watchdog(
    (seconds) => {
      refused.by ??= threads.stuck(shard, pid);
      if (refused.by === null) bus.emit('shard.warning', { shard, ...silence(child, shard, seconds) });
      else endNow('refused');
    },
    () => endNow({ hung: `gave no sign of life for ${SILENCE_MINUTES} minutes` }),
  );
  blockers.set(pid, () => {
    if (watchdog.silentSeconds < WATCHDOG_TIMES.blockingAfter || !isStopped(pid)) return;
    endNow({ hung: 'was stopped while it kept the register of item keys, which other shards waited for' });
  });
  const onStop = (): void => {
    send(child, { type: 'stop' });
    endAfter(STOP_GRACE_MS);
  };
  stop.addEventListener('abort', onStop, { once: true });
  const onKill = (): void => endNow('at-once');
  kill.addEventListener('abort', onKill, { once: true });
  child.on('message', (message: FromWorker) => {
    watchdog.heard();
    threads.settled(pid);
    if (message.type === 'event') {
      bus.forward(message.record);
    } else if (message.type === 'budget') {
      granted(message.units);
    } else if (message.type === 'outcome') {
      told.outcome = message.outcome;
      release();
      endAfter(END_GRACE_MS);
    }
  });
  child.once('exit', release);
  const debug = (line: string): void =>
    bus.emit('shard.warning', { shard, code: 'E_INTERNAL', message: line, hint: 'said by the process on stderr' });
  const words = new LastWords(child.stderr, process.env['DYNAFERRY_DEBUG'] === undefined ? null : debug);
  send(child, { type: 'start', task, run: bus.run });
  if (stop.aborted) onStop();
  try {
    const how = await endOf(child, unkillable.signal);
    if (told.outcome !== null) return told.outcome;
    const byMachine = refused.by ?? machine.ended(how, words.fatal) ?? threads.ended(shard, pid, how, words.said);
    const silent = { shard, how, fatal: words.fatal, stopped: stop.aborted, killed: end.killed, byMachine };
    const outcome: ShardOutcome = {
      ...failedOutcome(shard, reasonOf(silent, STOP_GRACE_MS / 1_000)),
      ...recorded(task),
      toldBy: 'state',
      elapsedMs: performance.now() - startedAt,
    };
    tellEnd(outcome, bus);
    return outcome;
  } finally {
    watchdog.end();
    blockers.delete(pid);
    stop.removeEventListener('abort', onStop);
    kill.removeEventListener('abort', onKill);
    for (const timer of timers) clearTimeout(timer);
    if (child.exitCode === null && child.signalCode === null) leave(child);
  }
}

/** How the process ended. What it said last may arrive after its exit, but not after the channel closed. */
async function endOf(child: ChildProcess, giveUp: AbortSignal): Promise<string> {
  return await new Promise((resolve) => {
    let how = STILL_THERE;
    const settle = (): void => resolve(how);
    giveUp.addEventListener('abort', settle, { once: true });
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => {
      how = signal ?? `exit code ${code ?? 0}`;
      if (!child.connected) {
        settle();
        return;
      }
      // A parent that was busy for longer hears them now, behind this timer: as long as there is something, it listens.
      let heard = false;
      child.on('message', () => (heard = true));
      const lastWords = setTimeout(() => {
        setImmediate(() => {
          if (!heard) settle();
          heard = false;
          lastWords.refresh();
        });
      }, LAST_WORDS_MS).unref();
    });
    child.once('disconnect', () => {
      if (child.exitCode !== null || child.signalCode !== null) settle();
    });
  });
}

function silence(child: ChildProcess, shard: string, seconds: number): Fault {
  return {
    code: 'E_WORKER_HUNG',
    message: `the process of shard ${shard} (${child.pid ?? 0}) has given no sign of life for ${seconds} s`,
    hint: `see whether it was stopped, or waits for the disk; after ${SILENCE_MINUTES} minutes it is ended, and a resume is safe`,
  };
}

function tellEnd({ shard, outcome, counts, elapsedMs, fault }: ShardOutcome, bus: EventBus): void {
  bus.emit('shard.finished', { shard, outcome, counts, elapsedMs, fault });
}
