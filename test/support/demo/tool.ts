/** dynaferry as a user runs it: shows the command, passes its output on, and checks exit code and words against what was announced. */
import { spawn, type ChildProcess } from 'node:child_process';
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

  /** One at a time. */
  start(args: readonly string[]): RunningTool {
    const { narrator, cwd, env, stop } = this.options;
    stop.throwIfAborted();
    narrator.command(`dynaferry ${args.join(' ')}`);
    const command = [process.execPath, LAUNCHER, ...args];
    // On a terminal dynaferry draws its bars there itself; elsewhere both streams take one pipe, so that their lines keep their order.
    const bars = process.stdout.isTTY && process.stderr.isTTY && (args[0] === 'backfill' || args[0] === 'verify');
    const [program, ...rest] = bars ? command : ['sh', '-c', 'exec "$@" 2>&1', 'sh', ...command];
    const child = spawn(program ?? '', rest, { cwd, env, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (part: string) => {
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
