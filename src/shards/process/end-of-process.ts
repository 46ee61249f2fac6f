/** Waits for the end of a shard's process and for its last messages, which may arrive after its exit. */
import type { ChildProcess } from 'node:child_process';
import { STILL_THERE } from './silent-end.js';

/** How long after the end of a process, and after its last message, its channel may still hold something, in ms. */
const LAST_WORDS_MS = 2_000;

/**
 * Resolves once the process has ended and nothing more comes through its channel.
 * @param giveUp ends the wait for a process that does not even die
 * @returns the signal or the exit code that it ended by, in words
 */
export async function endOf(child: ChildProcess, giveUp: AbortSignal): Promise<string> {
  return await new Promise((resolve) => {
    let how = STILL_THERE;
    const settle = (): void => resolve(how);
    giveUp.addEventListener('abort', settle, { once: true });
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => {
      how = signal ?? `exit code ${code ?? 0}`;
      if (!child.connected) {
        settle();
        return;
      }
      // A parent that was busy for longer gets the messages only now, after this timer. It listens as long as there are
      // some.
      let heard = false;
      child.on('message', () => (heard = true));
      const lastWords = setTimeout(() => {
        setImmediate(() => {
          if (!heard) settle();
          heard = false;
          lastWords.refresh();
        });
      }, LAST_WORDS_MS).unref();
    });
    child.once('disconnect', () => {
      if (child.exitCode !== null || child.signalCode !== null) settle();
    });
  });
}
