/**
 * Runs one command until it is through, however often it is killed or stopped on its way, and harasses it meanwhile.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { spawnCli, type CliResult, type RunningCli } from '../support/cli.js';
import type { Faults, ProcessAction } from './faults.js';
import type { Watch } from './watch.js';

export interface SoakRun {
  readonly command: 'backfill' | 'verify';
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly faults: Faults;
  readonly watch: Watch;
  readonly random: () => number;
  readonly tell: (text: string) => void;
}

interface Bounds {
  /** Processes are killed and signalled for so long. */
  readonly killForMs: number;
  readonly giveUpAfterMs: number;
}

const SECOND = 1_000;
/** Longer than a worker without its supervisor may take to end. */
const GRACE_MS = 60 * SECOND;
const ACTIONS_A_PHASE = 12;
const CONNECTION_KILL_EVERY_MS = 8 * SECOND;

/** @throws Error where it ends in a way that none of the faults explains, or does not come to its end */
export async function runToItsEnd(run: SoakRun, { killForMs, giveUpAfterMs }: Bounds): Promise<void> {
  const begun = performance.now();
  const actionEveryMs = killForMs / ACTIONS_A_PHASE;
  for (;;) {
    const left = giveUpAfterMs - (performance.now() - begun);
    if (left < 0) throw new Error(`${run.command} did not come to its end`);
    await using cli = await spawnCli([run.command, '--all', '--json'], {
      cwd: run.cwd,
      env: run.env,
      graceMs: GRACE_MS,
    });
    const over = new AbortController();
    const ended = cli.result.finally(() => over.abort());
    const actions: ProcessAction[] = [];
    const [result] = await Promise.all([
      Promise.race([ended, gaveUp(left, over.signal)]),
      cutConnections(run, over.signal),
      watchProcesses(run, cli, over.signal),
      (async () => {
        while (performance.now() - begun < killForMs) {
          if (!(await pause((0.5 + run.random()) * actionEveryMs, over.signal))) return;
          if (performance.now() - begun >= killForMs) return;
          const action = run.faults.nextAction();
          actions.push(action);
          run.tell(`${run.command}: ${action}`);
          await act(run, cli, action);
        }
      })(),
    ]);
    if (result.code === 0) return;
    explain(run, result, actions);
    run.faults.note('resume');
  }
}

/**
 * A worker that was killed is told at the end of the run, whatever was done to the others meanwhile.
 * @throws Error where what happened does not explain the end
 */
function explain({ command, tell, faults }: SoakRun, result: CliResult, actions: readonly ProcessAction[]): void {
  const { code, signal, stdout, stderr } = result;
  if (signal === 'SIGKILL' || code === 130) return;
  const codes = [...stdout.matchAll(/"code": "(E_\w+)"/g)].map(([, found]) => found ?? '');
  if (actions.includes('SIGKILL of a worker') && codes.length > 0 && codes.every((found) => found === 'E_WORKER_DIED'))
    return;
  // Patience ran out: that is an end in order too, as long as the next run goes on from there.
  if (codes.length > 0 && codes.every((found) => /^E_(SOURCE_LOST|SOURCE_CONNECT|TARGET_UNAVAILABLE)$/.test(found))) {
    tell(`${command}: ended by ${codes.join(', ')}`);
    for (const found of codes) faults.note(`ended by ${found}`);
    return;
  }
  throw new Error(
    `${command} ended with ${String(code)}${signal ?? ''} after ${actions.join(', ')}:\n${stdout}\n${stderr.slice(-4_000)}`,
  );
}

async function act(run: SoakRun, cli: RunningCli, action: ProcessAction): Promise<void> {
  const workers = workersOf(cli);
  const worker = workers[Math.floor(run.random() * workers.length)];
  switch (action) {
    case 'SIGKILL of a worker':
      if (worker !== undefined) send(worker, 'SIGKILL');
      return;
    case 'SIGKILL of the supervisor':
      cli.kill('SIGKILL');
      return;
    case 'SIGKILL of all':
      cli.killGroup('SIGKILL');
      return;
    case 'SIGTERM':
      cli.kill('SIGTERM');
      return;
    case 'SIGINT':
      cli.killGroup('SIGINT');
      return;
    case 'SIGINT twice':
      cli.killGroup('SIGINT');
      await sleep(run.random() * 2 * SECOND);
      cli.killGroup('SIGINT');
      return;
    case 'a worker stands still':
      if (worker === undefined) return;
      send(worker, 'SIGSTOP');
      await sleep((1 + 11 * run.random()) * SECOND);
      send(worker, 'SIGCONT');
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It had ended.
  }
}

/** Process ids of the workers, from the events on stderr. */
function workersOf(cli: RunningCli): readonly number[] {
  return [...cli.stderr.matchAll(/"event":"shard\.started".*"pid":(\d+)/g)].map(([, pid]) => Number(pid));
}

async function cutConnections({ faults, random }: SoakRun, signal: AbortSignal): Promise<void> {
  while (await pause((0.5 + random()) * CONNECTION_KILL_EVERY_MS, signal)) await faults.killConnection();
}

async function watchProcesses({ watch, command }: SoakRun, cli: RunningCli, signal: AbortSignal): Promise<void> {
  while (await pause(SECOND, signal)) {
    watch.look(cli.pid, `${command} supervisor`);
    for (const pid of workersOf(cli)) watch.look(pid, `${command} worker`);
  }
}

/** @returns false where the run is over */
async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
  return !signal.aborted;
}

async function gaveUp(ms: number, signal: AbortSignal): Promise<never> {
  await sleep(ms, undefined, { signal }).catch(() => new Promise<never>(() => undefined));
  throw new Error('it did not come to its end');
}
