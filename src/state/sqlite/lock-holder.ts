/**
 * Who keeps a file locked, as the kernel says: of several processes, containers and pid namespaces it alone knows, and
 * it says nothing of a process that cannot be seen from here. What a process wrote down of itself may be the id of
 * another one: of its own container's, or of one that came later.
 *
 * The kernel names a file by its inode and by the device of its file system. Those are not what stat(2) says where a
 * file system has devices of its own for parts of it, as btrfs for subvolumes and overlayfs for its layers: the
 * kernel's own names are in /proc/self/fdinfo and /proc/self/mountinfo. Linux up to 5.13 does not tell the inode there;
 * then stat's is taken, and where that finds nobody, nobody can tell.
 *
 * Followed: every message that names a process by whom a file is locked asks here. Only Linux answers (proc(5),
 * /proc/locks); elsewhere nobody is named, unless the state says which process it was and that lives.
 */
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';

/**
 * Of a file's shared memory in WAL mode: whoever writes has locked this byte
 * (https://www.sqlite.org/walformat.html#wal_locks).
 */
const WAL_WRITE_LOCK = 120;

/**
 * @param byte that the lock is on; any unless given
 * @returns ids of the processes that hold a write lock; null: the kernel does not say such things here, or not of which
 * file
 */
export function lockHolders(file: string, byte?: number): readonly number[] | null {
  if (process.platform !== 'linux') return null;
  try {
    const { mount, inode } = kernelNames(file);
    const { dev, ino } = statSync(file, { bigint: true });
    const locks = readFileSync('/proc/locks', 'utf8');
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
    const mounted = mountDevice(mounts, mount);
    // A lock on that inode of another device is on another file then.
    if (mounted !== null && inode !== null) return holdersIn(locks, [mounted], inode, byte) ?? [];
    const known = [deviceOf(dev), ...(mounted === null ? [] : [mounted])];
    const seen = holdersIn(locks, known, BigInt.asUintN(64, ino), byte);
    const isSaid = mounted === deviceOf(dev) && !isLayered(mounts, mount);
    return seen?.length === 0 && !isSaid ? null : seen;
  } catch {
    return null;
  }
}

/**
 * The process that is in the midst of a transaction on a SQLite file of ours: in WAL mode, its lock is on the file's
 * shared memory.
 */
export function writerOf(file: string): number | null {
  return lockHolders(`${file}-shm`, WAL_WRITE_LOCK)?.find((pid) => pid !== process.pid) ?? null;
}

/**
 * @param locks `1: POSIX  ADVISORY  WRITE 29466 fe:00:2351874 0 EOF` a line; `1: -> ...` waits for it
 * @param devices that the file may be on: `fe:00`
 * @returns null where a file of that inode is locked on other devices alone: whether it is this one, nobody can tell
 */
export function holdersIn(
  locks: string,
  devices: readonly string[],
  inode: bigint,
  byte?: number,
): readonly number[] | null {
  const held = locks.split('\n').flatMap((line) => {
    const [, , , kind, pid, where, from, to] = line.trim().split(/\s+/);
    const [, device, number] = /^(\w+:\w+):(\d+)$/.exec(where ?? '') ?? [];
    if (kind !== 'WRITE' || device === undefined || number !== String(inode)) return [];
    const covers = byte === undefined || (Number(from) <= byte && (to === 'EOF' || byte <= Number(to)));
    return covers ? [{ pid: Number(pid), known: devices.includes(device) }] : [];
  });
  if (held.length > 0 && held.every(({ known }) => !known)) return null;
  return [...new Set(held.flatMap(({ pid, known }) => (known && pid > 0 ? [pid] : [])))];
}

/**
 * @param mountinfo of proc(5): `36 35 0:32 / /mnt2 rw - btrfs /dev/sda rw` a line: a mount's id, its parent's, and the
 * device of its file system
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

/** Of files of its layers, overlayfs may say other inodes than the kernel has. @param mountinfo as for `mountDevice` */
export function isLayered(mountinfo: string, id: string): boolean {
  return mountinfo.split('\n').some((line) => line.startsWith(`${id} `) && line.includes(' - overlay '));
}

/**
 * Of `O_PATH` (open(2)): the file itself is not opened, so that closing it drops no lock that this process has on it.
 */
const NAME_ALONE = 0o10000000;

/** @returns id of the mount that the file is on; its inode, null where the kernel does not say it */
function kernelNames(file: string): { readonly mount: string; readonly inode: bigint | null } {
  const descriptor = openSync(file, NAME_ALONE);
  try {
    const said = readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8');
    const [, mount = ''] = /^mnt_id:\s*(\d+)$/m.exec(said) ?? [];
    const [, inode = null] = /^ino:\s*(\d+)$/m.exec(said) ?? [];
    return { mount, inode: inode === null ? null : BigInt(inode) };
  } finally {
    closeSync(descriptor);
  }
}

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
