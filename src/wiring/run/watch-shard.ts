/**
 * What a shard's work is watched by (`engine/pass/stall-watch.ts`): what counts as a movement, what stands still by
 * right, and how long is too long, from the limits of the config.
 *
 * Excused are
 *
 * - a pause by an operator, once the shard is at rest, without limit;
 * - a pause that spares the source, while no chunk is under way, for as long as `maxPauseSeconds` bears one itself;
 * - a debt of the budget that is being paid off: twice the longest debt since something moved, as the next request may
 *   be as dear. A request that is refused owes as much again, and a small share of the budget pays for it in minutes:
 *   so each of the first ones gives another excuse, as many as the target's own patience bears in any case
 *   (`dynamodb/failures/backoff.ts`).
 *
 * Not excused, since the limits leave room for them: failures that are tried again, which have a patience of their own
 * and an error that says more; a statement that is silent for `statementIdleTimeoutSeconds`; pauses between two looks.
 * Rows that were gone through count as a movement by themselves: where bad rows are tried again and are gone from the
 * source, no row is read and no unit consumed.
 */
import type { Config, SourceLimits } from '../../config/model.js';
import type { Tunables } from '../../config/tunables.js';
import type { PauseGate } from '../../core/async/pause-gate.js';
import type { EventBus } from '../../core/event-bus.js';
import type { TokenBucket } from '../../dynamodb/capacity/token-bucket.js';
import { LOOK_AROUND, StallWatch, type StallTimes, type Wait } from '../../engine/pass/stall-watch.js';
import { VERBS } from '../../engine/verbs.js';
import type { ShardTask } from './shard-task.js';
import { PauseWatch } from './watch-pause.js';
import { starvation } from '../shared-budget.js';

const TICK_MS = 1_000;
/** Stopped work lets its writes in flight finish and saves its checkpoint: as long as a stop by a signal may take. */
const GRACE_SECONDS = 30;
/** Connecting, timeouts of requests, the search for credentials: what a last try may take beside silence. */
const MARGIN_SECONDS = 90;
/**
 * A silent statement is noticed up to an eighth late (`mysql/connection/session.ts`): that is much where hours are
 * borne.
 */
const NOTICED_LATE = 1 + 1 / 8;
/** Refused requests without a movement between them, of which each gives an excuse. */
const REFUSALS_BORNE = 10;

export interface ShardWatch {
  readonly watch: StallWatch;
  /** From now on its rows count as well. */
  counts(source: { readonly rowsRead: number }): void;
  /** A step of work was done that no event tells of. */
  stepped(): void;
  end(): void;
}

/**
 * Returns times that follow the limits as they change. A stall is reported after the longest patience. The work is
 * stopped when the last try that the patience allows, and what that may take, are over.
 */
export function stallTimes({ source, target }: Pick<Tunables, 'source' | 'target'>): StallTimes {
  return {
    tickMs: TICK_MS,
    get tellAfter() {
      return Math.max(source.retryTimeoutSeconds, source.statementIdleTimeoutSeconds, target.retryTimeoutSeconds);
    },
    get stopAfter() {
      // Of the statement whose failure starts the patience, and of the last try.
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
    // Once a second, whether they are more or not; of another table, they are fewer.
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
    fact: `waits for the register of item keys, which ${holder === null ? 'another process' : `process ${holder}`} keeps`,
    next: `see ${holder === null ? 'who has item-keys.db open (`lsof`)' : `what it is and whether it was stopped (\`ps -o pid,stat,args -p ${holder}\`)`}; let it go on, or end it`,
  };
}

/** What may stand still, and how long at most: an excuse that lasts for ever is none. */
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

  /** An operator has paused the shard: that uses up nothing of what a pause of the source may last. */
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

  /** @param owedMs until the budget's debt is paid @param underWay chunks that the target has a part in */
  excuse(owedMs: number, underWay: number): boolean {
    if (this.#paused && underWay === 0 && this.#pausedTicks * this.tickMs < this.limits.maxPauseSeconds * 1_000) {
      this.#pausedTicks += 1;
      return true;
    }
    // A budget of nothing pays no debt.
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
