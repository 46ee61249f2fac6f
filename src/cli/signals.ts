/** Ctrl-C and SIGTERM: the first stops orderly, with the checkpoint saved; the second ends everything now. */
import type { Io } from './io.js';

export interface Stopping {
  readonly stop: AbortSignal;
  readonly kill: AbortSignal;
  /** Listens no more. */
  end(): void;
}

/** @param onStop called at the first signal, before anything stops */
export function stopOnSignals(io: Io, onStop: () => void = () => undefined): Stopping {
  const stop = new AbortController();
  const kill = new AbortController();
  const end = io.onSignal(() => {
    if (stop.signal.aborted) {
      kill.abort();
      return;
    }
    onStop();
    stop.abort();
  });
  return { stop: stop.signal, kill: kill.signal, end };
}
