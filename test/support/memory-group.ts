/**
 * Sets a container's limit of memory as the kernel keeps it, by a control group of its own. The kernel ends a process
 * of the group once all of them together have used up their limit. Only root can make such a group, on Linux, where
 * nobody else has the controllers. Elsewhere such a test is skipped, and counted as skipped.
 */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export interface MemoryGroup extends AsyncDisposable {
  /** Put before a program: it and its children are in the group. */
  readonly program: readonly string[];
  /** Allocates in the group until the kernel has ended a process of it. */
  readonly fill: readonly string[];
}

const ROOT = '/sys/fs/cgroup';
/** What the last process of a group leaves takes the kernel a moment. */
const GONE_WITHIN_MS = 5_000;

/** Some MB at a time. */
const FILL = `
  const { readFileSync } = require('node:fs');
  const kept = [];
  const kills = () => Number(/^oom_kill (\\d+)$/m.exec(readFileSync(process.argv[1], 'utf8'))[1]);
  while (kills() === 0) kept.push(Buffer.alloc(8 << 20, 1));
`;

/** @param bytes that all its processes may have together @returns null where it cannot be made */
export function makeMemoryGroup(bytes: number): MemoryGroup | null {
  for (const [base, limit, counted] of [
    [`${ROOT}/memory`, 'memory.limit_in_bytes', 'memory.oom_control'],
    [ROOT, 'memory.max', 'memory.events'],
  ] as const) {
    const folder = `${base}/dynaferry-test-${process.pid}`;
    try {
      mkdirSync(folder);
    } catch {
      continue;
    }
    try {
      // Only where the kernel has put that file there.
      writeFileSync(`${folder}/${limit}`, String(bytes), { flag: 'r+' });
      if (/^oom_kill 0$/m.test(readFileSync(`${folder}/${counted}`, 'utf8'))) return groupIn(folder, counted);
    } catch {
      // Without the controller, it has no such files.
    }
    rmdirSync(folder);
  }
  return null;
}

function groupIn(folder: string, counted: string): MemoryGroup {
  // None of them is to be ended in the place of the one that a test names, which may take a while to be gone.
  const kept = 'echo -1000 > /proc/$$/oom_score_adj';
  const program = ['sh', '-c', `${kept}; echo $$ > ${folder}/cgroup.procs && exec "$@"`, 'sh'];
  return {
    program,
    fill: [...program, process.execPath, '-e', FILL, `${folder}/${counted}`],
    [Symbol.asyncDispose]: async () => {
      const end = Date.now() + GONE_WITHIN_MS;
      for (;;) {
        try {
          rmdirSync(folder);
          return;
        } catch (error) {
          if (Date.now() > end) throw error;
        }
        await sleep(20);
      }
    },
  };
}

/** The kernel ends this process first. */
export function endFirst(pid: number): void {
  writeFileSync(`/proc/${pid}/oom_score_adj`, '1000');
}
