/**
 * Runs dynaferry as a user does. It shows the command, passes its output on, and checks exit code and words against
 * what the demo announced.
 */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Cleanup } from './cleanup.js';
import type { Narrator } from './narrator.js';

const LAUNCHER = fileURLToPath(new URL('../../../bin/dynaferry', import.meta.url));
/** From SIGTERM to SIGKILL, where the demo ends before the command does. */
const GRACE_MS = 3_000;

export interface ToolOptions {
  readonly narrator: Narrator;
  readonly cleanup: Cleanup;
  readonly stop: AbortSignal;
  /** Holds the dynaferry.yaml. */
  readonly cwd: string;
  /** The whole environment. */
  readonly env: NodeJS.ProcessEnv;
}

export interface Expected {
  readonly exit: number;
  /** Not of `status`, whose output goes straight to the screen. */
  readonly shows?: readonly (string | RegExp)[];
}

export interface RunningTool {
  readonly child: ChildProcess;
  /** Its end, all output passed on. */
  readonly ended: Promise<Ended>;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

export class Tool {
  #running: RunningTool | null = null;

  constructor(private readonly options: ToolOptions) {
    options.cleanup.add(async () => {
      await this.#end();
    });
  }

  /** @throws Error where it ends otherwise than expected */
  async run(args: readonly string[], expected: Expected): Promise<Ended> {
    const ended = await this.start(args).ended;
    const { code, signal, output } = ended;
    const command = `dynaferry ${args.join(' ')}`;
    if (code !== expected.exit) {
      throw new Error(
        `\`${command}\` should have exited ${expected.exit}, and ended with ${signal ?? code ?? 'nothing'}`,
      );
    }
    for (const words of expected.shows ?? []) {
      const shown = typeof words === 'string' ? output.includes(words) : words.test(output);
      if (!shown) throw new Error(`\`${command}\` should have shown ${String(words)}`);
    }
    return ended;
  }

  /** Starts one command; one runs at a time. */
  start(args: readonly string[]): RunningTool {
    const { narrator, cwd, env, stop } = this.options;
    stop.throwIfAborted();
    narrator.command(`dynaferry ${args.join(' ')}`);
    const { program, stdio } = launch(args);
    const child = spawn(program[0], program.slice(1), { cwd, env, stdio });
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (part: string) => {
      output += part;
      narrator.relay(part);
    });
    const ended = once(child, 'close').then(([code, signal]) => {
      this.#running = null;
      return { code: code as number | null, signal: signal as NodeJS.Signals | null, output };
    });
    this.#running = { child, ended };
    return this.#running;
  }

  async #end(): Promise<void> {
    if (this.#running === null) return;
    const { child, ended } = this.#running;
    child.kill('SIGTERM');
    const impatient = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
    await ended;
    clearTimeout(impatient);
  }
}

/**
 * Chooses how the output of a command reaches the screen. The demo reads it and passes it on, except where dynaferry
 * itself fits its output to the terminal.
 */
function launch(args: readonly string[]): { readonly program: [string, ...string[]]; readonly stdio: StdioOptions } {
  const [command = ''] = args;
  const program: [string, ...string[]] = [process.execPath, LAUNCHER, ...args];
  if (command === 'status') return { program, stdio: ['ignore', 'inherit', 'inherit'] };
  const bars = process.stdout.isTTY && process.stderr.isTTY && ['backfill', 'verify'].includes(command);
  if (bars) return { program, stdio: ['ignore', 'pipe', 'inherit'] };
  // Both streams take one pipe, so that their lines keep their order.
  return { program: ['sh', '-c', 'exec "$@" 2>&1', 'sh', ...program], stdio: ['ignore', 'pipe', 'inherit'] };
}
