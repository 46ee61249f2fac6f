import Database from 'better-sqlite3';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openKeyRegister } from '../../../src/state/shared/key-register.js';
import { openStateStore } from '../../../src/state/open.js';
import { readShardStatus } from '../../../src/state/status/read-status.js';
import { archiveState } from '../../../src/state/restart.js';
import { cursor, sampleChunk, samplePlan } from '../../contract/state-store-samples.js';
import { temporaryFolder } from '../../support/temporary.js';
import { allLines, startScript } from './child-script.js';

const full = expect.objectContaining({ code: 'E_DISK_FULL', exitCode: 6 }) as unknown;
const io = expect.objectContaining({ code: 'E_STATE_IO', exitCode: 6 }) as unknown;
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

describe('modes', () => {
  test('the state folder has mode 0700, and every file in it 0600', async () => {
    await using folder = await temporaryFolder();
    const at = { folder: join(folder.path, 'deep', 'state'), shard: 's01' };
    const store = openStateStore({ ...at, create: true });
    const register = openKeyRegister({ folder: at.folder });
    await register.claim({ shard: 's01', table: 'messages' }, [{ claim: 'k', cursor: cursor('r') }]);
    store.plans.save(samplePlan());
    readShardStatus(at);
    const files = readdirSync(at.folder).sort();
    expect(files).toEqual(expect.arrayContaining(['item-keys.db', 's01.db', 's01.db-shm', 's01.db-wal', 's01.lock']));
    expect(files.map((file) => [file, modeOf(join(at.folder, file))])).toEqual(files.map((file) => [file, '600']));
    expect(modeOf(at.folder)).toBe('700');
    store.close();
    register.close();
  });

  test('a restored state file with open modes gets mode 0600 again', async () => {
    await using folder = await temporaryFolder();
    const at = { folder: folder.path, shard: 's01' };
    openStateStore({ ...at, create: true }).close();
    chmodSync(join(at.folder, 's01.db'), 0o644);
    const store = openStateStore({ ...at, create: false });
    expect(readdirSync(at.folder).map((file) => modeOf(join(at.folder, file)))).not.toContain('644');
    store.close();
  });
});

describe('a folder that cannot be written', () => {
  test('a state folder that is a file is refused with E_STATE_IO', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'state');
    writeFileSync(file, '');
    expect(() => openStateStore({ folder: file, shard: 's01', create: true })).toThrow(io);
    expect(() => openKeyRegister({ folder: file })).toThrow(io);
  });

  test('a state file that is a folder is refused with E_STATE_IO', async () => {
    await using folder = await temporaryFolder();
    const at = { folder: folder.path, shard: 's01' };
    mkdirSync(join(at.folder, 's01.db'));
    expect(() => openStateStore({ ...at, create: true })).toThrow(io);
    expect(readShardStatus(at)).toMatchObject({ fault: { code: 'E_STATE_IO' } });
  });

  test('a state folder of another user is refused with E_STATE_IO', async () => {
    await using folder = await temporaryFolder();
    const at = { folder: join(folder.path, 'state'), shard: 's01' };
    openStateStore({ ...at, create: true }).close();
    chmodSync(folder.path, 0o755);
    chmodSync(join(at.folder, 's01.db'), 0o000);
    chmodSync(at.folder, 0o555);
    await using known = startScript('open-unprivileged', [at.folder, at.shard]);
    const [opened, status] = await allLines(known);
    // SQLite refuses the one, the file system the other.
    await using begun = startScript('open-unprivileged', [at.folder, 's02']);
    const [made] = await allLines(begun);
    chmodSync(at.folder, 0o700);
    expect(opened).toMatch(/^E_STATE_IO shard s01: the state file .* cannot be opened for writing/);
    expect(status).toBe('E_STATE_IO');
    expect(made).toMatch(/^E_STATE_IO shard s02: the state file .* cannot be opened for writing \(EACCES\)/);
  });
});

describe('a full disk', () => {
  test('a state file that may not grow keeps what was reported, and refuses more with E_STATE_IO', async () => {
    await using folder = await temporaryFolder();
    await using child = startScript('commit-chunks', [folder.path, 's01', '1000000'], 'ulimit -f 2000');
    const lines = await allLines(child);
    expect(lines.at(-1)).toMatch(/^E_STATE_IO shard s01: /);
    const store = openStateStore({ folder: folder.path, shard: 's01', create: false });
    expect(store.passes.summary('backfill', 'messages')?.counts.chunks).toBe(Number(lines.at(-2)));
    store.close();
  });

  test('a state file on a full disk reports ENOSPC, keeps what was reported, and continues once there is room', async (context) => {
    await using folder = await temporaryFolder();
    using disk = tinyDisk(join(folder.path, 'disk'));
    if (disk === null) return context.skip('needs root on Linux to mount a 1 MB file system');
    const ballast = join(disk.path, 'ballast');
    const store = openStateStore({ folder: disk.path, shard: 's01', create: true });
    store.plans.save(samplePlan());
    const pass = store.passes.open('backfill', 'messages');
    writeFileSync(ballast, Buffer.alloc(300_000));
    let reported = 0;
    const commit = (): void => {
      store.checkpoints.commit(pass, [sampleChunk({ last: cursor('x'.repeat(500)) })], []);
      reported++;
    };
    expect(() => {
      // Some hundred fill it: no test goes on for ever where a fault is swallowed.
      for (let tries = 0; tries < 10_000; tries++) commit();
    }).toThrow(
      expect.objectContaining({ code: 'E_DISK_FULL', message: expect.stringContaining('is full') as unknown }),
    );
    expect(reported).toBeGreaterThan(0);
    expect(store.passes.summary('backfill', 'messages')?.counts.chunks).toBe(reported);
    expect(() => openStateStore({ folder: disk.path, shard: 's02', create: true })).toThrow(full);
    rmSync(ballast);
    commit();
    store.close();
    const again = openStateStore({ folder: disk.path, shard: 's01', create: false });
    expect(again.passes.summary('backfill', 'messages')?.counts.chunks).toBe(reported);
    again.close();
  });

  test('an upgrade of state without room for its copy leaves nothing behind, and a restart is refused then, too', async (context) => {
    await using folder = await temporaryFolder();
    using disk = tinyDisk(join(folder.path, 'disk'));
    if (disk === null) return context.skip('needs root on Linux to mount a 1 MB file system');
    const at = { folder: disk.path, shard: 's01' };
    const file = join(disk.path, 's01.db');
    copyFileSync(new URL('../../../fixtures/state/v10.db', import.meta.url), file);
    const database = new Database(file);
    database.prepare('INSERT INTO suspects (key_text, since) VALUES (?, 1)').run('x'.repeat(400_000));
    database.close();
    const { bavail, bsize } = statfsSync(disk.path);
    writeFileSync(join(disk.path, 'ballast'), Buffer.alloc(bavail * bsize - 200_000));
    const free = () => statfsSync(disk.path).bavail * bsize;
    expect(() => openStateStore({ ...at, create: false })).toThrow(full);
    expect(readdirSync(disk.path).filter((name) => name.includes('.new'))).toEqual([]);
    expect(free()).toBeGreaterThan(100_000);
    // Whether it is a copy, whose other one may go on, is not known then.
    expect(() => archiveState(at)).toThrow(full);
    expect(existsSync(file)).toBe(true);
  });
});

/** null where this user may not mount. */
function tinyDisk(path: string): ({ readonly path: string } & Disposable) | null {
  mkdirSync(path);
  try {
    execFileSync('sh', ['-c', 'mount -t tmpfs -o size=1m tmpfs "$1"', 'sh', path], { stdio: 'ignore' });
  } catch {
    return null;
  }
  return { path, [Symbol.dispose]: () => void execFileSync('sh', ['-c', 'umount -l "$1"', 'sh', path]) };
}
