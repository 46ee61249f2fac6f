/**
 * Runs shards side by side, one child process each. It is also the handle on them: it changes budget and limits,
 * pauses, resumes and stops shards, and reports their state. A fault of one shard stops no other.
 *
 *   waiting --> running --> ended          a stop ends a waiting shard at once
 *      |           |
 *    paused      pausing --> paused        a paused shard that waits does not start
 *
 * A paused shard keeps its process, its state file and its place among the processes. The other shards get its part of
 * the budget. Each call may come at any time, and does nothing to a shard that has ended.
 */
import { ChildProcess } from 'node:child_process';
import { checkedBudget, checkedLimits } from '../config/live-limits.js';
import { Tunables, type Limits } from '../config/tunables.js';
import { FerryError, interrupted, type Fault } from '../core/errors.js';
import { nearest } from '../core/text/nearest.js';
import { checkMachineAllows } from '../wiring/preflight/machine-limits.js';
import { failedOutcome, type ShardOutcome, type ShardTask } from '../wiring/run/shard-task.js';
import type { ShardStatus, Supervision, Supervisor } from './handle.js';
import { MachineWatch } from './process/machine-death.js';
import { emitEnd, RunningShard, type LastProgress } from './process/running-shard.js';
import { Threads } from './process/threads.js';
import { startWorker } from './process/worker-process.js';
import { RunBudget } from './run-budget.js';
import type { ServerShare } from './server-share.js';
import { Turns } from './turns.js';

/**
 * Starts the run. It returns before the first shard starts, so a shard that is stopped or paused in the same turn does
 * not start.
 */
export function superviseShards(supervision: Supervision): Supervisor {
  return new ShardSupervisor(supervision);
}

/** `.config/build.js` puts it beside this module in `dist/` too. */
const WORKER = new URL('./worker-main.js', import.meta.url);

/** A shard of the run. */
interface Entry {
  readonly task: ShardTask;
  readonly end: (outcome: ShardOutcome) => void;
  /** While it waits: since when it is paused, by performance.now(); null: it is not paused. */
  pausedSince: number | null;
  /** It never starts. */
  stopped: boolean;
  running: RunningShard | null;
  progress: LastProgress | null;
  outcome: ShardOutcome | null;
}

class ShardSupervisor implements Supervisor {
  readonly outcomes: Promise<readonly ShardOutcome[]>;
  readonly #supervision: Supervision;
  readonly #entries = new Map<string, Entry>();
  readonly #tunables: Tunables;
  /** The changes of `setLimits` so far. */
  #changed: Partial<Limits> = {};
  #shares: ReadonlyMap<string, ServerShare>;
  readonly #turns: Turns;
  readonly #budget: RunBudget<string>;
  readonly #threads = new Threads();
  /** The turn of the event loop in which the run started is over. */
  #begun = false;

  constructor(supervision: Supervision) {
    const { tasks, config, jobs, shares, units, budget, warmUnits, bus } = supervision;
    this.#supervision = supervision;
    this.#tunables = new Tunables(config, { everyEvent: tasks.some(({ everyEvent }) => everyEvent) });
    this.#shares = shares(this.#tunables.source.scansPerServer);
    const order = tasks.map(({ shard }) => shard);
    this.#turns = new Turns(order, jobs, (shard) => this.#shares.get(shard) ?? null);
    const onWarning = (fault: Fault): void => bus.emit('run.warning', fault);
    this.#budget = new RunBudget({ units, warmUnits, shared: budget, onWarning });
    const endings = [
      bus.on('shard.progress', ({ shard, unitsPerSecond }) => {
        if (this.#entries.get(shard)?.running != null) this.#budget.consumed(shard, unitsPerSecond);
      }),
      bus.on('register.waited', ({ holder }) => this.#runningAs(holder)?.blocks()),
    ];
    this.outcomes = Promise.all(tasks.map((task) => this.#enter(task))).finally(() => {
      for (const end of endings) end();
      this.#budget.end();
    });
    // After the caller's next steps: a shard that it stops or pauses at once does not start.
    setImmediate(() => {
      this.#begun = true;
      this.#startNext();
    });
  }

  get limits(): Limits {
    return this.#tunables.now;
  }

  setBudget(unitsPerSecond: number): void {
    this.#budget.setUnits(checkedBudget(unitsPerSecond));
  }

  setLimits(limits: Partial<Limits>): void {
    const { config, jobs } = this.#supervision;
    const changes = checkedLimits(limits, this.limits, config.target.version);
    checkMachineAllows(changes, this.limits, { config, jobs });
    this.#tunables.set(changes);
    this.#changed = { ...this.#changed, ...changes };
    if (changes.scansPerServer !== undefined) this.#shares = this.#supervision.shares(changes.scansPerServer);
    for (const { task, running } of this.#entries.values()) running?.setLimits(this.#limitsOf(task, changes));
    this.#startNext();
  }

  pause(shard?: string): void {
    for (const entry of this.#chosen(shard)) {
      if (entry.running !== null) entry.running.pause();
      else if (entry.outcome === null && entry.pausedSince === null) {
        entry.pausedSince = performance.now();
        this.#supervision.bus.emit('shard.paused', { shard: entry.task.shard });
      }
    }
  }

  resume(shard?: string): void {
    for (const entry of this.#chosen(shard)) {
      const { running, task, pausedSince } = entry;
      if (running !== null) {
        running.resume();
        this.#budget.restore(task.shard);
      } else if (entry.outcome === null && pausedSince !== null) {
        entry.pausedSince = null;
        const pausedMs = Math.round(performance.now() - pausedSince);
        this.#supervision.bus.emit('shard.resumed', { shard: task.shard, pausedMs });
      }
    }
    this.#startNext();
  }

  stop(shard?: string): void {
    const chosen = this.#chosen(shard);
    // All of them first, since the end of one must not start another.
    for (const entry of chosen) entry.stopped = true;
    for (const entry of chosen) if (entry.running === null && entry.outcome === null) this.#neverStart(entry);
    for (const { running } of chosen) running?.stop();
  }

  kill(): void {
    this.stop();
    for (const { running } of this.#entries.values()) running?.kill();
  }

  status(): readonly ShardStatus[] {
    return [...this.#entries.values()].map(({ task, running, progress, outcome, pausedSince }) => {
      const waiting = pausedSince === null ? 'waiting' : 'paused';
      return {
        shard: task.shard,
        state: outcome !== null ? 'ended' : (running?.state ?? waiting),
        pid: running?.pid ?? null,
        progress: running?.progress ?? progress,
        units: this.#budget.partOf(task.shard),
        outcome,
      };
    });
  }

  /** @throws FerryError E_SHARD_UNKNOWN */
  #chosen(shard: string | undefined): readonly Entry[] {
    if (shard === undefined) return [...this.#entries.values()];
    const entry = this.#entries.get(shard);
    if (entry !== undefined) return [entry];
    const known = [...this.#entries.keys()];
    const near = nearest(shard, known);
    throw new FerryError(
      'E_SHARD_UNKNOWN',
      `this run has no shard "${shard}"`,
      near === null ? `it has ${known.join(', ')}` : `did you mean "${near}"?`,
    );
  }

  #runningAs(pid: number | null): RunningShard | null {
    const entry = [...this.#entries.values()].find(({ running }) => running !== null && running.pid === pid);
    return entry?.running ?? null;
  }

  async #enter(task: ShardTask): Promise<ShardOutcome> {
    return await new Promise((resolve) => {
      const end = (outcome: ShardOutcome): void => {
        entry.outcome = outcome;
        entry.progress = entry.running?.progress ?? null;
        entry.running = null;
        resolve(outcome);
        this.#turns.leave(task.shard);
        this.#startNext();
      };
      const entry: Entry = {
        task,
        end,
        pausedSince: null,
        stopped: false,
        running: null,
        progress: null,
        outcome: null,
      };
      this.#entries.set(task.shard, entry);
    });
  }

  #startNext(): void {
    if (!this.#begun) return;
    const mayStart = (shard: string): boolean => {
      const entry = this.#entries.get(shard);
      return entry !== undefined && entry.pausedSince === null && !entry.stopped;
    };
    for (let next = this.#turns.next(mayStart); next !== null; next = this.#turns.next(mayStart)) {
      const entry = this.#entries.get(next);
      if (entry !== undefined) this.#start(entry);
    }
  }

  #start(entry: Entry): void {
    const { shard } = entry.task;
    const { bus, recorded } = this.#supervision;
    const task = { ...entry.task, units: 0, scans: this.#shares.get(shard)?.scans ?? entry.task.scans };
    const child = this.#threads.lacking(shard) ?? startWorker(WORKER);
    if (!(child instanceof ChildProcess)) {
      const outcome = failedOutcome(task, whyNotStarted(shard, child), { ...recorded(task), toldBy: 'nobody' });
      emitEnd(outcome, bus);
      entry.end(outcome);
      return;
    }
    const running = new RunningShard(child, task, this.#limitsOf(task, this.#changed), {
      bus,
      recorded,
      threads: this.#threads,
      granted: (units) => this.#budget.granted(shard, units),
      paused: () => this.#budget.suspend(shard),
      resumed: () => this.#budget.restore(shard),
      released: () => this.#budget.leave(shard),
    });
    entry.running = running;
    this.#budget.join(shard, (units) => running.setBudget(units));
    void running.ended().then(entry.end);
  }

  /** Returns the limits for the process of one shard, which gets its part of the SELECTs on its server. */
  #limitsOf({ shard, scans }: ShardTask, { scansPerServer, ...others }: Partial<Limits>): Partial<Limits> {
    if (scansPerServer === undefined) return others;
    return { ...others, scansPerServer: this.#shares.get(shard)?.scans ?? scans };
  }

  #neverStart(entry: Entry): void {
    const { task } = entry;
    this.#turns.leave(task.shard);
    entry.end(failedOutcome(task, interrupted(), { ...this.#supervision.recorded(task), toldBy: 'nobody' }));
  }
}

function whyNotStarted(shard: string, error: Error): FerryError {
  if (error instanceof FerryError) return error;
  return (
    new MachineWatch(shard).refused(error) ??
    new FerryError(
      'E_WORKER_DIED',
      `the process of shard ${shard} could not be started (${error.message})`,
      'check that Node.js is still installed where it was, and that its disk works. Run the same command again: it resumes from the checkpoint',
    )
  );
}
