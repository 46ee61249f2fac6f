/**
 * Runs one shard in its own process. It takes a task from its parent, reports what happens, and follows changes of
 * budget and limits, pauses and stops. The process never outlives its parent for long: a closed channel is a stop. It
 * does not outlive its work either: it ends after it has sent its outcome, even if a promise never settles. It sends
 * everything through `outbox.ts`.
 */
import { receivedConfig } from '../config/sent.js';
import { EventBus } from '../core/event-bus.js';
import { EVENTS } from '../core/events.js';
import { openBudget, runShard } from '../wiring/run/run-shard.js';
import { openControls, type ShardControls } from '../wiring/run/shard-controls.js';
import { failedOutcome, type ShardOutcome, type ShardTask } from '../wiring/run/shard-task.js';
import { Outbox } from './outbox.js';
import type { ToWorker } from './protocol.js';

/** The process as the worker needs it: an IPC channel, signals, an environment. */
export type WorkerProcess = Pick<NodeJS.Process, 'on' | 'send' | 'disconnect' | 'connected' | 'kill' | 'pid' | 'ppid'>;

/** Time between two signs of life, in ms. */
const ALIVE_EVERY_MS = 1_000;
/**
 * How long one look at the parent holds, in ms. A look is a system call, and a worker asks at each of thousands of
 * debits a second.
 */
const LOOK_HOLDS_MS = 20;
/** How long the process may take to end by itself after it has sent its outcome, in ms. */
const END_GRACE_MS = 2_000;
/** How long it may take to save its checkpoint when its parent is gone, in ms: as long as its parent would wait. */
const ORPHAN_GRACE_MS = 30_000;

export function runWorker(process: WorkerProcess): void {
  const stop = new AbortController();
  let budget: ReturnType<typeof openBudget> | null = null;
  let controls: ShardControls | null = null;
  // A process that was stopped and continues reads only some turns later that its channel is closed. Other processes
  // may already have its part of the budget.
  const hasParent = parentCheck(process);
  process.on('SIGTERM', () => {
    stop.abort();
  });
  let outbox: Outbox | null = null;
  process.on('disconnect', () => {
    stop.abort();
    outbox?.abandon();
    endWithin(process, ORPHAN_GRACE_MS);
  });
  process.on('message', (message: ToWorker) => {
    switch (message.type) {
      case 'start':
        budget = openBudget(message.task.units, hasParent);
        outbox = new Outbox(process, message.task.shard, message.run);
        controls = openControls(message.task);
        controls.tunables.set(message.limits);
        void work(process, message, { outbox, budget, controls, signal: stop.signal });
        break;
      case 'limits':
        controls?.tunables.set(message.limits);
        break;
      case 'pause':
        controls?.pause.pause();
        break;
      case 'resume':
        controls?.pause.resume();
        break;
      case 'budget':
        budget?.setLimit(message.units);
        outbox?.granted(message.units);
        break;
      case 'stop':
        stop.abort();
        break;
    }
  });
}

/**
 * Returns a function that says whether the process still has its present parent. One look holds for `LOOK_HOLDS_MS`,
 * and a stop of the process lasts longer than that.
 */
function parentCheck(process: WorkerProcess): () => boolean {
  const parent = process.ppid;
  let has = true;
  let lookedAt = performance.now();
  return () => {
    const now = performance.now();
    if (has && now - lookedAt >= LOOK_HOLDS_MS) {
      has = process.ppid === parent;
      lookedAt = now;
    }
    return has;
  };
}

/** The controls and the signal that the work on a shard gets. */
interface Given {
  readonly budget: ReturnType<typeof openBudget>;
  readonly controls: ShardControls;
  readonly signal: AbortSignal;
}

async function work(
  process: WorkerProcess,
  { task, run }: Extract<ToWorker, { readonly type: 'start' }>,
  { outbox, ...given }: Given & { readonly outbox: Outbox },
): Promise<void> {
  const bus = new EventBus(run);
  bus.onAny((record) => {
    if (given.controls.tunables.everyEvent || EVENTS[record.name] === 'normal') outbox.event(record);
  });
  const alive = setInterval(() => outbox.alive(), ALIVE_EVERY_MS);
  const outcome = await outcomeOf(task, bus, given);
  clearInterval(alive);
  await outbox.end(outcome);
  // The process needs no more messages, and without the channel it ends by itself.
  if (process.connected) process.disconnect();
  endWithin(process, END_GRACE_MS);
}

/**
 * Kills the process after a time. It ends by itself unless something holds it, such as work that was given up as stuck.
 * Nothing that is left is worth a wait.
 */
function endWithin(process: WorkerProcess, ms: number): void {
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), ms).unref();
}

async function outcomeOf(task: ShardTask, bus: EventBus, { budget, controls, signal }: Given): Promise<ShardOutcome> {
  try {
    return await runShard(task, receivedConfig(task.config), bus, budget, signal, controls);
  } catch (thrown) {
    return failedOutcome(task, thrown);
  }
}
