/**
 * Watches a whole shard's work for standing still, whatever the reason: no row read, no unit consumed, no item
 * acknowledged, no chunk compared or committed. Each wait of the program has a limit of its own, and an error that says
 * more; this is the limit behind them all, for the wait that nobody thought of. First it is told, then the work is
 * stopped as by a signal, so that what is done is committed; and where it does not end within a grace time, because a
 * promise never settles, it is given up.
 *
 *   moving --(`tellAfter` ticks)--> told --(`stopAfter`)--> stopped (`signal`)
 *     stopped --(`graceTicks`)--> given up (`orStuck` rejects)
 *
 * It counts ticks of its own, not time: of a machine that was suspended, or a process that was stopped, one tick is
 * late. A tick that the circumstances excuse does not count; see `wiring/run/watch-shard.ts` for what stands still by
 * right.
 */
import { FerryError } from '../../core/errors.js';

export interface StallTimes {
  readonly tickMs: number;
  /** Ticks without a movement before it is told. */
  readonly tellAfter: number;
  /** Ticks without a movement before the work is stopped; more than `tellAfter`. */
  readonly stopAfter: number;
  /** Ticks that stopped work may take to end. */
  readonly graceTicks: number;
}

export interface StallCircumstances {
  /** Counts that grow while something moves, by what an operator calls it: `rows read from MySQL`. */
  readonly movements: () => Readonly<Record<string, number>>;
  readonly onMoved: () => void;
  /** Whether it stands still by right, now. Asked once a tick without a movement. */
  readonly excused: () => boolean;
  /** What it waits for, where that is known. Asked where it is told, and where the work is stopped. */
  readonly waitsFor: () => Wait | null;
  /** @param last what moved last; null: nothing yet @param seconds how long it has not */
  readonly onStalled: (last: string | null, seconds: number, wait: Wait | null) => void;
}

/** What stands still, as far as is known. */
export interface Wait {
  /** With the shard as its subject: `waits for ..., which ... has`. */
  readonly fact: string;
  readonly next: string;
}

/** Where nothing is known of what it waits for. */
export const LOOK_AROUND = 'check MySQL, DynamoDB, the credentials and the network';

export class StallWatch {
  readonly #stop = new AbortController();
  readonly #stuck: Promise<never>;
  #giveUp: (error: FerryError) => void = () => undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #end: () => void;
  #seen: Readonly<Record<string, number>>;
  #last: string | null = null;
  #stillTicks = 0;
  #reported = false;
  #ticksSinceStop = 0;
  #error: FerryError | null = null;

  /** @param outer a stop from outside; `signal` follows it */
  constructor(
    private readonly shard: string,
    outer: AbortSignal,
    private readonly times: StallTimes,
    private readonly circumstances: StallCircumstances,
  ) {
    this.#seen = circumstances.movements();
    this.#stuck = new Promise((_, reject) => {
      this.#giveUp = reject;
    });
    // Nobody may be waiting when it comes to that.
    this.#stuck.catch(() => undefined);
    const onOuter = (): void => this.#stop.abort();
    if (outer.aborted) onOuter();
    outer.addEventListener('abort', onOuter, { once: true });
    this.#timer = setInterval(() => this.#tick(), times.tickMs);
    this.#end = () => {
      clearInterval(this.#timer);
      outer.removeEventListener('abort', onOuter);
    };
  }

  /** Aborted by a stop from outside, or by this watch: the work ends by it in either case. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Whether stopped work did not end: what it holds may still be in use. */
  get stuck(): boolean {
    return this.#error !== null && this.#ticksSinceStop >= this.times.graceTicks;
  }

  /** Why the work ended: `thrown`, unless that is only what this watch's own stop came to. */
  reasonOf(thrown: unknown): unknown {
    const stopped = thrown instanceof FerryError && thrown.code === 'E_INTERRUPTED';
    return stopped && this.#error !== null ? this.#error : thrown;
  }

  /**
   * As the work itself, but it ends in any case.
   * @throws FerryError E_STALLED where it was stopped here and did not end
   */
  async orStuck<T>(work: Promise<T>): Promise<T> {
    return await Promise.race([work, this.#stuck]);
  }

  end(): void {
    this.#end();
  }

  #tick(): void {
    if (this.#error !== null) {
      this.#ticksSinceStop += 1;
      if (this.stuck) this.#giveUp(this.#error);
      return;
    }
    if (this.#moved()) {
      this.#stillTicks = 0;
      this.#reported = false;
      this.circumstances.onMoved();
      return;
    }
    if (this.circumstances.excused()) return;
    this.#stillTicks += 1;
    const seconds = Math.round((this.#stillTicks * this.times.tickMs) / 1_000);
    const { onStalled, waitsFor } = this.circumstances;
    // Not at that very tick: the times may have become shorter.
    if (!this.#reported && this.#stillTicks >= this.times.tellAfter) {
      this.#reported = true;
      onStalled(this.#last, seconds, waitsFor());
    }
    if (this.#stillTicks < this.times.stopAfter) return;
    this.#error = stalled(this.shard, this.#last, seconds, waitsFor());
    this.#stop.abort();
  }

  #moved(): boolean {
    const now = this.circumstances.movements();
    const moved = Object.entries(now).filter(([name, count]) => count !== this.#seen[name]);
    this.#seen = now;
    this.#last = moved.at(-1)?.[0] ?? this.#last;
    return moved.length > 0;
  }
}

/** In words: what has not moved since when, and what moved last. */
export function stallWords(last: string | null, seconds: number): string {
  return `nothing has moved for ${seconds} s; ${last === null ? 'nothing moved before either' : `last seen: ${last}`}`;
}

function stalled(shard: string, last: string | null, seconds: number, wait: Wait | null): FerryError {
  return new FerryError(
    'E_STALLED',
    `shard ${shard}: ${stallWords(last, seconds)}${wait === null ? '' : `; it ${wait.fact}`}`,
    wait === null
      ? `${LOOK_AROUND}; the checkpoint is saved: run the same command again to resume, and report it if it comes back`
      : `${wait.next}; the checkpoint is saved: run the same command again to resume`,
  );
}
