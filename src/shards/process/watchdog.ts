/**
 * Watches whether a shard's process gives signs of life. It reports silence soon, and gives up a process that stays
 * silent. It counts its own ticks, not time: if the whole machine stood still, only one tick is late.
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
 * Ten seconds and five minutes, since a commit on a disk that stalls blocks a process as well. A process that was
 * stopped by a signal waits for no disk. If it is in other shards' way, five seconds are enough.
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
 * Returns whether a process was stopped by a signal or a debugger (proc(5), /proc/PID/stat: state T or t). It returns
 * false if the system does not report it.
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

  /** Notes a message, which ends the silence. */
  heard(): void {
    this.#silentTicks = 0;
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
