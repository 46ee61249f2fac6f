/** Ctrl-C and SIGTERM: the first stops orderly, with the checkpoint saved; the second ends everything now. */
import { writeLine, type Io } from './io.js';

export interface Stopping {
  readonly stop: AbortSignal;
  readonly kill: AbortSignal;
  /** Listens no more. */
  end(): void;
}

/** @param orderly what is said at the first signal; empty for commands that end at once */
export function stopOnSignals(io: Io, orderly: string): Stopping {
  const stop = new AbortController();
  const kill = new AbortController();
  const end = io.onSignal(() => {
    if (stop.signal.aborted) {
      kill.abort();
      return;
    }
    if (orderly !== '') writeLine(io.stderr, orderly);
    stop.abort();
  });
  return { stop: stop.signal, kill: kill.signal, end };
}
