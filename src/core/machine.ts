/**
 * What the machine lets one process have. A container's limit counts, where it is below what the machine has: beyond it the kernel ends
 * the process without a word.
 */
import { constants } from 'node:buffer';
import { readdirSync, readFileSync } from 'node:fs';
import { totalmem } from 'node:os';

/** Bytes of memory that this process may have, of the machine or of its container. */
export function memoryLimit(): number {
  // 0 or beyond the machine's: there is no limit (Node, process.constrainedMemory).
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

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
    return sum + (own ? (numberIn(/^Threads:\s+(\d+)/m.exec(status)) ?? 1) : 0);
  }, 0);
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

/**
 * Copies of a row that are in memory at once while it is read and mapped: the driver's packets and their sum, the block, its cells as
 * text and the bytes that prove the text exact; and as much again for all else. Measured: see test/integration/mysql/large-rows.test.ts.
 */
const COPIES_OF_A_ROW = 8;

/** Cells are read as strings, of which V8 has none longer: `buffer.constants.MAX_STRING_LENGTH`, 512 MiB. */
const LONGEST_TEXT = constants.MAX_STRING_LENGTH;

/** Bytes of the largest row, as MySQL sends it, that a process with so much memory takes; larger ones are refused, with E_ROW_TOO_LARGE. */
export function largestRow(memory: number = memoryLimit()): number {
  return Math.min(LONGEST_TEXT, Math.floor(memory / COPIES_OF_A_ROW));
}
