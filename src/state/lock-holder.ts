/**
 * Who keeps a file locked, as the kernel says: of several processes, containers and pid namespaces it alone knows, and it says nothing of a
 * process that cannot be seen from here. What a process wrote down of itself may be the id of another one: of its own container's, or of
 * one that came later.
 *
 * Followed: every message that names a process by whom a file is locked asks here. Only Linux answers (proc(5), /proc/locks); elsewhere
 * nobody is named, unless the state says which process it was and that lives.
 */
import { readFileSync, statSync } from 'node:fs';

/** @returns ids of the processes that hold a write lock on any part of it; null: the kernel does not say such things here */
export function lockHolders(file: string): readonly number[] | null {
  if (process.platform !== 'linux') return null;
  try {
    const place = placeOf(file);
    return holdersIn(readFileSync('/proc/locks', 'utf8'), place);
  } catch {
    return null;
  }
}

/**
 * @param locks `1: POSIX  ADVISORY  WRITE 29466 fe:00:2351874 0 EOF` a line; `1: -> ...` waits for it
 * @param place `fe:00:2351874`
 */
export function holdersIn(locks: string, place: string): readonly number[] {
  const pids = locks.split('\n').flatMap((line) => {
    const [, , , kind, pid, where] = line.trim().split(/\s+/);
    return kind === 'WRITE' && where === place && Number(pid) > 0 ? [Number(pid)] : [];
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
