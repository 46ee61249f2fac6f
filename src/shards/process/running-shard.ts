/**
 * One shard's process from its start to its outcome, as the supervisor handles it. It passes on orders, receives the
 * messages of the process, and kills a process that hangs. Each wait for the process has a limit.
 *
 *   running --(pause)--> pausing --(`shard.paused`)--> paused --(resume)--> running
 *   any of them --(stop)--> stopping --(outcome, or SIGKILL after `STOP_GRACE_MS`)--> `ended` resolves
 */
import type { ChildProcess } from 'node:child_process';
import type { Limits } from '../../config/tunables.js';
import type { FerryError, Fault } from '../../core/errors.js';
import type { EventBus } from '../../core/event-bus.js';
import type { EventRecord, ProgressSnapshot } from '../../core/events.js';
import { failedOutcome, type ShardOutcome, type ShardTask } from '../../wiring/run/shard-task.js';
import { endOf } from './end-of-process.js';
import { heardMessage } from './heard-message.js';
import { LastWords } from './last-words.js';
import { MachineWatch } from './machine-death.js';
import { reasonOf, type SilentEnd } from './silent-end.js';
import type { Threads } from './threads.js';
import { isStopped, Watchdog, WATCHDOG_TIMES } from './watchdog.js';
import { leave, send } from './worker-process.js';

/** How long a child that has sent its outcome may take to end by itself, in ms. */
const END_GRACE_MS = 5_000;
/** How long a stopping child may take to let its writes in flight finish and to save its checkpoint, in ms. */
const STOP_GRACE_MS = 30_000;
/** How long to wait for the end of a child that was killed, in ms. */
const KILL_GRACE_MS = 10_000;
const SILENCE_MINUTES = (WATCHDOG_TIMES.tickMs * WATCHDOG_TIMES.giveUpAfter) / 60_000;

export type RunningState = 'running' | 'pausing' | 'paused' | 'stopping';

/** The last progress of a shard, and when it was reported, in ms since the epoch. */
export type LastProgress = ProgressSnapshot & { readonly at: number };

/** The parts of a run that a running shard needs. */
export interface ShardHost {
  readonly bus: EventBus;
  readonly threads: Threads;
  /** Reads the state of a shard whose process gave no outcome. */
  readonly recorded: (task: ShardTask) => Partial<ShardOutcome>;
  /** Called once its process has confirmed that it spends at most that many units a second. */
  readonly granted: (units: number) => void;
  /** Called once it is at rest, as it was asked to be. */
  readonly paused: () => void;
  /** Called if its rest was that of an earlier pause: it resumed, and has yet to reach the last pause. */
  readonly resumed: () => void;
  /** Called once it spends nothing more: it has given its outcome, or it is gone. It may be called more than once. */
  readonly released: () => void;
}

export class RunningShard {
  readonly pid: number;
  readonly #startedAt = performance.now();
  readonly #machine: MachineWatch;
  readonly #words: LastWords;
  readonly #watchdog: Watchdog;
  readonly #timers: NodeJS.Timeout[] = [];
  /** Aborted if the process does not even die. */
  readonly #unkillable = new AbortController();
  #outcome: ShardOutcome | null = null;
  /** Why the machine did not let it start, as far as is known. */
  #refused: FerryError | null = null;
  #killed: SilentEnd['killed'] = null;
  #pause: 'none' | 'asked' | 'reached' = 'none';
  #stopped = false;
  #progress: LastProgress | null = null;
  /** A message that does not fit was reported: one warning is enough. */
  #misfit = false;

  /**
   * @param child was started just now
   * @param limits those that have changed since the run started
   */
  constructor(
    private readonly child: ChildProcess,
    private readonly task: ShardTask,
    limits: Partial<Limits>,
    private readonly host: ShardHost,
  ) {
    const { bus, threads } = host;
    this.pid = child.pid ?? 0;
    this.#machine = new MachineWatch(task.shard);
    threads.started(this.pid);
    child.once('error', (error) => (this.#refused = this.#machine.refused(error)));
    child.once('exit', () => host.released());
    child.on('message', (said: unknown) => this.#hear(said));
    this.#watchdog = new Watchdog(
      (seconds) => this.#onSilent(seconds),
      () => this.#endNow({ hung: `gave no sign of life for ${SILENCE_MINUTES} minutes` }),
    );
    this.#words = new LastWords(child.stderr, process.env['DYNAFERRY_DEBUG'] === undefined ? null : this.#debug);
    send(child, { type: 'start', task, run: bus.run, limits });
  }

  get state(): RunningState {
    if (this.#stopped) return 'stopping';
    if (this.#pause === 'none') return 'running';
    return this.#pause === 'asked' ? 'pausing' : 'paused';
  }

  /** null: it has reported no progress yet. */
  get progress(): LastProgress | null {
    return this.#progress;
  }

  setBudget(unitsPerSecond: number): void {
    send(this.child, { type: 'budget', units: unitsPerSecond });
  }

  setLimits(limits: Partial<Limits>): void {
    send(this.child, { type: 'limits', limits });
  }

  /** Asks it to read nothing more. A process that hangs is `pausing` until it answers, or is killed as any other. */
  pause(): void {
    if (this.#pause !== 'none') return;
    this.#pause = 'asked';
    send(this.child, { type: 'pause' });
  }

  resume(): void {
    if (this.#pause === 'none') return;
    this.#pause = 'none';
    send(this.child, { type: 'resume' });
  }

  /** Asks it to stop: it saves its checkpoint and ends. If that takes longer than 30 s, it is killed. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    send(this.child, { type: 'stop' });
    this.#endAfter(STOP_GRACE_MS);
  }

  /** Kills it now. */
  kill(): void {
    this.#endNow('at-once');
  }

  /**
   * Handles that another shard waits for the register of item keys, which this one keeps. If this process was stopped
   * by a signal, it is killed.
   */
  blocks(): void {
    if (this.#watchdog.silentSeconds < WATCHDOG_TIMES.blockingAfter || !isStopped(this.pid)) return;
    this.#endNow({ hung: 'was stopped while it had the register of item keys locked, for which other shards waited,' });
  }

  /** Resolves once the process has ended, or does not even die. It never rejects. Call it once. */
  async ended(): Promise<ShardOutcome> {
    const { shard } = this.task;
    const { bus, threads, recorded, released } = this.host;
    try {
      const how = await endOf(this.child, this.#unkillable.signal);
      if (this.#outcome !== null) return this.#outcome;
      const { fatal, said } = this.#words;
      const byMachine = this.#refused ?? this.#machine.ended(how, fatal) ?? threads.ended(shard, this.pid, how, said);
      const silent = { shard, how, fatal, stopped: this.#stopped, killed: this.#killed, byMachine };
      const outcome = failedOutcome(this.task, reasonOf(silent, STOP_GRACE_MS / 1_000), {
        ...recorded(this.task),
        toldBy: 'state',
        elapsedMs: performance.now() - this.#startedAt,
      });
      emitEnd(outcome, bus);
      return outcome;
    } finally {
      this.#watchdog.end();
      for (const timer of this.#timers) clearTimeout(timer);
      if (this.child.exitCode === null && this.child.signalCode === null) leave(this.child);
      threads.settled(this.pid);
      released();
    }
  }

  #hear(said: unknown): void {
    this.#watchdog.heard();
    this.host.threads.settled(this.pid);
    const message = heardMessage(said, this.task);
    if (message === null) {
      this.#warnOfMisfit();
      return;
    }
    switch (message.type) {
      case 'event':
        this.#note(message.record);
        this.host.bus.forward(message.record);
        break;
      case 'budget':
        this.host.granted(message.units);
        break;
      case 'outcome':
        this.#outcome = message.outcome;
        this.host.released();
        this.#endAfter(END_GRACE_MS);
        break;
      case 'alive':
        break;
    }
  }

  #warnOfMisfit(): void {
    if (this.#misfit) return;
    this.#misfit = true;
    const { shard } = this.task;
    this.host.bus.emit('shard.warning', { shard, ...misfit(shard, this.pid) });
  }

  #note(record: EventRecord): void {
    if (record.name === 'shard.progress') this.#progress = { ...record.payload, at: record.at };
    // It may have been resumed before this message arrived, and paused again.
    if (record.name === 'shard.paused' && this.#pause === 'asked') {
      this.#pause = 'reached';
      this.host.paused();
    } else if (record.name === 'shard.resumed' && this.#pause === 'reached') {
      this.#pause = 'asked';
      this.host.resumed();
    }
  }

  #onSilent(seconds: number): void {
    const { shard } = this.task;
    this.#refused ??= this.host.threads.stuck(shard, this.pid);
    if (this.#refused === null) this.host.bus.emit('shard.warning', { shard, ...silence(shard, this.pid, seconds) });
    else this.#endNow('refused');
  }

  readonly #debug = (line: string): void => {
    const { shard } = this.task;
    this.host.bus.emit('shard.warning', {
      shard,
      code: 'E_INTERNAL',
      message: line,
      hint: 'said by the process on stderr',
    });
  };

  #endNow(why: NonNullable<SilentEnd['killed']>): void {
    this.#killed ??= why;
    this.child.kill('SIGKILL');
    // A process that waits for a dead disk does not even die, so nothing waits for its end.
    this.#timers.push(setTimeout(() => this.#unkillable.abort(), KILL_GRACE_MS));
  }

  #endAfter(ms: number): void {
    this.#timers.push(setTimeout(() => this.#endNow('slow'), ms));
  }
}

/** Emits the end of a shard whose process could not do so itself. */
export function emitEnd({ shard, status, toldBy, counts, elapsedMs, fault }: ShardOutcome, bus: EventBus): void {
  bus.emit('shard.finished', { shard, status, toldBy, counts, elapsedMs, fault });
}

function misfit(shard: string, pid: number): Fault {
  return {
    code: 'E_INTERNAL',
    message: `the process of shard ${shard} (${pid}) sent a message that does not fit; dynaferry ignores it and goes on`,
    hint: 'report this; the state has all that the shard has done',
  };
}

function silence(shard: string, pid: number, seconds: number): Fault {
  return {
    code: 'E_WORKER_HUNG',
    message: `the process of shard ${shard} (${pid}) has given no sign of life for ${seconds} s`,
    hint: `check whether it was stopped, or waits for the disk; after ${SILENCE_MINUTES} minutes dynaferry ends it, and a resume is safe`,
  };
}
