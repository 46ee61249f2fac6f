/**
 * Reads what the machine lets one process have. If a container's limit is below the machine's, it counts: beyond it,
 * the kernel ends the process without a message. The limit of each control group around it counts too
 * (`core/machine/control-groups.ts`).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { controlGroupFolders, limitIn } from '../../core/machine/control-groups.js';

/**
 * Threads of a Node process: its own, V8's and libuv's. With 11, the tool runs; with fewer, Node aborts or hangs. The
 * number has one to spare.
 */
export const NODE_THREADS = 12;

/**
 * Returns how many files this process, and each of its children, may have open; null if the machine does not report it.
 * Node raises it to the hard limit.
 */
export function openFilesLimit(): number | null {
  return numberIn(/^Max open files +(\d+)/m.exec(contentOf('/proc/self/limits')));
}

/**
 * Returns how many processes and threads may still start, by the limits of the user (root has none) and of the
 * container. null: neither is known.
 */
export function processesLeft(read: Read = contentOf): number | null {
  const left = [ofUser(), ofContainer(read)].filter((count) => count !== null);
  return left.length === 0 ? null : Math.max(0, Math.min(...left));
}

function ofUser(): number | null {
  const user = process.getuid?.() ?? 0;
  const most = numberIn(/^Max processes +(\d+)/m.exec(contentOf('/proc/self/limits')));
  if (user === 0 || most === null) return null;
  return most - threadsOf(user);
}

function threadsOf(user: number): number {
  const processes = entriesOf('/proc').filter((name) => /^\d+$/.test(name));
  return processes.reduce((sum, pid) => {
    const status = contentOf(`/proc/${pid}/status`);
    const own = numberIn(/^Uid:\s+(\d+)/m.exec(status)) === user;
    return sum + (own ? (threadsIn(status) ?? 1) : 0);
  }, 0);
}

/** Returns 0 if there is no such process, or if the machine does not report it. */
export function threadsOfProcess(pid: number): number {
  return threadsIn(contentOf(`/proc/${pid}/status`)) ?? 0;
}

function threadsIn(status: string): number | null {
  return numberIn(/^Threads:\s+(\d+)/m.exec(status));
}

/** Counts by the narrowest of the control groups that this process is in. */
function ofContainer(read: Read): number | null {
  const left = groupsOf('pids', read).flatMap((folder) => {
    const most = limitIn(read(`${folder}/pids.max`));
    return most === null ? [] : [most - Number(read(`${folder}/pids.current`))];
  });
  return left.length === 0 ? null : Math.min(...left);
}

/**
 * Returns how many processors may be busy at once, at least one. They are fewer than the machine has if a container
 * gets a share of time.
 */
export function processors(machine: number = availableParallelism(), read: Read = contentOf): number {
  const shares = groupsOf('cpu', read).flatMap((folder) => {
    const [quota = '', period = ''] =
      /^(\d+) (\d+)$/m.exec(read(`${folder}/cpu.max`))?.slice(1) ??
      ['quota', 'period'].map((name) => read(`${folder}/cpu.cfs_${name}_us`).trim());
    // Version 1 of control groups says -1 for no limit.
    return Number(quota) > 0 && Number(period) > 0 ? [Number(quota) / Number(period)] : [];
  });
  return Math.max(1, Math.min(machine, ...shares.map(Math.ceil)));
}

/**
 * Returns how many processes of the container the kernel has ended for their memory so far; null if it does not report
 * it.
 */
export function memoryKills(): number | null {
  for (const folder of groupsOf('memory', contentOf)) {
    const counted = contentOf(`${folder}/memory.events`) + contentOf(`${folder}/memory.oom_control`);
    const kills = numberIn(/^oom_kill (\d+)$/m.exec(counted));
    if (kills !== null) return kills;
  }
  return null;
}

/** Returns the content of a file, or an empty text if it cannot be read. */
type Read = (file: string) => string;

function groupsOf(controller: string, read: Read): readonly string[] {
  return controlGroupFolders(read('/proc/self/cgroup'), controller);
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function numberIn(found: RegExpExecArray | null): number | null {
  return found?.[1] === undefined ? null : Number(found[1]);
}
