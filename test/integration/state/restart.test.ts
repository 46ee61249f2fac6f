import Database from 'better-sqlite3';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { openKeyRegister } from '../../../src/state/key-register.js';
import { openStateStore } from '../../../src/state/open.js';
import { readShardStatus } from '../../../src/state/read-status.js';
import { archiveState, askRestart, forgetRestart, isRestartAsked } from '../../../src/state/restart.js';
import { cursor, samplePlan } from '../../contract/state-store-samples.js';
import { temporaryFolder } from '../../support/temporary.js';
import { allLines, startScript, startScripts } from './child-script.js';

test('the state is moved aside whole, the shard starts new, and other shards stay', async () => {
  await using folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01' };
  // Killed, so that its commits are still in the log.
  await using killed = startScript('commit-chunks', [at.folder, at.shard, '3']);
  await allLines(killed);
  openStateStore({ ...at, shard: 's02', create: true }).close();

  const archive = archiveState(at) ?? '';
  expect(
    readdirSync(at.folder)
      .filter((file) => file.startsWith('s01.'))
      .sort(),
  ).toEqual([basename(archive), 's01.lock']);
  expect(archive).toMatch(/s01\.\d{8}T\d{6}Z\.db$/);
  expect(existsSync(join(at.folder, 's01.db'))).toBe(false);
  expect(readShardStatus(at)).toBeNull();
  const archived = new Database(archive, { readonly: true });
  expect(archived.prepare('SELECT count(*) FROM chunks').pluck().get()).toBe(3);
  archived.close();

  const store = openStateStore({ ...at, create: true });
  expect(store.plan('messages')).toBeNull();
  store.bind({ other: 'settings' });
  store.savePlan(samplePlan());
  store.close();
  const second = archiveState(at);
  expect(second).not.toBe(archive);
  expect(existsSync(archive)).toBe(true);
  expect(readShardStatus({ ...at, shard: 's02' })).toMatchObject({ fault: null });
  expect(readdirSync(at.folder).filter((file) => /^s01\.db/.test(file))).toEqual([]);
});

test('a restart that was asked for stays so until its shard is put aside, or it is refused', async () => {
  await using folder = await temporaryFolder();
  const at = { folder: join(folder.path, 'state'), shard: 's01' };
  askRestart(at.folder, ['s01', 's02']);
  openStateStore({ ...at, create: true }).close();
  expect(readShardStatus(at)).toMatchObject({ restartAsked: true, fault: null });
  // Asked again, as by the next run of the same command.
  askRestart(at.folder, ['s01']);
  archiveState(at);
  expect([isRestartAsked(at), isRestartAsked({ ...at, shard: 's02' })]).toEqual([false, true]);
  forgetRestart({ ...at, shard: 's02' });
  expect(isRestartAsked({ ...at, shard: 's02' })).toBe(false);
  forgetRestart({ ...at, shard: 's02' });
});

test('a restart that is refused once its former state is aside goes on later', async () => {
  await using folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01' };
  openStateStore({ ...at, create: true }).close();
  // In the place of a register that another process keeps: one that cannot be read.
  writeFileSync(join(folder.path, 'item-keys.db'), 'no register');
  expect(askRestart(at.folder, ['s01'])).toEqual(['s01']);
  expect(() => archiveState(at)).toThrow(expect.objectContaining({ code: 'E_STATE_CORRUPT' }) as Error);
  forgetRestart(at);
  expect(isRestartAsked(at)).toBe(true);
  expect(askRestart(at.folder, ['s01', 's02'])).toEqual(['s02']);
  rmSync(join(folder.path, 'item-keys.db'));
  expect(archiveState(at)).toBeNull();
  expect(isRestartAsked(at)).toBe(false);
});

test('a refused restart that nobody noted beforehand leaves no note', async () => {
  await using folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01' };
  openStateStore({ ...at, create: true }).close();
  writeFileSync(join(folder.path, 'item-keys.db'), 'no register');
  expect(() => archiveState(at)).toThrow(expect.objectContaining({ code: 'E_STATE_CORRUPT' }) as Error);
  expect(isRestartAsked(at)).toBe(false);
});

test('a state that nobody can look into is not put aside: it may be a copy', { timeout: 20_000 }, async () => {
  await using folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01' };
  openStateStore({ ...at, create: true }).close();
  const shell = new Database(join(at.folder, 's01.db'));
  shell.pragma('locking_mode = EXCLUSIVE');
  shell.exec('BEGIN EXCLUSIVE');
  expect(() => archiveState(at)).toThrow(expect.objectContaining({ code: 'E_STATE_LOCKED' }) as Error);
  shell.close();
  expect(archiveState(at)).not.toBeNull();
});

test('beside a `status` that has the file open, its log is moved with it', async () => {
  await using folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01' };
  openStateStore({ ...at, create: true }).close();
  const reader = new Database(join(at.folder, 's01.db'), { readonly: true });
  reader.prepare('SELECT shard FROM meta').get();
  archiveState(at);
  expect(readdirSync(at.folder).filter((file) => file.startsWith('s01.db'))).toEqual([]);
  expect(reader.prepare('SELECT shard FROM meta').pluck().get()).toBe('s01');
  const store = openStateStore({ ...at, create: true });
  store.savePlan(samplePlan());
  reader.close();
  expect(readShardStatus(at)).toMatchObject({ phase: 'planned', fault: null });
  store.close();
});

test('a restart gives up the claims of its shard alone', async () => {
  await using folder = await temporaryFolder();
  const register = openKeyRegister({ folder: folder.path });
  const claims = (shard: string) =>
    Array.from({ length: 25_000 }, (_, i) => ({ keyText: `${shard} ${i}`, cursor: cursor(`row ${i}`) }));
  register.claim({ shard: 's01', table: 'messages' }, claims('s01'));
  register.claim({ shard: 's02', table: 'messages' }, claims('s02'));
  openStateStore({ folder: folder.path, shard: 's01', create: true }).close();
  archiveState({ folder: folder.path, shard: 's01' });
  expect(register.claim({ shard: 's03', table: 'messages' }, claims('s01'))).toHaveLength(0);
  expect(register.claim({ shard: 's03', table: 'messages' }, claims('s02'))).toHaveLength(25_000);
  register.close();
});

test('a restart that was killed before the claims were given up is finished by the next', async () => {
  await using folder = await temporaryFolder();
  const register = openKeyRegister({ folder: folder.path });
  register.claim({ shard: 's01', table: 'messages' }, [{ keyText: 'k', cursor: cursor('row 1') }]);
  expect(archiveState({ folder: folder.path, shard: 's01' })).toBeNull();
  expect(register.claim({ shard: 's01', table: 'messages' }, [{ keyText: 'k', cursor: cursor('row 2') }])).toEqual([]);
  register.close();
});

test('processes that claim at the same moment: each key goes to exactly one', async () => {
  await using folder = await temporaryFolder();
  const argsOfEach = ['s01', 's02', 's03'].map((shard) => [folder.path, shard, '2000']);
  await using shards = startScripts('claim-keys', argsOfEach);
  const refused = await Promise.all(shards.all.map(async (child) => Number((await allLines(child))[0])));
  expect(refused.reduce((sum, count) => sum + count, 0)).toBe(2 * 2000);
});
