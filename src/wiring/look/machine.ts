/**
 * What the machine lets one process have. A container's limit counts, where it is below what the machine has: beyond it
 * the kernel ends the process without a word. So does that of each control group around it
 * (`core/machine/control-groups.ts`).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { controlGroupFolders, limitIn } from '../../core/machine/control-groups.js';

/** Of a Node process, itself, V8's and libuv's: with 11 of them, the tool runs; with fewer, Node aborts or hangs. */
export const NODE_THREADS = 12;

/**
 * Files that this process, and each of its children, may have open; null where the machine does not say. Node raises it
 * to the hard limit.
 */
export function openFilesLimit(): number | null {
  return numberIn(/^Max open files +(\d+)/m.exec(contentOf('/proc/self/limits')));
}

/**
 * Processes and threads that may still be started, by the limit of the user (none for root) and that of the container;
 * null where neither is known.
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

/** 0 where there is no such process, or the machine does not say. */
export function threadsOfProcess(pid: number): number {
  return threadsIn(contentOf(`/proc/${pid}/status`)) ?? 0;
}

function threadsIn(status: string): number | null {
  return numberIn(/^Threads:\s+(\d+)/m.exec(status));
}

/** By the narrowest of the control groups that this process is in. */
function ofContainer(read: Read): number | null {
  const left = groupsOf('pids', read).flatMap((folder) => {
    const most = limitIn(read(`${folder}/pids.max`));
    return most === null ? [] : [most - Number(read(`${folder}/pids.current`))];
  });
  return left.length === 0 ? null : Math.min(...left);
}

/**
 * Processors that may be busy at once: fewer than the machine has where a container is given a share of time; one at
 * least.
 */
export function processors(machine: number = availableParallelism(), read: Read = contentOf): number {
  const shares = groupsOf('cpu', read).flatMap((folder) => {
    const [quota = '', period = ''] =
      /^(\d+) (\d+)$/m.exec(read(`${folder}/cpu.max`))?.slice(1) ??
      ['quota', 'period'].map((name) => read(`${folder}/cpu.cfs_${name}_us`).trim());
    // Version 1 says -1 where there is none.
    return Number(quota) > 0 && Number(period) > 0 ? [Number(quota) / Number(period)] : [];
  });
  return Math.max(1, Math.min(machine, ...shares.map(Math.ceil)));
}

/** Processes of the container that the kernel ended for their memory so far; null where it does not say. */
export function memoryKills(): number | null {
  for (const folder of groupsOf('memory', contentOf)) {
    const counted = contentOf(`${folder}/memory.events`) + contentOf(`${folder}/memory.oom_control`);
    const kills = numberIn(/^oom_kill (\d+)$/m.exec(counted));
    if (kills !== null) return kills;
  }
  return null;
}

/** The content of a file; empty where it cannot be read. */
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
