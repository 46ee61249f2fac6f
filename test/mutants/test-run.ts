/**
 * Runs test files of a tree, to the first failure or to a time limit, in a vitest that stays between runs
 * (vitest-process.ts): a start of its own takes as long as many a file. What hangs is killed, with every process of its
 * group, and the next run has a new one.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Tree } from './tree.js';
import type { Answer, FailedTest, Request } from './vitest-process.js';

export type { FailedTest } from './vitest-process.js';

export interface RunResult {
  readonly outcome: 'passed' | 'failed' | 'timed out';
  /** null where nothing failed, and where the run failed outside of any test. */
  readonly failed: FailedTest | null;
  /** Tests that ran and passed. */
  readonly tests: number;
  /** By test file, ms. Files that a failure kept from running are absent. */
  readonly durations: ReadonlyMap<string, number>;
  readonly ms: number;
  /** The end of what it printed. */
  readonly output: string;
}

export interface RunOptions {
  /**
   * How long nothing may end, neither a test nor a file: what takes longer hangs. The start of vitest is not part of
   * it.
   */
  readonly limitMs: number;
  /** All failures, not the first one alone. */
  readonly all?: boolean;
  /** One test alone, by its full name. */
  readonly name?: string;
}

/** As vitest-process.ts sends it; of that file, only types are imported: it is a program. */
const PROGRESS = 'progress';
/** From SIGTERM to SIGKILL. */
const GRACE_MS = 2_000;
const START_LIMIT_MS = 180_000;
const PROCESS = fileURLToPath(new URL('vitest-process.ts', import.meta.url));

/** Runs of one project of the tests over one tree, one at a time. */
export class TestRunner {
  #child: ChildProcess | null = null;
  /** The state of the tree that the process knows. */
  #seen = 0;

  /** @param env besides that of this process, for every run */
  constructor(
    private readonly tree: Tree,
    private readonly project: 'unit' | 'servers',
    private readonly env: NodeJS.ProcessEnv,
    private readonly signal: AbortSignal,
  ) {}

  /** @throws Error where the signal ended it, or vitest does not start */
  async run(files: readonly string[], { limitMs, all = false, name }: RunOptions): Promise<RunResult> {
    this.signal.throwIfAborted();
    const child = (this.#child ??= await this.#start());
    const started = Date.now();
    const { changed, state } = this.tree.changedSince(this.#seen);
    this.#seen = state;
    const absolute = (path: string): string => join(this.tree.root, path);
    const request: Request = { files: files.map(absolute), name: name ?? null, all, changed: changed.map(absolute) };
    child.send(request);
    const answer = await this.#messageOf<Answer>(child, limitMs);
    const ms = Date.now() - started;
    if (answer === null) {
      await this.close();
      this.signal.throwIfAborted();
      return { outcome: 'timed out', failed: null, tests: 0, durations: new Map(), ms, output: '' };
    }
    if (answer === 'ended') {
      await this.close();
      const output = 'vitest itself ended';
      return { outcome: 'failed', failed: null, tests: 0, durations: new Map(), ms, output };
    }
    if (!endOrphans(child.pid ?? 0) && !answer.passed) await this.close();
    const { passed, failed, tests, durations, output } = answer;
    return { outcome: passed ? 'passed' : 'failed', failed, tests, durations: new Map(durations), ms, output };
  }

  /** Ends it, with all that its tests have left. The next run starts a new one. */
  async close(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null) return;
    const ended = new Promise<void>((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) resolve();
      else child.once('exit', () => resolve());
    });
    // Guards are sessions of their own and end with their parents.
    sendToGroup(child, 'SIGTERM');
    const timer = setTimeout(() => sendToGroup(child, 'SIGKILL'), GRACE_MS);
    await ended;
    clearTimeout(timer);
    sendToGroup(child, 'SIGKILL');
  }

  async #start(): Promise<ChildProcess> {
    // Found from here: the tree has no libraries of its own. Bare `tsx` would be looked for from the working directory.
    const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
    const child = spawn(process.execPath, ['--import', tsx, PROCESS, this.tree.root, this.project], {
      cwd: this.tree.root,
      env: { ...process.env, TEST: 'true', VITEST: 'true', NODE_ENV: 'test', ...this.env },
      // A group of its own, so that all of it can be ended.
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let errors = '';
    child.stderr?.on('data', (part: Buffer) => {
      errors = (errors + part.toString()).slice(-2_000);
    });
    this.#child = child;
    this.#seen = this.tree.state;
    const ready = await this.#messageOf<'ready'>(child, START_LIMIT_MS);
    if (ready === 'ready') return child;
    await this.close();
    this.signal.throwIfAborted();
    throw new Error(`vitest did not start: ${ready === null ? 'it took too long' : errors}`);
  }

  /** Its next message; 'ended' where it ends before, null where the time is over or the signal comes. */
  async #messageOf<Message>(child: ChildProcess, limitMs: number): Promise<Message | 'ended' | null> {
    return await new Promise((resolve) => {
      const settle = (value: Message | 'ended' | null): void => {
        clearTimeout(timer);
        this.signal.removeEventListener('abort', stop);
        child.off('message', take).off('exit', end).off('error', end);
        resolve(value);
      };
      const take = (message: unknown): void => {
        if (message === PROGRESS) timer.refresh();
        else settle(message as Message);
      };
      const end = (): void => settle('ended');
      const stop = (): void => settle(null);
      const timer = setTimeout(stop, limitMs);
      this.signal.addEventListener('abort', stop, { once: true });
      child.on('message', take).once('exit', end).once('error', end);
    });
  }
}

function sendToGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}

/**
 * Ends what a test has left running: processes of the group whose line of parents no longer leads to its leader. False
 * where that cannot be seen.
 */
function endOrphans(leader: number): boolean {
  const parents = new Map<number, number>();
  const group: number[] = [];
  try {
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      const stat = statOf(name);
      if (stat === null) continue;
      parents.set(Number(name), stat.parent);
      if (stat.group === leader) group.push(Number(name));
    }
  } catch {
    return false;
  }
  const belongs = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at))
      if (at === leader) return true;
    return false;
  };
  for (const pid of group.filter((member) => !belongs(member))) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
  return true;
}

/** Of a process; null where it has ended meanwhile. */
function statOf(pid: string): { readonly parent: number; readonly group: number } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name before it may hold anything.
    const [, parent, group] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { parent: Number(parent), group: Number(group) };
  } catch {
    return null;
  }
}
