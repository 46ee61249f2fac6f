/**
 * What the machine lets one process have. A container's limit counts, where it is below what the machine has: beyond it the kernel ends
 * the process without a word.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** Of a Node process, itself, V8's and libuv's: with 11 of them, the tool runs; with fewer, Node aborts or hangs. */
export const NODE_THREADS = 12;

/** Files that this process, and each of its children, may have open; null where the machine does not say. Node raises it to the hard limit. */
export function openFilesLimit(): number | null {
  return numberIn(/^Max open files +(\d+)/m.exec(contentOf('/proc/self/limits')));
}

/**
 * Processes and threads that may still be started, by the limit of the user (none for root) and that of the container; null where
 * neither is known.
 */
export function processesLeft(): number | null {
  const left = [ofUser(), ofContainer()].filter((count) => count !== null);
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

function ofContainer(): number | null {
  for (const folder of cgroupFolders('pids')) {
    const [most, current] = ['pids.max', 'pids.current'].map((name) => contentOf(`${folder}/${name}`).trim());
    if (/^\d+$/.test(most ?? '')) return Number(most) - Number(current);
  }
  return null;
}

/** Processes of the container that the kernel ended for their memory so far; null where it does not say. */
export function memoryKills(): number | null {
  for (const folder of cgroupFolders('memory')) {
    const counted = contentOf(`${folder}/memory.events`) + contentOf(`${folder}/memory.oom_control`);
    const kills = numberIn(/^oom_kill (\d+)$/m.exec(counted));
    if (kills !== null) return kills;
  }
  return null;
}

/** Of this process's control groups, version 2 and 1; a container may see its own as the root. */
function cgroupFolders(controller: string): readonly string[] {
  const lines = contentOf('/proc/self/cgroup').split('\n');
  const own = lines.flatMap((line) => {
    const [, controllers = '', path = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === '') return [`/sys/fs/cgroup${path}`];
    return controllers.split(',').includes(controller) ? [`/sys/fs/cgroup/${controller}${path}`] : [];
  });
  return [...own, '/sys/fs/cgroup', `/sys/fs/cgroup/${controller}`];
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
