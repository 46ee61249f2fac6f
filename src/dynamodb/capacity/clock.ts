/** Clock is time as the budget and the retries see it: monotonic milliseconds and one-shot timers. Tests can set it. */

export interface Clock {
  /** Monotonic time in ms; only differences mean anything. */
  now(): number;
  /** Calls `run` once after `ms`; @returns a function that cancels it. */
  after(ms: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};
