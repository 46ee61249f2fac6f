/**
 * Watches the work of a whole shard for a stall of any cause. A stall means that no row is read, no unit consumed, no
 * item acknowledged, and no chunk compared or committed. Each wait of the program has its own limit and a more precise
 * error. This limit comes after all of them and covers waits without a limit of their own. The watch first reports the
 * stall. Then it stops the work as a signal would, so that the finished chunks are committed. If the work does not end
 * within a grace time, because a promise never settles, the watch gives it up.
 *
 *   moving --(`tellAfter` ticks)--> reported --(`stopAfter`)--> stopped (`signal`)
 *     stopped --(`graceTicks`)--> given up (`orStuck` rejects)
 *
 * The watch counts its own ticks, not time. After a suspend of the machine or a stop of the process, only one tick is
 * late. A tick that the circumstances excuse does not count; `wiring/run/watch-shard.ts` lists the legitimate waits.
 */
import { FerryError } from '../../core/errors.js';

export interface StallTimes {
  readonly tickMs: number;
  /** Ticks without a movement before the watch reports the stall. */
  readonly tellAfter: number;
  /** Ticks without a movement before the watch stops the work; more than `tellAfter`. */
  readonly stopAfter: number;
  /** Ticks that stopped work has to end. */
  readonly graceTicks: number;
}

export interface StallCircumstances {
  /** Counters that grow while work progresses, by the operator's name for them: `rows read from MySQL`. */
  readonly movements: () => Readonly<Record<string, number>>;
  readonly onMoved: () => void;
  /** Returns a fault for which the work must stop now, whatever moves. null or absent: the work may go on. */
  readonly fault?: () => FerryError | null;
  /** Whether the work waits legitimately now. The watch asks once for each tick without a movement. */
  readonly excused: () => boolean;
  /**
   * What the work waits for, if that is known. The watch asks when it reports the stall, and when it stops the work.
   */
  readonly waitsFor: () => Wait | null;
  /**
   * Reports the stall. @param last the counter that moved last; null: none has moved @param seconds how long none has
   * moved
   */
  readonly onStalled: (last: string | null, seconds: number, wait: Wait | null) => void;
}

/** A wait that explains the stall, as far as is known. */
export interface Wait {
  /** A predicate whose subject is the shard: `waits for ..., which ... has`. */
  readonly fact: string;
  readonly next: string;
}

/** The next step where nothing is known of the wait. */
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
    // There may be no caller of `orStuck` when this promise rejects.
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

  /** A signal that either a stop from outside or this watch aborts. The work ends by it in both cases. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Whether stopped work did not end. Then its resources may still be in use. */
  get stuck(): boolean {
    return this.#error !== null && this.#ticksSinceStop >= this.times.graceTicks;
  }

  /** Returns why the work ended: the watch's own error where `thrown` only results from its stop, else `thrown`. */
  reasonOf(thrown: unknown): unknown {
    const stopped = thrown instanceof FerryError && thrown.code === 'E_INTERRUPTED';
    return stopped && this.#error !== null ? this.#error : thrown;
  }

  /**
   * Waits until the work ends, or until the watch gives it up.
   * @throws FerryError E_STALLED where the watch stopped the work and it did not end; what the work throws
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
    const fault = this.circumstances.fault?.() ?? null;
    if (fault !== null) {
      this.#error = fault;
      this.#stop.abort();
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
    // A comparison with `>=`, because the configured number of ticks may have become smaller.
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

/** Returns a text that says for how long nothing has moved, and what moved last. */
export function stallWords(last: string | null, seconds: number): string {
  return `no progress for ${seconds} s; ${last === null ? 'no progress before that either' : `the last progress was ${last}`}`;
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
