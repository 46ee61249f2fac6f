/**
 * Runs the real command line as a child process: the built `bin/dynaferry` of this checkout. Nothing of it outlives the
 * test. A process that dynaferry itself leaves behind is a failure.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Readable } from 'node:stream';
import { runGuarded } from './servers/guarded.js';

export const LAUNCHER = fileURLToPath(new URL('../../bin/dynaferry', import.meta.url));
/** All that a command without faults prints to stderr that shows where it points. */
export const ONLY_PLACES = /^target: .*\n(?:source \S+: .*\n)+$/;

const DEFAULT_TIMEOUT_MS = 60_000;
/**
 * For the children of an ended dynaferry to end as well, and from SIGTERM to SIGKILL where a test gives up. A worker
 * whose parent was killed has 30 s to save its checkpoint (`shards/worker.ts`), and on a busy machine it may need some
 * of them.
 */
const GRACE_MS = 40_000;

export interface CliOptions {
  readonly cwd: string;
  /** Besides the few variables that a process needs; undefined takes one of those away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** How long the processes that it started may outlive it, in ms; GRACE_MS unless given. */
  readonly graceMs?: number;
  /** Another launcher than this checkout's. */
  readonly launcher?: string;
  /** What runs in place of Node and the launcher, and gets the arguments. */
  readonly program?: readonly string[];
}

export interface CliResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCli extends AsyncDisposable {
  readonly pid: number;
  /** What it has written so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** Its end. @throws Error where processes that it started were still there `graceMs` later */
  readonly result: Promise<CliResult>;
  /** Signals dynaferry alone, as `kill` and the out-of-memory killer do. */
  kill(signal: NodeJS.Signals): void;
  /** Signals dynaferry and its children, as Ctrl-C at a terminal does. */
  killGroup(signal: NodeJS.Signals): void;
  /** Waits until stdout or stderr matches. @throws Error where it ends or `timeoutMs` passes before */
  waitFor(pattern: RegExp, timeoutMs?: number): Promise<void>;
}

/** Runs it to its end. @throws Error after `timeoutMs`, with what it had written by then */
export async function runCli(
  args: readonly string[],
  options: CliOptions & { readonly signal?: AbortSignal; readonly timeoutMs?: number },
): Promise<CliResult> {
  await using cli = await spawnCli(args, options);
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]);
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => {
      const why = timeout.aborted ? `did not end within ${timeoutMs} ms` : 'was stopped by the test';
      reject(new Error(`dynaferry ${args.join(' ')} ${why}\n${cli.stdout}\n${cli.stderr}`));
    });
  });
  return await Promise.race([cli.result, stopped]);
}

/** Starts it, for a test that looks on or kills it: `await using cli = await spawnCli(...)`. Disposal ends it. */
export async function spawnCli(args: readonly string[], options: CliOptions): Promise<RunningCli> {
  const [program = '', ...words] = options.program ?? [process.execPath, options.launcher ?? LAUNCHER];
  const command = { command: program, args: [...words, ...args], cwd: options.cwd };
  const env = { ...bareEnvironment(), ...options.env };
  const guarded = runGuarded([command], {
    folder: null,
    files: [],
    log: null,
    env,
    graceMs: options.graceMs ?? GRACE_MS,
  });
  const stdout = collect(guarded.stdout);
  const stderr = collect(guarded.stderr);
  const pid = await guarded.started;

  const state = { ended: false, drained: false, abandoned: false };
  void guarded.exited.then(() => {
    state.ended = true;
  });
  const result = (async (): Promise<CliResult> => {
    const { code, signal } = await guarded.exited;
    const orphans = await guarded.gone;
    await Promise.all([stdout.ended, stderr.ended]);
    state.drained = true;
    if (orphans && !state.abandoned) throw new Error(`dynaferry ${args.join(' ')} ended and left processes behind`);
    return { code, signal, stdout: stdout.text(), stderr: stderr.text() };
  })();
  // A test that kills it may have no interest in how it ended.
  result.catch(() => undefined);

  const send = (target: number, signal: NodeJS.Signals): void => {
    if (!state.ended) process.kill(target, signal);
  };
  return {
    pid,
    result,
    get stdout() {
      return stdout.text();
    },
    get stderr() {
      return stderr.text();
    },
    kill(signal) {
      send(pid, signal);
    },
    killGroup(signal) {
      send(-pid, signal);
    },
    async waitFor(pattern, timeoutMs = DEFAULT_TIMEOUT_MS) {
      const deadline = Date.now() + timeoutMs;
      while (!pattern.test(stdout.text()) && !pattern.test(stderr.text())) {
        const why = state.drained ? 'it ended' : Date.now() > deadline ? `${timeoutMs} ms passed` : null;
        if (why !== null) throw new Error(`${why} before ${pattern} appeared:\n${stdout.text()}\n${stderr.text()}`);
        await sleep(10);
      }
    },
    async [Symbol.asyncDispose]() {
      state.abandoned = !state.ended;
      await guarded.close();
    },
  };
}

/** No credentials, no AWS profile, no setting of the developer's machine: a test says what it needs. */
function bareEnvironment(): Record<string, string | undefined> {
  const { PATH, HOME, TMPDIR, LANG } = process.env;
  return {
    PATH,
    HOME,
    TMPDIR,
    LANG,
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

function collect(stream: Readable | null): { text(): string; readonly ended: Promise<void> } {
  let text = '';
  if (stream === null) return { text: () => text, ended: Promise.resolve() };
  stream.setEncoding('utf8');
  stream.on('data', (part: string) => {
    text += part;
  });
  const ended = new Promise<void>((resolve) => {
    stream.once('close', resolve);
  });
  return { text: () => text, ended };
}
