/**
 * Entry of bin/demo: plays the story on throwaway servers and sets the exit code. The demo may be played, fail, be
 * interrupted, or lose its reader. In each case it first removes whatever it made, the latest thing first.
 */
import { parseArgs } from 'node:util';
import { reasonOf } from '../servers/server.js';
import { Cleanup } from './cleanup.js';
import { Narrator } from './narrator.js';
import { playDemo } from './story.js';

/** What a shell reports of a program that a signal ended; 141 is SIGPIPE's. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
const NOBODY_READS = 141;

process.exit(await main());

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { rows: { type: 'string', default: '10000' }, keep: { type: 'boolean', default: false } },
  });
  const stop = new AbortController();
  const hurry = new AbortController();
  let stoppedWith = 0;
  let release: (() => void) | null = null;
  const stopWith = (code: number): void => {
    stoppedWith = code;
    stop.abort();
  };
  for (const [signal, code] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      if (release !== null) release();
      else if (stop.signal.aborted) hurry.abort();
      else stopWith(code);
    });
  }
  process.stdout.on('error', () => {
    if (!stop.signal.aborted) stopWith(NOBODY_READS);
  });
  process.stderr.on('error', () => undefined);
  /** Waits, with --keep, until the first signal, which then ends the wait and nothing else. */
  const untilSignal = async (): Promise<void> => {
    await new Promise<void>((resolve) => {
      release = resolve;
    });
    release = null;
  };

  const narrator = new Narrator(process.stdout);
  const cleanup = new Cleanup();
  let code = 0;
  try {
    const stopped = new Promise<never>((_, reject) => {
      stop.signal.addEventListener('abort', () => reject(new Error('stopped')));
    });
    const played = playDemo({
      narrator,
      cleanup,
      stop: stop.signal,
      rows: Number(values.rows),
      rest: values.keep ? untilSignal : null,
    });
    // Once stopped, the story fails at its next step, and nobody is interested in how.
    played.catch(() => undefined);
    await Promise.race([played, stopped]);
  } catch (error) {
    narrator.restoreTerminal();
    code = stop.signal.aborted ? stoppedWith : 1;
    process.stderr.write(stop.signal.aborted ? '\nStopped; cleaning up.\n' : `\nDEMO FAILED: ${messageOf(error)}\n`);
  }
  const faults = await Promise.race([cleanup.run(), whenAborted(hurry.signal)]);
  for (const fault of faults) process.stderr.write(`could not clean up: ${reasonOf(fault)}\n`);
  return code === 0 && faults.length > 0 ? 1 : code;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Servers are guarded: they end with this process, whether asked to or not. */
async function whenAborted(signal: AbortSignal): Promise<readonly unknown[]> {
  return await new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve([]));
  });
}
