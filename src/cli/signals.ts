/**
 * Ctrl-C, SIGTERM and a terminal that is gone (SIGHUP): the first signal stops orderly, with the checkpoint saved; a
 * later one ends everything now. `timeout` signals the process and then its group, a shell and the kernel both say that
 * the terminal is gone, systemd may send SIGHUP behind SIGTERM: what comes within a moment is one signal, and SIGHUP
 * never ends more than it has, as nobody sent it by hand.
 *
 * Followed: workers (`shards/worker-main.ts`) leave both to the supervisor; the launcher keeps to `nohup`, and ends as
 * programs do where no command listens. SIGQUIT (Ctrl-\) is the kernel's: it ends everything now, as `kill -9` does,
 * and loses nothing.
 */
import { setMaxListeners } from 'node:events';
import type { Io } from './io.js';

/** What signals do to shards that run. */
interface Steered {
  stop(): void;
  kill(): void;
}

export interface Stopping {
  /** Aborted by the first signal. */
  readonly stop: AbortSignal;
  /** From now on the first signal stops it, and a later one kills it. Those that came before hold too. */
  steer(running: Steered): void;
  /** Listens no more. */
  end(): void;
}

/** Shorter than it takes a person to decide and press again. */
const ONE_MOMENT_MS = 500;

/**
 * @param onStop called at the first signal, before anything stops
 * @param now ms of a clock that never jumps
 */
export function stopOnSignals(
  io: Pick<Io, 'onSignal'>,
  onStop: () => void = () => undefined,
  now: () => number = () => performance.now(),
): Stopping {
  const stop = new AbortController();
  const kill = new AbortController();
  // As many as there are shards and connections: none of them is a leak.
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
