/**
 * Watches over a shard's process by its signs of life: silence is told soon, and a process that stays silent is given up. It counts ticks
 * of its own, not time: where the whole machine stood still, only one tick is late.
 */
export interface VigilTimes {
  readonly tickMs: number;
  /** Ticks of silence before it is told. */
  readonly tellAfter: number;
  /** Ticks of silence before the process is given up. */
  readonly giveUpAfter: number;
}

/** Ten seconds and five minutes: a commit on a disk that stalls blocks a process as well. */
export const VIGIL: VigilTimes = { tickMs: 1_000, tellAfter: 10, giveUpAfter: 300 };

export class Vigil {
  #silentTicks = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(onSilent: (seconds: number) => void, onGiveUp: () => void, times: VigilTimes = VIGIL) {
    const tick = (): void => {
      this.#silentTicks += 1;
      if (this.#silentTicks === times.tellAfter) onSilent((times.tellAfter * times.tickMs) / 1_000);
      if (this.#silentTicks === times.giveUpAfter) onGiveUp();
    };
    this.#timer = setInterval(tick, times.tickMs);
  }

  /** Anything it said. */
  heard(): void {
    this.#silentTicks = 0;
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
