import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { deviceOf, holdersIn, isLayered, lockHolders, mountDevice } from '../../../../src/state/sqlite/lock-holder.js';
import { temporaryFolder } from '../../../support/temporary.js';

const LOCKS = `1: POSIX  ADVISORY  WRITE 29466 fe:00:2351874 0 EOF
1: -> POSIX  ADVISORY  WRITE 31 fe:00:2351874 0 EOF
2: POSIX  ADVISORY  WRITE 29466 fe:00:2351874 1073741826 1073742335
3: POSIX  ADVISORY  READ 12 fe:00:2351874 0 EOF
4: FLOCK  ADVISORY  WRITE 13 08:01:2351874 0 EOF
6: POSIX  ADVISORY  WRITE 40 fe:00:9 120 120
7: POSIX  ADVISORY  WRITE 41 fe:00:9 121 121
5: OFDLCK ADVISORY  WRITE -1 fe:00:77 0 EOF
`;

const onDevice = (device: string, inode: number, byte?: number): readonly number[] | null =>
  holdersIn(LOCKS, [device], BigInt(inode), byte);

test('holdersIn names the holder of a write lock once, and nobody who waits, reads, or has another file', () => {
  expect(onDevice('fe:00', 2_351_874)).toEqual([29_466]);
  expect(onDevice('08:01', 2_351_874)).toEqual([13]);
  expect(onDevice('fe:00', 77)).toEqual([]);
  expect(onDevice('fe:00', 9, 120)).toEqual([40]);
  expect(onDevice('fe:00', 9, 121)).toEqual([41]);
  expect(onDevice('fe:00', 9)).toEqual([40, 41]);
  expect(onDevice('fe:00', 2_351_874, 120)).toEqual([29_466]);
  expect(onDevice('fe:00', 1)).toEqual([]);
  expect(holdersIn('', ['fe:00'], 77n)).toEqual([]);
});

test('holdersIn does not know the holder where that inode of another device is locked', () => {
  expect(onDevice('00:22', 2_351_874)).toBeNull();
  expect(onDevice('00:22', 9, 120)).toBeNull();
  expect(onDevice('00:22', 9, 119)).toEqual([]);
  expect(onDevice('00:22', 77)).toBeNull();
});

/**
 * As a machine has it whose /home is a subvolume of btrfs: stat(2) says device 0:41 there, and the kernel locks on
 * 0:29.
 */
const MOUNTS = `22 1 0:29 /root / rw,relatime shared:1 - btrfs /dev/nvme0n1p3 rw,ssd,subvolid=256,subvol=/root
23 22 0:5 / /dev rw,nosuid shared:2 - devtmpfs devtmpfs rw,size=4096k
51 22 0:29 /home /home rw,relatime shared:30 - btrfs /dev/nvme0n1p3 rw,ssd,subvolid=257,subvol=/home
53 22 259:300 / /boot rw,relatime shared:36 - ext4 /dev/nvme0n1p2 rw
535 530 0:61 / / rw,relatime - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w
`;

test('mountDevice writes the device of a mount as the kernel writes it of a lock', () => {
  expect(mountDevice(MOUNTS, '51')).toBe('00:1d');
  expect(mountDevice(MOUNTS, '53')).toBe('103:12c');
  expect(mountDevice(MOUNTS, '5')).toBeNull();
  const locks = '1: POSIX  ADVISORY  WRITE 812 00:1d:4711 1073741825 1073741825\n';
  expect(holdersIn(locks, ['00:29'], 4_711n)).toBeNull();
  expect(holdersIn(locks, [mountDevice(MOUNTS, '51') ?? ''], 4_711n)).toEqual([812]);
});

test('isLayered finds a layered file system of the mount that was asked for', () => {
  expect(['535', '53', '5', ''].map((id) => isLayered(MOUNTS, id))).toEqual([true, false, false, false]);
});

test('deviceOf writes a device number of stat as the kernel writes it of a lock', () => {
  // makedev(3): 12 bits of the major number from bit 8, the rest from bit 32; 8 of the minor from bit 0, the rest from
  // bit 12.
  expect(deviceOf(0x29n)).toBe('00:29');
  expect(deviceOf(0x11_032cn)).toBe('103:12c');
  expect(deviceOf(0x1_2000_abcd_e5f1n)).toBe('12de5:abcf1');
});

test.runIf(process.platform === 'linux')(
  'lockHolders names nobody for a file without a lock, and knows nothing of a file that is not there',
  async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'file');
    writeFileSync(file, '');
    // Where the kernel does not say of which file its locks are, nothing is known; a file of another file system may
    // have that number too.
    const others = readFileSync('/proc/locks', 'utf8').includes(`:${statSync(file).ino} `);
    if (!others) expect(lockHolders(file) ?? []).toEqual([]);
    expect(lockHolders(join(folder.path, 'missing'))).toBeNull();
  },
);
