import Database from 'better-sqlite3';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { openStateStore } from '../../../src/state/open.js';
import { readShardStatus } from '../../../src/state/status/read-status.js';
import { archiveState } from '../../../src/state/restart.js';
import { canMake, MOUNT_NAMESPACE, PID_NAMESPACE } from '../../support/namespaces.js';
import { temporaryFolder } from '../../support/temporary.js';
import { allLines, startScript, startScripts } from './child-script.js';

const locked = (pid: number): unknown =>
  expect.objectContaining({
    code: 'E_STATE_LOCKED',
    message: `shard s01: process ${pid} works on this shard`,
    hint: expect.stringContaining(`kill ${pid}`) as unknown,
  });

describe('a shard belongs to one process', () => {
  test.runIf(canMake(PID_NAMESPACE))(
    'a refused process names the lock holder in another pid namespace by its id here, or as unseen',
    async () => {
      await using folder = await temporaryFolder();
      const at = { folder: folder.path, shard: 's01' };
      const within = `set -- ${PID_NAMESPACE} "$@"`;
      {
        await using holder = startScript('hold-shard', [at.folder, at.shard], within);
        expect(await holder.line()).toBe('open');
        const refusal = refusalOf(() => openStateStore({ ...at, create: true }));
        const pid = Number(/process (\d+) works/.exec(refusal)?.[1]);
        // There it is 1.
        expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toContain('hold-shard');
        expect(refusal).toContain(`\`kill ${pid}\``);
      }
      await using holder = startScript('hold-shard', [at.folder, at.shard]);
      expect(await holder.line()).toBe('open');
      await using refused = startScript('hold-shard', [at.folder, at.shard], within);
      expect(await refused.line()).toMatch(
        /^E_STATE_LOCKED shard s01: a process that is not visible from here \(in another container\?\) works on this shard/,
      );
    },
  );

  // Of a file of a lower layer, the inode has a bit of its own: as a number with a sign, it is below zero.
  test.runIf(canMake(MOUNT_NAMESPACE) && canMount('overlay'))(
    'the lock holder of a shard on overlayfs is named by its process id',
    async () => {
      await using folder = await temporaryFolder();
      const [low, top, merged] = ['low', 'top', 'merged'].map((name) => join(folder.path, name));
      for (const path of [low, top, merged]) mkdirSync(path ?? '');
      writeFileSync(join(low ?? '', 's01.lock'), '');
      const layers = `xino=on,lowerdir=${low},upperdir=${top}/upper,workdir=${top}/work`;
      const mount = `mount -t tmpfs tmpfs ${top} && mkdir ${top}/upper ${top}/work && mount -t overlay overlay -o ${layers} ${merged}`;
      const within = `set -- ${MOUNT_NAMESPACE} sh -c '${mount} && exec "$@"' sh "$@"`;
      await using holder = startScript('named-holder', [join(merged ?? '', 's01.lock')], within);
      expect(await allLines(holder)).toEqual([String(holder.pid), String(holder.pid)]);
    },
  );

  test('a shard refuses a second process by the name of the lock holder, until the holder ends', async () => {
    await using folder = await temporaryFolder();
    const at = { folder: folder.path, shard: 's01' };
    await using holder = startScript('hold-shard', [at.folder, at.shard]);
    expect(await holder.line()).toBe('open');
    expect(readShardStatus(at)).toMatchObject({ running: true, fault: null });
    expect(() => openStateStore({ ...at, create: true })).toThrow(locked(holder.pid));
    openStateStore({ ...at, shard: 's02', create: true }).close();

    holder.finish();
    expect(await holder.exited).toEqual({ code: 0, signal: null });
    expect(readShardStatus(at)).toMatchObject({ running: false });
    openStateStore({ ...at, create: false }).close();
  });

  test('a kill -9 of the lock holder frees its shard at once', async () => {
    await using folder = await temporaryFolder();
    const at = { folder: folder.path, shard: 's01' };
    await using holder = startScript('hold-shard', [at.folder, at.shard]);
    expect(await holder.line()).toBe('open');
    holder.kill('SIGKILL');
    await holder.exited;
    expect(readShardStatus(at)).toMatchObject({ running: false });
    openStateStore({ ...at, create: false }).close();
  });

  test('the lock of a shard holds within one process, too, and readShardStatus() does not free it', async () => {
    await using folder = await temporaryFolder();
    const at = { folder: folder.path, shard: 's01' };
    const store = openStateStore({ ...at, create: true });
    expect(readShardStatus(at)).toMatchObject({ running: true });
    expect(() => archiveState(at)).toThrow(locked(process.pid));
    // Had any of that closed a descriptor of the lock file, POSIX would have dropped the lock for other processes.
    await using other = startScript('hold-shard', [at.folder, at.shard]);
    expect(await other.line()).toMatch(/^E_STATE_LOCKED /);
    store.close();
  });

  // A file that is still to be made is a race of its own.
  test.concurrent.each([
    ['a new shard', false],
    ['a known shard', true],
  ])('exactly one of four processes that start on %s at the same moment gets its lock', async (_what, known) => {
    await using folder = await temporaryFolder();
    await using children = startScripts('hold-shard', Array(4).fill([folder.path, 's01', 'wait']) as string[][]);
    const starters = children.all;
    for (const starter of starters) expect(await starter.line()).toBe('ready');
    if (known) openStateStore({ folder: folder.path, shard: 's01', create: true }).close();
    for (const starter of starters) starter.go();
    const answers = await Promise.all(starters.map((starter) => starter.line()));
    expect(answers.filter((answer) => answer === 'open')).toHaveLength(1);
    expect(answers.filter((answer) => answer?.startsWith('E_STATE_LOCKED shard s01: '))).toHaveLength(3);
  });

  test('a process that starts waits while `status` looks at the lock of its shard', async () => {
    await using folder = await temporaryFolder();
    const at = { folder: folder.path, shard: 's01' };
    openStateStore({ ...at, create: true }).close();
    await using holder = startScript('hold-shard', [at.folder, at.shard, 'wait']);
    await holder.line();
    // What a look does in an instant, drawn out: a shared lock.
    const look = new Database(join(at.folder, 's01.lock'), { readonly: true });
    look.exec('BEGIN; SELECT 1 FROM sqlite_schema');
    holder.go();
    await sleep(700);
    look.close();
    expect(await holder.line()).toBe('open');
  });
});

test('openStateStore() fails with E_STATE_MISSING for state that was never created, and leaves no file behind', async () => {
  await using folder = await temporaryFolder();
  const at = { folder: join(folder.path, 'state'), shard: 's01' };
  expect(() => openStateStore({ ...at, create: false })).toThrow(
    expect.objectContaining({ code: 'E_STATE_MISSING', exitCode: 6 }),
  );
  expect(archiveState(at)).toBeNull();
  expect(readShardStatus(at)).toBeNull();
  expect(() => rmSync(at.folder)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});

function canMount(fileSystem: string): boolean {
  return existsSync('/proc/filesystems') && readFileSync('/proc/filesystems', 'utf8').includes(`\t${fileSystem}\n`);
}

function refusalOf(open: () => unknown): string {
  try {
    open();
  } catch (thrown) {
    const { message, hint } = thrown as { message: string; hint: string };
    return `${message}; ${hint}`;
  }
  throw new Error('it was not refused');
}
