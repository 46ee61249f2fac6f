/**
 * Who keeps a file locked, as the kernel says: of several processes, containers and pid namespaces it alone knows, and it says nothing of a
 * process that cannot be seen from here. What a process wrote down of itself may be the id of another one: of its own container's, or of
 * one that came later.
 *
 * The kernel names a file by its inode and by the device of its file system. That is what stat(2) says, except where a file system has devices
 * of its own for parts of it, as btrfs for subvolumes and overlayfs for its layers: there, /proc/self/mountinfo has it. Where a lock on that inode
 * is on neither of them, nobody can tell whose it is, and that is the answer.
 *
 * Followed: every message that names a process by whom a file is locked asks here. Only Linux answers (proc(5), /proc/locks); elsewhere
 * nobody is named, unless the state says which process it was and that lives.
 */
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Of a file's shared memory in WAL mode: whoever writes has locked this byte (https://www.sqlite.org/walformat.html#wal_locks). */
const WAL_WRITE_LOCK = 120;

/**
 * @param byte that the lock is on; any unless given
 * @returns ids of the processes that hold a write lock; null: the kernel does not say such things here, or not of which file
 */
export function lockHolders(file: string, byte?: number): readonly number[] | null {
  if (process.platform !== 'linux') return null;
  try {
    const { dev, ino } = statSync(file, { bigint: true });
    const locks = readFileSync('/proc/locks', 'utf8');
    return holdersOf(locks, ino, deviceOf(dev), () => mountDeviceOf(dirname(file)), byte);
  } catch {
    return null;
  }
}

/** The process that is in the midst of a transaction on a SQLite file of ours: in WAL mode, its lock is on the file's shared memory. */
export function writerOf(file: string): number | null {
  return lockHolders(`${file}-shm`, WAL_WRITE_LOCK)?.find((pid) => pid !== process.pid) ?? null;
}

/**
 * @param locks as for `holdersIn`
 * @param device that stat(2) says the file is on
 * @param mountedOn asks for the device of its mount; null where it has none
 * @returns null where the file is on neither, and one of its inode is locked elsewhere
 */
export function holdersOf(
  locks: string,
  inode: bigint,
  device: string,
  mountedOn: () => string | null,
  byte?: number,
): readonly number[] | null {
  const seen = holdersIn(locks, device, inode, byte);
  // As a rule that is all.
  if (seen !== null) return seen;
  const mounted = mountedOn();
  // Of one and the same device, what is locked on others is another file.
  if (mounted === device) return [];
  return holdersIn(locks, mounted, inode, byte);
}

/**
 * @param locks `1: POSIX  ADVISORY  WRITE 29466 fe:00:2351874 0 EOF` a line; `1: -> ...` waits for it
 * @param on the device that the file may be on: `fe:00`; null: none is known
 * @returns null where a file of that inode is locked on other devices alone: whether it is this one, nobody can tell
 */
function holdersIn(locks: string, on: string | null, inode: bigint, byte?: number): readonly number[] | null {
  const held = locks.split('\n').flatMap((line) => {
    const [, , , kind, pid, where, from, to] = line.split(/\s+/);
    const [, device, number] = /^(\w+:\w+):(\d+)$/.exec(String(where)) ?? [];
    if (kind !== 'WRITE' || device === undefined || number !== String(inode)) return [];
    const covers = byte === undefined || (Number(from) <= byte && (to === 'EOF' || byte <= Number(to)));
    return covers ? [{ pid: Number(pid), known: device === on }] : [];
  });
  if (held.length > 0 && held.every(({ known }) => !known)) return null;
  return [...new Set(held.flatMap(({ pid, known }) => (known && pid > 0 ? [pid] : [])))];
}

/**
 * @param mountinfo of proc(5): `36 35 0:32 / /mnt2 rw - btrfs /dev/sda rw` a line: a mount's id, its parent's, and the device of its file system
 * @returns as /proc/locks writes it; null: there is no such mount
 */
export function mountDevice(mountinfo: string, id: string): string | null {
  for (const line of mountinfo.split('\n')) {
    const [mount, , device] = line.split(' ');
    const [, major, minor] = /^(\d+):(\d+)$/.exec(device ?? '') ?? [];
    if (mount === id && major !== undefined && minor !== undefined)
      return `${hex(BigInt(major))}:${hex(BigInt(minor))}`;
  }
  return null;
}

/** The device of the file system that a folder is in. @returns as `mountDevice` */
export function mountDeviceOf(folder: string): string | null {
  return mountDevice(readFileSync('/proc/self/mountinfo', 'utf8'), mountIdOf(folder));
}

/** Of a folder, and not of the file itself: to close a descriptor of that would drop the locks that this process has on it. */
function mountIdOf(folder: string): string {
  const descriptor = openSync(folder, 'r');
  try {
    return /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'))?.[1] ?? '';
  } finally {
    closeSync(descriptor);
  }
}

/** @returns as /proc/locks writes it */
export function deviceOf(dev: bigint): string {
  // makedev(3) of glibc.
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffff_ff00n);
  return `${hex(major)}:${hex(minor)}`;
}

/** As the kernel writes them in /proc/locks: two digits at least. */
function hex(number: bigint): string {
  return number.toString(16).padStart(2, '0');
}
