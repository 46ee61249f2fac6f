/** Starts a program by guard.js, from the parent's side. The program cannot outlive this process, whatever ends it. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

export interface Step {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
}

export interface GuardOptions {
  /** Made when the guard starts and removed once the program is gone; null: none. */
  readonly folder: string | null;
  /** Written into `folder` (0600) before the first step. */
  readonly files: readonly { readonly name: string; readonly text: string }[];
  /** The whole environment of the steps. */
  readonly env: NodeJS.ProcessEnv;
  /** Where output goes; null: to `stdout` and `stderr` of the result. */
  readonly log: string | null;
  /** From SIGTERM to SIGKILL, and how long the rest of the process group may take after the program's end, in ms. */
  readonly graceMs: number;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of the log; empty where output went to the streams. */
  readonly log: string;
}

export interface Guarded {
  /** Process id of the last step, which leads a process group of its own. Rejects where it could not be started. */
  readonly started: Promise<number>;
  /** The end of the last step, or of the one that failed. Never rejects. */
  readonly exited: Promise<Exit>;
  /**
   * Nothing of it is left: processes, folder. True: processes of its group had to be killed after the program ended.
   */
  readonly gone: Promise<boolean>;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** Ends it (SIGTERM, then SIGKILL) and resolves once nothing is left. */
  readonly close: () => Promise<void>;
}

type Message =
  | { readonly type: 'started'; readonly pid: number }
  | ({ readonly type: 'exit' } & Exit)
  | { readonly type: 'gone'; readonly orphans: boolean };

/**
 * Runs `steps` one after the other, the last one being the program, until it ends, `close()` is called or this process
 * dies.
 */
export function runGuarded(steps: readonly Step[], options: GuardOptions): Guarded {
  const output = options.log === null ? 'pipe' : 'ignore';
  const { env, ...rest } = options;
  const child = fork(fileURLToPath(new URL('./guard.js', import.meta.url)), {
    env,
    detached: true,
    // The guard does not need the parent's loaders and inspector.
    execArgv: [],
    stdio: ['ignore', output, output, 'ipc'],
  });
  child.send({ ...rest, steps });

  let orphans = false;
  // Messages still arrive after `exit`, never after `disconnect`.
  const gone = Promise.all([once(child, 'exit'), once(child, 'disconnect')]).then(() => orphans);
  const exited = new Promise<Exit>((resolve) => {
    child.on('message', (message: Message) => {
      if (message.type === 'gone') ({ orphans } = message);
      if (message.type === 'exit') resolve({ code: message.code, signal: message.signal, log: message.log });
    });
    void gone.then(() => {
      resolve({ code: null, signal: null, log: 'the guard ended before the program' });
    });
  });
  const started = new Promise<number>((resolve, reject) => {
    child.on('message', (message: Message) => {
      if (message.type === 'started') resolve(message.pid);
    });
    void exited.then((exit) => {
      reject(new Error(`the program did not start: ${exit.log}`));
    });
  });
  // A caller that does not ask for the process id learns of a failure from `exited`.
  started.catch(() => undefined);

  // A forgotten close() must not keep the process alive: its end closes the channel, and the guard does the rest.
  child.unref();
  child.channel?.unref();
  return {
    started,
    exited,
    gone,
    stdout: child.stdout,
    stderr: child.stderr,
    async close() {
      child.ref();
      if (child.connected) child.disconnect();
      await gone;
    },
  };
}
