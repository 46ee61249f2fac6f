/**
 * Asks the kernel which process holds a lock on a file. Only the kernel knows that across processes, containers and pid
 * namespaces. It leaves out a process that is not visible from here. An id that a process recorded itself may belong to
 * another process: each container has its own ids, and ids are used again.
 *
 * The kernel identifies a file by its inode and the device of its file system. These differ from stat(2) where a file
 * system has separate devices for its parts. Examples are subvolumes of btrfs and layers of overlayfs. The kernel's own
 * values are in /proc/self/fdinfo and /proc/self/mountinfo. Linux up to 5.13 does not give the inode there. Then the
 * inode of stat(2) is used, and if no lock matches it, the holder counts as unknown.
 *
 * Every message that names the process behind a lock asks here. Only Linux answers (proc(5), /proc/locks). On other
 * systems no process is named, unless the state has recorded one that is alive.
 */
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';

/** Byte of a file's shared memory that a writer locks in WAL mode (https://www.sqlite.org/walformat.html#wal_locks). */
const WAL_WRITE_LOCK = 120;

/**
 * Returns the ids of the processes that hold a write lock.
 * @param byte the byte that the lock is on; by default any
 * @returns null: the kernel does not say, or does not identify the file
 */
export function lockHolders(file: string, byte?: number): readonly number[] | null {
  if (process.platform !== 'linux') return null;
  try {
    const { mount, inode } = kernelNames(file);
    const { dev, ino } = statSync(file, { bigint: true });
    const locks = readFileSync('/proc/locks', 'utf8');
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
    const mounted = mountDevice(mounts, mount);
    // Then a lock on that inode of another device belongs to another file.
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
 * Returns the id of the process that is in a transaction on a state file; null: no process is, or it is not known. In
 * WAL mode, its lock is on the file's shared memory.
 */
export function writerOf(file: string): number | null {
  return lockHolders(`${file}-shm`, WAL_WRITE_LOCK)?.find((pid) => pid !== process.pid) ?? null;
}

/**
 * Finds the holders in the text of /proc/locks.
 * @param locks one lock a line: `1: POSIX  ADVISORY  WRITE 29466 fe:00:2351874 0 EOF`; `1: -> ...` waits for it
 * @param devices on which the file may be: `fe:00`
 * @returns null where only other devices have a locked file with that inode: it may be this one or another
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
 * Returns the device of a mount in the form of /proc/locks; null: the mount does not exist.
 * @param mountinfo text as in proc(5): `36 35 0:32 / /mnt2 rw - btrfs /dev/sda rw` a line: a mount's id, its parent's,
 * and the device of its file system
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

/**
 * Returns whether the mount is an overlayfs. There, stat(2) may give another inode than the kernel has. @param
 * mountinfo as for `mountDevice`
 */
export function isLayered(mountinfo: string, id: string): boolean {
  return mountinfo.split('\n').some((line) => line.startsWith(`${id} `) && line.includes(' - overlay '));
}

/**
 * `O_PATH` of open(2). It does not open the file itself, so closing it drops no lock that this process has on the file.
 */
const NAME_ALONE = 0o10000000;

/**
 * Reads the kernel's own names of a file. @returns id of the file's mount; its inode, null where the kernel does not
 * give it
 */
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
  // Follows makedev(3) of glibc.
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffff_ff00n);
  return `${hex(major)}:${hex(minor)}`;
}

/** Returns a number as the kernel writes it in /proc/locks, with at least two digits. */
function hex(number: bigint): string {
  return number.toString(16).padStart(2, '0');
}
