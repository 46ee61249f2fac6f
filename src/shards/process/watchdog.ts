/**
 * Watches whether a shard's process gives signs of life: it reports silence soon, and gives up a process that stays
 * silent. It counts its own ticks, not time: where the whole machine stood still, only one tick is late.
 */
import { readFileSync } from 'node:fs';

export interface WatchdogTimes {
  readonly tickMs: number;
  /** Ticks of silence before it is reported. */
  readonly tellAfter: number;
  /** Ticks of silence before the process is given up. */
  readonly giveUpAfter: number;
}

/**
 * Ten seconds and five minutes: a commit on a disk that stalls blocks a process as well. One that was stopped by a
 * signal waits for no disk: where it is in other shards' way, five seconds are enough.
 */
export const WATCHDOG_TIMES = {
  tickMs: 1_000,
  tellAfter: 10,
  giveUpAfter: 300,
  blockingAfter: 5,
} as const satisfies WatchdogTimes & {
  readonly blockingAfter: number;
};

/**
 * Whether a process was stopped by a signal or a debugger (proc(5), /proc/PID/stat: state T or t). False where the
 * system does not say.
 */
export function isStopped(pid: number): boolean {
  try {
    return /^t/i.test(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, ''));
  } catch {
    return false;
  }
}

export class Watchdog {
  #silentTicks = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(
    onSilent: (seconds: number) => void,
    onGiveUp: () => void,
    private readonly times: WatchdogTimes = WATCHDOG_TIMES,
  ) {
    const tick = (): void => {
      this.#silentTicks += 1;
      if (this.#silentTicks === times.tellAfter) onSilent((times.tellAfter * times.tickMs) / 1_000);
      if (this.#silentTicks === times.giveUpAfter) onGiveUp();
    };
    this.#timer = setInterval(tick, times.tickMs);
  }

  get silentSeconds(): number {
    return (this.#silentTicks * this.times.tickMs) / 1_000;
  }

  /** Takes note of a message: the silence is over. */
  heard(): void {
    this.#silentTicks = 0;
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
