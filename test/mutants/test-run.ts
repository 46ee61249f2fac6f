/** One run of vitest over some test files of a tree, to its first failure or to a time limit. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Tree } from './tree.js';

export interface FailedTest {
  /** From the root of the tree. */
  readonly file: string;
  readonly test: string;
  /** The first line of what was thrown. */
  readonly message: string;
}

export interface RunResult {
  readonly outcome: 'passed' | 'failed' | 'timed out';
  /** null where nothing failed, and where the run failed outside of any test. */
  readonly failed: FailedTest | null;
  /** By test file, ms. Files that a failure kept from running are absent. */
  readonly durations: ReadonlyMap<string, number>;
  readonly ms: number;
  /** The end of what it printed. */
  readonly output: string;
}

export interface RunOptions {
  readonly project: 'unit' | 'servers';
  readonly limitMs: number;
  readonly maxWorkers: number;
  /** All failures, not the first one alone. */
  readonly all?: boolean;
  /** Besides those of this process. */
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

/** The part of vitest's JSON report (Jest's format) that is read here. */
interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly startTime: number;
    readonly endTime: number;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

const OUTPUT_CHARACTERS = 4_000;
/** From SIGTERM to SIGKILL. */
const GRACE_MS = 2_000;

/** @throws Error where `signal` ended it */
export async function runTests(tree: Tree, files: readonly string[], options: RunOptions): Promise<RunResult> {
  const report = join(tree.root, 'report.json');
  rmSync(report, { force: true });
  const started = Date.now();
  const child = spawn(
    process.execPath,
    [
      'node_modules/vitest/vitest.mjs',
      'run',
      '-c',
      '.config/vitest.config.ts',
      `--project=${options.project}`,
      `--maxWorkers=${options.maxWorkers}`,
      ...(options.all === true ? [] : ['--bail=1']),
      '--reporter=json',
      `--outputFile=${report}`,
      ...files,
    ],
    // A group of its own, so that all of it can be ended. Guards are sessions of their own and end with their parents.
    { cwd: tree.root, env: { ...process.env, ...options.env }, detached: true, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  const take = (part: Buffer): void => {
    output = (output + part.toString()).slice(-OUTPUT_CHARACTERS);
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  const state = { timedOut: false };
  const send = (signal: NodeJS.Signals): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // It has ended meanwhile.
    }
  };
  const end = (): void => {
    send('SIGTERM');
    setTimeout(() => {
      send('SIGKILL');
    }, GRACE_MS).unref();
  };
  const timer = setTimeout(() => {
    state.timedOut = true;
    end();
  }, options.limitMs);
  options.signal.addEventListener('abort', end, { once: true });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  clearTimeout(timer);
  options.signal.removeEventListener('abort', end);
  // Whatever of the group a mutant has kept alive.
  send('SIGKILL');
  options.signal.throwIfAborted();
  const ms = Date.now() - started;
  const read = existsSync(report) ? (JSON.parse(readFileSync(report, 'utf8')) as Report) : { testResults: [] };
  const nameOfFile = (path: string): string => path.slice(path.lastIndexOf('/test/') + 1);
  const durations = new Map(
    read.testResults
      .filter(({ assertionResults }) => assertionResults.length > 0)
      .map(({ name, startTime, endTime }) => [nameOfFile(name), Math.max(0, Math.round(endTime - startTime))]),
  );
  if (state.timedOut) return { outcome: 'timed out', failed: null, durations, ms, output };
  return { outcome: code === 0 ? 'passed' : 'failed', failed: firstFailure(read), durations, ms, output };

  function firstFailure({ testResults }: Report): FailedTest | null {
    for (const { name, status, message, assertionResults } of testResults) {
      const failed = assertionResults.find((result) => result.status === 'failed');
      const file = nameOfFile(name);
      if (failed !== undefined) {
        return { file, test: failed.fullName, message: firstLine(failed.failureMessages?.[0] ?? '') };
      }
      if (status === 'failed' && message !== '') return { file, test: '(loading)', message: firstLine(message) };
    }
    return null;
  }
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]?.slice(0, 200) ?? '';
}
