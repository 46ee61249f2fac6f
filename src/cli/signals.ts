/**
 * Handles Ctrl-C, SIGTERM and SIGHUP, which comes when the terminal is gone. The first signal stops in order, with the
 * checkpoint saved. A later one ends everything at once. Signals that come within a moment count as one. `timeout`
 * signals the process and then its group. A shell and the kernel both report that the terminal is gone. systemd may
 * send SIGHUP after SIGTERM. SIGHUP is never a second signal, since nobody sends it by hand.
 *
 * Workers (`shards/worker-main.ts`) leave both to the supervisor. The launcher respects `nohup`, and lets a signal end
 * the program if no command listens. The kernel handles SIGQUIT (Ctrl-\): it ends everything at once, as `kill -9`
 * does, and loses nothing.
 */
import { setMaxListeners } from 'node:events';
import type { Io } from './io.js';

/** The calls that signals make on running shards. */
interface Steered {
  stop(): void;
  kill(): void;
}

export interface Stopping {
  /** Aborted by the first signal. */
  readonly stop: AbortSignal;
  /** Makes the first signal stop the shards, and a later one kill them. Signals that came earlier count too. */
  steer(running: Steered): void;
  /** Ends the listening. */
  end(): void;
}

/** Shorter than a person needs to decide and press again. */
const ONE_MOMENT_MS = 500;

/**
 * @param onStop is called at the first signal, before anything stops
 * @param now ms of a clock that never jumps
 */
export function stopOnSignals(
  io: Pick<Io, 'onSignal'>,
  onStop: () => void = () => undefined,
  now: () => number = () => performance.now(),
): Stopping {
  const stop = new AbortController();
  const kill = new AbortController();
  // Every shard and connection adds a listener, and none is a leak.
  setMaxListeners(0, stop.signal, kill.signal);
  let stoppedAt = 0;
  const end = io.onSignal((signal) => {
    if (stop.signal.aborted) {
      if (signal !== 'SIGHUP' && now() - stoppedAt >= ONE_MOMENT_MS) kill.abort();
      return;
    }
    stoppedAt = now();
    onStop();
    stop.abort();
  });
  const on = (signal: AbortSignal, act: () => void): void => {
    if (signal.aborted) act();
    else signal.addEventListener('abort', act, { once: true });
  };
  const steer = (running: Steered): void => {
    on(stop.signal, () => running.stop());
    on(kill.signal, () => running.kill());
  };
  return { stop: stop.signal, steer, end };
}
