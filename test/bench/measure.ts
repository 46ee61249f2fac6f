/**
 * Runs a command and measures it from outside: processor time of the whole process tree (user and system, as the kernel
 * accounts it for the processes that ended), wall-clock time, and the largest resident set of any one process of the
 * tree.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface Measured {
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  readonly peakRssMiB: number;
  readonly stdout: string;
}

const POLL_MS = 50;

/**
 * @param exits codes that the command may end with
 * @throws Error where it ends otherwise, with what it wrote to stderr
 */
export async function measure(
  command: readonly string[],
  env: NodeJS.ProcessEnv,
  exits: readonly number[] = [0],
): Promise<Measured> {
  const started = performance.now();
  // Bash's `time` adds up the command and all children that it waited for.
  const script = 'TIMEFORMAT="%U %S"; time "$@" 2>&3';
  const child = spawn('bash', ['-c', script, 'measure', ...command], {
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const out: Record<number, string> = { 1: '', 2: '', 3: '' };
  for (const fd of [1, 2, 3])
    child.stdio[fd]?.on('data', (part: Buffer) => (out[fd] = `${out[fd] ?? ''}${part.toString('utf8')}`));
  let peakKiB = 0;
  const poll = setInterval(() => {
    for (const pid of treeOf(child.pid ?? 0)) peakKiB = Math.max(peakKiB, highWaterMark(pid));
  }, POLL_MS);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearInterval(poll);
  if (code === null || !exits.includes(code))
    throw new Error(`${command.join(' ')} ended with ${String(code)}\n${out[3] ?? ''}`);
  const [user = 0, system = 0] = (out[2] ?? '').trim().split(/\s+/).slice(-2).map(Number);
  return {
    cpuSeconds: user + system,
    wallSeconds: (performance.now() - started) / 1_000,
    peakRssMiB: peakKiB / 1_024,
    stdout: out[1] ?? '',
  };
}

function treeOf(root: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (Number.isInteger(pid)) parents.set(pid, parentOf(pid));
  }
  const tree = [root];
  for (const pid of tree) for (const [child, parent] of parents) if (parent === pid) tree.push(child);
  return tree;
}

function parentOf(pid: number): number {
  // The name in parentheses may hold spaces: what is behind the last one counts.
  return Number(read(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ')[1] ?? 0);
}

function highWaterMark(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(read(`/proc/${pid}/status`))?.[1] ?? 0);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
