/**
 * Starts one server program under guard: a free port, a folder of its own and a deadline. It tries another port where
 * somebody took that one.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runGuarded, type Step } from './guarded.js';
import { freePort, scratchPath } from './scratch.js';
import { reasonOf } from './server.js';

const START_DEADLINE_MS = 60_000;
const POLL_MS = 40;
/** From SIGTERM to SIGKILL. What a throwaway server has not written by then, nobody wants. */
const GRACE_MS = 5_000;
const PORT_ATTEMPTS = 3;
const PORT_TAKEN = /address already in use|bind on tcp\/ip port|EADDRINUSE|failed to bind/i;

export interface Place {
  readonly port: number;
  /** Holds everything that the server writes; made when the first step starts. */
  readonly folder: string;
}

export interface ServerProgram {
  /** Short: part of the folder's name. */
  readonly name: string;
  /** Files that the server's folder has from the start. */
  readonly files?: readonly { readonly name: string; readonly text: string }[];
  /** Commands up to and including the server itself. */
  steps(place: Place): readonly Step[];
  /** Variables besides those of this process. */
  readonly env?: NodeJS.ProcessEnv;
  /** Resolves where the server answers, and rejects while it does not. */
  answers(place: Place): Promise<void>;
}

export interface Started extends Place {
  readonly close: () => Promise<void>;
}

/** @throws Error with the end of the server's log */
export async function startServer(program: ServerProgram): Promise<Started> {
  for (let attempt = 1; ; attempt += 1) {
    const place = { port: await freePort(), folder: scratchPath(program.name) };
    const log = join(place.folder, 'log');
    const env = { ...process.env, ...program.env };
    const { folder } = place;
    const files = program.files ?? [];
    const guarded = runGuarded(program.steps(place), { folder, files, env, log, graceMs: GRACE_MS });
    let ended: string | null = null;
    void guarded.exited.then((exit) => {
      ended = `ended with ${exit.signal ?? `code ${String(exit.code)}`}:\n${exit.log}`;
    });
    const fault = await untilItAnswers(program, place, () => ended);
    if (fault === null) return { ...place, close: guarded.close };
    await guarded.close();
    if (attempt < PORT_ATTEMPTS && PORT_TAKEN.test(fault)) continue;
    throw new Error(`${program.name} did not start; it ${fault}`);
  }
}

/** Waits until the server answers. @returns null, or what went wrong */
async function untilItAnswers(
  program: ServerProgram,
  place: Place,
  ended: () => string | null,
): Promise<string | null> {
  const deadline = Date.now() + START_DEADLINE_MS;
  while (ended() === null) {
    try {
      await program.answers(place);
      return null;
    } catch (error) {
      if (Date.now() > deadline) return `did not answer within ${START_DEADLINE_MS / 1000} s: ${reasonOf(error)}`;
      await sleep(POLL_MS);
    }
  }
  return ended();
}
