/** The progress of a pass: counts since it began, rates over the last ten seconds, and the time left. */
import type { Emitter, ProgressSnapshot } from '../../core/events.js';
import type { Counts, Phase } from '../../core/model.js';
import type { HeartbeatStore } from '../../core/ports/state-ports.js';

const WINDOW_MS = 10_000;
const TICK_MS = 1_000;

interface Sample {
  readonly at: number;
  readonly rows: number;
  readonly items: number;
  readonly units: number;
}

/** Values that progress reads from outside a chunk. */
export interface PassGauges {
  /**
   * Units consumed so far, including those of chunks under way, which may last for minutes where the budget is small.
   */
  readonly unitsConsumed: () => number;
  /** Units per second that the shard may consume now. */
  readonly unitsLimit: () => number;
  readonly throttles: () => number;
  readonly retries: () => number;
}

export class PassProgress {
  #counts: Counts;
  readonly #samples: Sample[] = [];

  constructor(
    private readonly shard: string,
    private readonly table: string,
    private readonly phase: Phase,
    private readonly estimatedRows: number,
    already: Counts,
    private readonly gauges: PassGauges,
  ) {
    this.#counts = already;
  }

  get counts(): Counts {
    return this.#counts;
  }

  add(chunk: Omit<Counts, 'chunks'>): void {
    const { rows, items, badRows, expiredRows, expiredItems, newerItems, chunks, units } = this.#counts;
    this.#counts = {
      rows: rows + chunk.rows,
      items: items + chunk.items,
      badRows: badRows + chunk.badRows,
      expiredRows: expiredRows + chunk.expiredRows,
      expiredItems: expiredItems + chunk.expiredItems,
      newerItems: newerItems + chunk.newerItems,
      chunks: chunks + 1,
      units: units + chunk.units,
    };
  }

  snapshot(now = performance.now()): ProgressSnapshot {
    const { rows, items } = this.#counts;
    const units = this.gauges.unitsConsumed();
    this.#samples.push({ at: now, rows, items, units });
    // Keeps the last sample before the window until another reaches the window's edge, so that a stall still has a
    // rate.
    while ((this.#samples[1]?.at ?? now) <= now - WINDOW_MS) this.#samples.shift();
    const oldest = this.#samples[0] ?? { at: now, rows, items, units };
    const seconds = (now - oldest.at) / 1_000;
    const rate = (latest: number, before: number): number => (seconds > 0 ? (latest - before) / seconds : 0);
    const rowsPerSecond = rate(rows, oldest.rows);
    const left = Math.max(0, this.estimatedRows - rows);
    return {
      table: this.table,
      phase: this.phase,
      counts: this.#counts,
      estimatedRows: this.estimatedRows,
      rowsPerSecond,
      itemsPerSecond: rate(items, oldest.items),
      unitsPerSecond: rate(units, oldest.units),
      unitsLimit: this.gauges.unitsLimit(),
      throttles: this.gauges.throttles(),
      retries: this.gauges.retries(),
      etaSeconds: rowsPerSecond > 0 ? left / rowsPerSecond : null,
    };
  }

  /**
   * Publishes the progress once a second, to listeners and to the state file.
   * @returns a function that stops it, after one last report
   */
  publish(emitter: Emitter, store: HeartbeatStore): () => void {
    const say = (): void => {
      const snapshot = this.snapshot();
      emitter.emit('shard.progress', { shard: this.shard, ...snapshot });
      this.#beat(snapshot, store);
    };
    say();
    const timer = setInterval(say, TICK_MS);
    return () => {
      clearInterval(timer);
      say();
    };
  }

  /**
   * Writes the heartbeat. A full disk must not end the process from here: the next commit finds it and ends the run
   * with its error.
   */
  #beat(snapshot: ProgressSnapshot, store: HeartbeatStore): void {
    const { rowsPerSecond, itemsPerSecond, unitsPerSecond } = snapshot;
    const rates = { rowsPerSecond, itemsPerSecond, unitsPerSecond };
    try {
      store.beat({ pid: process.pid, at: Date.now(), phase: this.phase, ...rates });
    } catch {
      // `status` shows an old heartbeat until the next write succeeds.
    }
  }
}
