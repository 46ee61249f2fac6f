/**
 * Who keeps a file locked, as the kernel says: of several processes, containers and pid namespaces it alone knows, and it says nothing of a
 * process that cannot be seen from here. What a process wrote down of itself may be the id of another one: of its own container's, or of
 * one that came later.
 *
 * Followed: every message that names a process by whom a file is locked asks here. Only Linux answers (proc(5), /proc/locks); elsewhere
 * nobody is named, unless the state says which process it was and that lives.
 */
import { readFileSync, statSync } from 'node:fs';

/** Of a file's shared memory in WAL mode: whoever writes has locked this byte (https://www.sqlite.org/walformat.html#wal_locks). */
const WAL_WRITE_LOCK = 120;

/**
 * @param byte that the lock is on; any unless given
 * @returns ids of the processes that hold a write lock; null: the kernel does not say such things here
 */
export function lockHolders(file: string, byte?: number): readonly number[] | null {
  if (process.platform !== 'linux') return null;
  try {
    const place = placeOf(file);
    return holdersIn(readFileSync('/proc/locks', 'utf8'), place, byte);
  } catch {
    return null;
  }
}

/** The process that is in the midst of a transaction on a SQLite file of ours: in WAL mode, its lock is on the file's shared memory. */
export function writerOf(file: string): number | null {
  return lockHolders(`${file}-shm`, WAL_WRITE_LOCK)?.find((pid) => pid !== process.pid) ?? null;
}

/**
 * @param locks `1: POSIX  ADVISORY  WRITE 29466 fe:00:2351874 0 EOF` a line; `1: -> ...` waits for it
 * @param place `fe:00:2351874`
 */
export function holdersIn(locks: string, place: string, byte?: number): readonly number[] {
  const pids = locks.split('\n').flatMap((line) => {
    const [, , , kind, pid, where, from, to] = line.trim().split(/\s+/);
    if (kind !== 'WRITE' || where !== place || !(Number(pid) > 0)) return [];
    const covers = byte === undefined || (Number(from) <= byte && (to === 'EOF' || byte <= Number(to)));
    return covers ? [Number(pid)] : [];
  });
  return [...new Set(pids)];
}

/** As the kernel writes it: device numbers in hexadecimal, two digits at least, inode in decimal. */
function placeOf(file: string): string {
  const { dev, ino } = statSync(file, { bigint: true });
  // makedev(3) of glibc.
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  const hex = (number: bigint): string => number.toString(16).padStart(2, '0');
  return `${hex(major)}:${hex(minor)}:${ino}`;
}
