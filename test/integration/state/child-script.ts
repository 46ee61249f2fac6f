/** Runs a script of `scripts/` as a process of its own: locks and kills are about processes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface ChildScript extends AsyncDisposable {
  readonly pid: number;
  /** The next line it writes; null once it wrote its last. */
  line(): Promise<string | null>;
  /** Writes the line that a script told to `wait` waits for. */
  go(): void;
  /** Ends its standard input, which the scripts take as the word to finish. */
  finish(): void;
  kill(signal: NodeJS.Signals): void;
  /** Resolves when it is gone. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** @param shellPrefix shell commands to run first in the same process, such as `ulimit -f 100` */
export function startScript(name: string, args: readonly string[], shellPrefix = ':'): ChildScript {
  const script = fileURLToPath(new URL(`scripts/${name}.ts`, import.meta.url));
  const node = [process.execPath, '--import', 'tsx', script, ...args];
  const child = spawn('sh', ['-c', `${shellPrefix}; exec "$@"`, 'sh', ...node], {
    // Where `tsx` is found from.
    cwd: dirname(script),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
  }));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  if (child.pid === undefined) throw new Error(`${name} did not start`);
  return {
    pid: child.pid,
    exited,
    line: async () => {
      const next = await lines.next();
      return next.done === true ? null : next.value;
    },
    go: () => void child.stdin.write('go\n'),
    finish: () => child.stdin.end(),
    kill: (signal) => void child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Several at once; all are gone on disposal. */
export function startScripts(name: string, argsOfEach: readonly (readonly string[])[]): ChildScripts {
  const all = argsOfEach.map((args) => startScript(name, args));
  return {
    all,
    async [Symbol.asyncDispose]() {
      await Promise.all(all.map((child) => child[Symbol.asyncDispose]()));
    },
  };
}

export interface ChildScripts extends AsyncDisposable {
  readonly all: readonly ChildScript[];
}

/** What the script wrote until it ended. */
export async function allLines(child: ChildScript): Promise<string[]> {
  const lines: string[] = [];
  for (let line = await child.line(); line !== null; line = await child.line()) lines.push(line);
  await child.exited;
  return lines;
}
