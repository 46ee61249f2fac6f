/**
 * Watches a shard's work (`engine/pass/stall-watch.ts`). It says what counts as a movement, what may stand still, and
 * how long is too long by the limits of the config.
 *
 * These are excused:
 * - An operator's pause, once the shard is at rest, without limit.
 * - A pause that spares the source, while no chunk is under way, for at most `maxPauseSeconds`.
 * - A debt of the budget that is being paid off, for twice the longest debt since the last movement. The next request
 *   may cost as much. A refused request owes as much again, and a small share of the budget pays for it in minutes. So
 *   each of the first refusals gives another excuse. Their number is what the target's own patience accepts in any case
 *   (`dynamodb/failures/backoff.ts`).
 *
 * These are not excused, since the limits leave room for them:
 * - Failures that are tried again. They have their own patience, and an error that says more.
 * - A statement that is silent for `statementIdleTimeoutSeconds`.
 * - Pauses between two looks.
 *
 * Rows that the work went through count as a movement by themselves. When a retry of bad rows finds them gone from the
 * source, it reads no row and consumes no unit.
 */
import type { Config, SourceLimits } from '../../config/model.js';
import type { Tunables } from '../../config/tunables.js';
import type { StateStore } from '../../core/ports/state-ports.js';
import type { PauseGate } from '../../core/async/pause-gate.js';
import type { EventBus } from '../../core/event-bus.js';
import type { TokenBucket } from '../../dynamodb/capacity/token-bucket.js';
import { LOOK_AROUND, StallWatch, type StallTimes, type Wait } from '../../engine/pass/stall-watch.js';
import { VERBS } from '../../engine/verbs.js';
import type { ShardTask } from './shard-task.js';
import { PauseWatch } from './watch-pause.js';
import { starvation } from '../shared-budget.js';

/** Time between two checks of the watch, in ms. */
const TICK_MS = 1_000;
/**
 * Stopped work lets its writes in flight finish and saves its checkpoint. It gets as long as a stop by a signal may
 * take.
 */
const GRACE_SECONDS = 30;
/** The time of a last try besides silence: connecting, timeouts of requests, the search for credentials. */
const MARGIN_SECONDS = 90;
/**
 * dynaferry notices a silent statement up to an eighth of its limit late (`mysql/connection/session.ts`), which is long
 * when the limit is hours.
 */
const NOTICED_LATE = 1 + 1 / 8;
/**
 * So many refused requests without a movement between them give an excuse each (ENOUGH_TRIES of
 * `dynamodb/failures/backoff.ts`).
 */
const REFUSALS_BORNE = 10;

export interface ShardWatch {
  readonly watch: StallWatch;
  /** Counts the rows of this source too from now on. */
  counts(source: { readonly rowsRead: number }): void;
  /** Looks at each tick whether the files of the state are in their places, and stops the work if not. */
  keepsIn(store: Pick<StateStore, 'gone'>): void;
  /** Notes a step of work that no event reports. */
  stepped(): void;
  end(): void;
}

/**
 * Returns times that follow the limits as they change. A stall is reported after the longest patience. The work is
 * stopped after the last try that the patience allows has had its time.
 */
export function stallTimes({ source, target }: Pick<Tunables, 'source' | 'target'>): StallTimes {
  return {
    tickMs: TICK_MS,
    get tellAfter() {
      return Math.max(source.retryTimeoutSeconds, source.statementIdleTimeoutSeconds, target.retryTimeoutSeconds);
    },
    get stopAfter() {
      // Twice: for the statement whose failure starts the patience, and for the last try.
      const silence = Math.ceil(2 * NOTICED_LATE * source.statementIdleTimeoutSeconds);
      return Math.max(source.retryTimeoutSeconds + silence, target.retryTimeoutSeconds) + MARGIN_SECONDS;
    },
    graceTicks: GRACE_SECONDS,
  };
}

export function watchShard(
  { shard, verb }: Pick<ShardTask, 'shard' | 'verb'>,
  config: Config,
  bus: EventBus,
  budget: TokenBucket,
  outer: AbortSignal,
  { tunables, pause }: { readonly tunables: Tunables; readonly pause: PauseGate },
  times = stallTimes(tunables),
): ShardWatch {
  const counts = { steps: 0, rows: 0, chunks: 0, items: 0, commits: 0 };
  const sources: { readonly rowsRead: number }[] = [];
  let state: Pick<StateStore, 'gone'> | null = null;
  let underWay = 0;
  let registerWait: Wait | null = null;
  const excuses = new Excuses(tunables.source, times.tickMs);
  const pauseWatch = new PauseWatch(shard, pause, bus);
  const chunkDone = (): void => {
    counts.chunks += 1;
    underWay -= 1;
  };
  const endings = [
    bus.on('shard.phase', () => void (counts.steps += 1)),
    bus.on('table.planned', () => void (counts.steps += 1)),
    bus.on('segment.completed', () => void (counts.steps += 1)),
    // This event comes once a second, whether there are more rows or not. For another table, there are fewer.
    bus.on('shard.progress', ({ counts: { rows } }) => void (counts.rows = rows)),
    bus.on('chunk.read', () => {
      counts.chunks += 1;
      underWay += 1;
    }),
    bus.on('chunk.acknowledged', chunkDone),
    bus.on('chunk.compared', chunkDone),
    bus.on('batch.acknowledged', ({ items }) => void (counts.items += items)),
    bus.on('watermark.advanced', ({ chunks }) => void (counts.commits += chunks)),
    bus.on('source.paused', () => excuses.paused()),
    bus.on('source.resumed', () => excuses.resumed()),
    bus.on('request.retried', () => excuses.refused()),
    bus.on('register.waited', ({ holder }) => void (registerWait = waitForRegister(holder))),
  ];
  const watch = new StallWatch(shard, outer, times, {
    movements: () => ({
      'a step of the work': counts.steps,
      'rows gone through': counts.rows,
      'rows read from MySQL': sources.reduce((sum, { rowsRead }) => sum + rowsRead, 0),
      'capacity units consumed at DynamoDB': budget.consumed,
      'a chunk read or done': counts.chunks,
      'items acknowledged by DynamoDB': counts.items,
      'chunks committed to the state': counts.commits,
    }),
    fault: () => state?.gone() ?? null,
    onMoved: () => {
      registerWait = null;
      excuses.moved();
    },
    excused: () => {
      if (!pauseWatch.atRest) return excuses.excuse(budget.owedMs, underWay);
      excuses.rested();
      return true;
    },
    waitsFor: () => registerWait ?? (budget.starves ? starvation(config, VERBS[verb].consumes, process.ppid) : null),
    onStalled: (last, seconds, wait) =>
      bus.emit('shard.stalled', {
        ...{ shard, last, seconds },
        ...{ waitsFor: wait?.fact ?? null, hint: wait?.next ?? LOOK_AROUND },
      }),
  });
  return {
    watch,
    counts: (source) => void sources.push(source),
    keepsIn: (store) => void (state = store),
    stepped: () => void (counts.steps += 1),
    end: () => {
      watch.end();
      pauseWatch.end();
      for (const end of endings) end();
    },
  };
}

function waitForRegister(holder: number | null): Wait {
  return {
    fact: `waits for item-keys.db, the register of all item keys, which ${holder === null ? 'another process' : `process ${holder}`} has locked`,
    next: `check ${holder === null ? 'which process has item-keys.db open (`lsof`)' : `what it is and whether it was stopped (\`ps -o pid,stat,args -p ${holder}\`)`}; let it continue, or end it`,
  };
}

/** Decides what may stand still, and for how long at most, so that no excuse lasts for ever. */
class Excuses {
  #paused = false;
  #pausedTicks = 0;
  #debtTicks = 0;
  #longestDebtMs = 0;
  #refusals = 0;

  constructor(
    private readonly limits: Pick<SourceLimits, 'maxPauseSeconds'>,
    private readonly tickMs: number,
  ) {}

  paused(): void {
    this.#paused = true;
    this.#pausedTicks = 0;
  }

  resumed(): void {
    this.#paused = false;
  }

  /**
   * Notes that an operator has paused the shard. That uses up nothing of the time that a pause of the source may last.
   */
  rested(): void {
    this.#pausedTicks = 0;
  }

  moved(): void {
    this.#refusals = 0;
    this.#newDebt();
  }

  refused(): void {
    this.#refusals += 1;
    if (this.#refusals <= REFUSALS_BORNE) this.#newDebt();
  }

  /**
   * @param owedMs ms until the budget's debt is paid
   * @param underWay chunks that were read, and are not acknowledged or compared yet
   */
  excuse(owedMs: number, underWay: number): boolean {
    if (this.#paused && underWay === 0 && this.#pausedTicks * this.tickMs < this.limits.maxPauseSeconds * 1_000) {
      this.#pausedTicks += 1;
      return true;
    }
    // A budget of 0 pays no debt.
    if (owedMs === 0 || owedMs === Infinity) return false;
    this.#longestDebtMs = Math.max(this.#longestDebtMs, owedMs);
    if (this.#debtTicks * this.tickMs >= 2 * this.#longestDebtMs) return false;
    this.#debtTicks += 1;
    return true;
  }

  #newDebt(): void {
    this.#debtTicks = 0;
    this.#longestDebtMs = 0;
  }
}
