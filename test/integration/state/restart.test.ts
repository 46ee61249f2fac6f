import Database from 'better-sqlite3';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openKeyRegister, type Turn } from '../../../src/state/shared/key-register.js';
import { openStateStore } from '../../../src/state/open.js';
import { readShardStatus } from '../../../src/state/status/read-status.js';
import { acquireLock } from '../../../src/state/sqlite/lock.js';
import { shardFiles } from '../../../src/state/sqlite/files.js';
import { askRestart, forgetRestart, isRestartAsked } from '../../../src/state/restart-note.js';
import { archiveState, giveUpClaims } from '../../../src/state/restart.js';
import { atOnce } from '../../support/at-once.js';
import { cursor, samplePlan } from '../../contract/state-store-samples.js';
import { temporaryFolder } from '../../support/temporary.js';
import { allLines, startScript, startScripts } from './child-script.js';

test('a restart moves the whole state of its shard aside, and leaves other shards as they are', async () => {
  await using folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01' };
  // Killed, so that its commits are still in the log.
  await using killed = startScript('commit-chunks', [at.folder, at.shard, '3']);
  await allLines(killed);
  openStateStore({ ...at, shard: 's02', create: true }).close();

  const archive = archiveState(at) ?? '';
  await giveUpClaims(at, atOnce);
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
  expect(store.plans.get('messages')).toBeNull();
  store.binding.bind({ other: 'settings' });
  store.plans.save(samplePlan());
  store.close();
  const second = archiveState(at);
  expect(second).not.toBe(archive);
  expect(existsSync(archive)).toBe(true);
  expect(readShardStatus({ ...at, shard: 's02' })).toMatchObject({ fault: null });
  expect(readdirSync(at.folder).filter((file) => /^s01\.db/.test(file))).toEqual([]);
});

test('a restart stays requested until the state of its shard is put aside, or the restart is refused', async () => {
  await using folder = await temporaryFolder();
  const at = { folder: join(folder.path, 'state'), shard: 's01' };
  const { by } = askRestart(at.folder, ['s01', 's02']);
  openStateStore({ ...at, create: true }).close();
  expect(readShardStatus(at)).toMatchObject({ restartAsked: true, fault: null });
  // Asked again, as by the next run of the same command.
  askRestart(at.folder, ['s01']);
  archiveState(at);
  expect(isRestartAsked(at)).toBe(true);
  await giveUpClaims(at, atOnce);
  expect([isRestartAsked(at), isRestartAsked({ ...at, shard: 's02' })]).toEqual([false, true]);
  for (const who of ['another run', by, by]) {
    forgetRestart({ ...at, shard: 's02' }, who);
    expect(isRestartAsked({ ...at, shard: 's02' }), who).toBe(who !== by);
  }
});

test('a refused restart does not cancel the request of another run for the same shard', async () => {
  await using folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01' };
  openStateStore({ ...at, create: true }).close();
  const [first, second] = [askRestart(at.folder, ['s01']), askRestart(at.folder, ['s01'])];
  expect([first.shards, second.shards]).toEqual([['s01'], ['s01']]);
  forgetRestart(at, first.by);
  expect(archiveState({ ...at, onlyIfAsked: true })).not.toBeNull();
  forgetRestart(at, second.by);
  expect(isRestartAsked(at)).toBe(true);
  await giveUpClaims(at, atOnce);
  expect(isRestartAsked(at)).toBe(false);
});

test('a restart that an earlier version requested stays requested, whatever run is refused later', async () => {
  await using folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01' };
  writeFileSync(join(folder.path, 's01.restart'), '');
  const { by } = askRestart(at.folder, ['s01']);
  forgetRestart(at, by);
  expect(isRestartAsked(at)).toBe(true);
});

test('a run does not change a request of a restart while another process does', { timeout: 40_000 }, async () => {
  await using folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01' };
  openStateStore({ ...at, create: true }).close();
  const { by } = askRestart(at.folder, ['s01']);
  const other = acquireLock(join(folder.path, '.restarts.lock'), shardFiles(folder.path, 's01'), 0);
  const refused = expect.objectContaining({ code: 'E_STATE_LOCKED' }) as Error;
  expect(() => forgetRestart(at, by)).toThrow(refused);
  expect(() => archiveState(at)).toThrow(refused);
  expect([isRestartAsked(at), existsSync(join(folder.path, 's01.db'))]).toEqual([true, true]);
  other?.release();
  forgetRestart(at, by);
  expect(isRestartAsked(at)).toBe(false);
});

test('a locked file of restart requests costs a run one wait for all its shards', { timeout: 60_000 }, async () => {
  await using folder = await temporaryFolder();
  const shards = ['s01', 's02', 's03', 's04', 's05', 's06'];
  const other = acquireLock(join(folder.path, '.restarts.lock'), shardFiles(folder.path, 's01'), 0);
  const begun = performance.now();
  expect(() => askRestart(folder.path, shards)).toThrow(expect.objectContaining({ code: 'E_STATE_LOCKED' }) as Error);
  expect(performance.now() - begun).toBeLessThan(20_000);
  other?.release();
  expect(shards.filter((shard) => isRestartAsked({ folder: folder.path, shard }))).toEqual([]);
});

test('a restart that cannot be requested for all of its shards is requested for none of them', async () => {
  await using folder = await temporaryFolder();
  askRestart(folder.path, ['s02']);
  const tooLong = 's'.repeat(250);
  expect(() => askRestart(folder.path, ['s01', 's02', tooLong])).toThrow(
    expect.objectContaining({ code: 'E_STATE_IO' }) as Error,
  );
  const asked = ['s01', 's02'].map((shard) => isRestartAsked({ folder: folder.path, shard }));
  expect(asked).toEqual([false, true]);
});

test('a restart that is refused after the old state was put aside completes later', async () => {
  await using folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01' };
  openStateStore({ ...at, create: true }).close();
  // In the place of a register that another process keeps: one that cannot be read.
  writeFileSync(join(folder.path, 'item-keys.db'), 'no register');
  const { shards, by } = askRestart(at.folder, ['s01']);
  expect(shards).toEqual(['s01']);
  archiveState(at);
  await expect(giveUpClaims(at, atOnce)).rejects.toMatchObject({ code: 'E_STATE_CORRUPT' });
  forgetRestart(at, by);
  expect(isRestartAsked(at)).toBe(true);
  expect(askRestart(at.folder, ['s01', 's02']).shards).toEqual(['s02']);
  rmSync(join(folder.path, 'item-keys.db'));
  expect(archiveState(at)).toBeNull();
  await giveUpClaims(at, atOnce);
  expect(isRestartAsked(at)).toBe(false);
});

test('a restart does not put aside a state that it cannot read, as it may be a copy', { timeout: 20_000 }, async () => {
  await using folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01' };
  openStateStore({ ...at, create: true }).close();
  const shell = new Database(join(at.folder, 's01.db'));
  shell.pragma('locking_mode = EXCLUSIVE');
  shell.exec('BEGIN EXCLUSIVE');
  expect(() => archiveState(at)).toThrow(expect.objectContaining({ code: 'E_STATE_LOCKED' }) as Error);
  // Nobody had noted it beforehand either.
  expect(isRestartAsked(at)).toBe(false);
  shell.close();
  expect(archiveState(at)).not.toBeNull();
});

test('a restart moves the log of a state file that `status` has open along with the file', async () => {
  await using folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01' };
  openStateStore({ ...at, create: true }).close();
  const reader = new Database(join(at.folder, 's01.db'), { readonly: true });
  reader.prepare('SELECT shard FROM meta').get();
  archiveState(at);
  expect(readdirSync(at.folder).filter((file) => file.startsWith('s01.db'))).toEqual([]);
  expect(reader.prepare('SELECT shard FROM meta').pluck().get()).toBe('s01');
  const store = openStateStore({ ...at, create: true });
  store.plans.save(samplePlan());
  reader.close();
  expect(readShardStatus(at)).toMatchObject({ phase: 'planned', fault: null });
  store.close();
});

test('a restart gives up the key claims of its own shard alone', async () => {
  await using folder = await temporaryFolder();
  const register = openKeyRegister({ folder: folder.path });
  const claims = (shard: string) =>
    Array.from({ length: 25_000 }, (_, i) => ({ claim: `${shard} ${i}`, cursor: cursor(`row ${i}`) }));
  await register.claim({ shard: 's01', table: 'messages' }, claims('s01'));
  await register.claim({ shard: 's02', table: 'messages' }, claims('s02'));
  openStateStore({ folder: folder.path, shard: 's01', create: true }).close();
  archiveState({ folder: folder.path, shard: 's01' });
  await giveUpClaims({ folder: folder.path, shard: 's01' }, atOnce);
  expect(await register.claim({ shard: 's03', table: 'messages' }, claims('s01'))).toHaveLength(0);
  expect(await register.claim({ shard: 's03', table: 'messages' }, claims('s02'))).toHaveLength(25_000);
  register.close();
});

test('a restart that was killed before it gave up its key claims is completed by the next one', async () => {
  await using folder = await temporaryFolder();
  const register = openKeyRegister({ folder: folder.path });
  await register.claim({ shard: 's01', table: 'messages' }, [{ claim: 'k', cursor: cursor('row 1') }]);
  expect(archiveState({ folder: folder.path, shard: 's01' })).toBeNull();
  await giveUpClaims({ folder: folder.path, shard: 's01' }, atOnce);
  expect(await register.claim({ shard: 's01', table: 'messages' }, [{ claim: 'k', cursor: cursor('row 2') }])).toEqual(
    [],
  );
  register.close();
});

test('a late restart keeps the key claims of a run that has started the shard again', async () => {
  await using folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01' };
  openStateStore({ ...at, create: true }).close();
  archiveState(at);
  archiveState(at);
  await giveUpClaims(at, atOnce);
  const register = openKeyRegister({ folder: folder.path });
  await register.claim({ shard: 's01', table: 'messages' }, [{ claim: 'k', cursor: cursor('row 1') }]);
  await giveUpClaims(at, atOnce);
  expect(await register.claim({ shard: 's02', table: 'messages' }, [{ claim: 'k', cursor: cursor('2') }])).toHaveLength(
    1,
  );
  register.close();
});

test('a restart keeps the key claims of a run that started the shard in between, and stays requested', async () => {
  await using folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01' };
  openStateStore({ ...at, create: true }).close();
  archiveState(at);
  // A run that was on its way before the restart was asked for, and that has written rows by now.
  openStateStore({ ...at, create: true }).close();
  const register = openKeyRegister({ folder: folder.path });
  await register.claim({ shard: 's01', table: 'messages' }, [{ claim: 'k', cursor: cursor('row 1') }]);
  await expect(giveUpClaims(at, atOnce)).rejects.toMatchObject({ code: 'E_STATE_LOCKED' });
  expect(await register.claim({ shard: 's02', table: 'messages' }, [{ claim: 'k', cursor: cursor('2') }])).toHaveLength(
    1,
  );
  expect(isRestartAsked(at)).toBe(true);
  expect(archiveState(at)).not.toBeNull();
  await giveUpClaims(at, atOnce);
  expect(await register.claim({ shard: 's02', table: 'messages' }, [{ claim: 'k', cursor: cursor('2') }])).toEqual([]);
  register.close();
});

test('a restart that another run has completed is not repeated', async () => {
  await using folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01' };
  openStateStore({ ...at, create: true }).close();
  askRestart(at.folder, ['s01']);
  const task = { ...at, onlyIfAsked: true };
  expect(archiveState(task)).not.toBeNull();
  await giveUpClaims(at, atOnce);
  // The other run, which waited for its turn, in the moment before the state is made, and after.
  for (const isMade of [false, true]) {
    expect(archiveState(task)).toBeNull();
    await giveUpClaims(at, atOnce);
    expect([existsSync(join(at.folder, 's01.db')), isRestartAsked(at)]).toEqual([isMade, false]);
    openStateStore({ ...at, create: true }).close();
  }
});

test('a restart waits for a locked key register, and a stop ends that wait', { timeout: 20_000 }, async () => {
  await using folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01' };
  openKeyRegister({ folder: folder.path }).close();
  openStateStore({ ...at, create: true }).close();
  archiveState(at);
  const kept = new Database(join(folder.path, 'item-keys.db'));
  kept.exec('BEGIN IMMEDIATE');
  let tries = 0;
  const begun = performance.now();
  const stopped = new Error('stopped');
  const turn: Turn = async (action, holder) => {
    for (; ; tries++) {
      try {
        return action();
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: 'E_STATE_LOCKED' });
        // This process is none that it waits for.
        expect(holder()).toBeNull();
        if (tries === 2) throw stopped;
        await sleep(10);
      }
    }
  };
  await expect(giveUpClaims(at, turn)).rejects.toBe(stopped);
  expect(performance.now() - begun).toBeLessThan(10_000);
  kept.close();
  await giveUpClaims(at, atOnce);
  expect(isRestartAsked(at)).toBe(false);
});

test(
  'a restart that is killed at any line is completed later, and its archive holds all that was recorded',
  { timeout: 120_000 },
  async () => {
    let killed = 0;
    for (let step = 1; ; step++) {
      await using folder = await temporaryFolder();
      const at = { folder: folder.path, shard: 's01' };
      openStateStore({ ...at, create: true }).close();
      // Beside it, what is committed stays in the log.
      const reader = new Database(join(at.folder, 's01.db'), { readonly: true });
      reader.exec('BEGIN; SELECT shard FROM meta');
      const store = openStateStore({ ...at, create: false });
      store.ambiguousWrites.add([{ itemKey: 'under way', since: store.clock.now() }]);
      store.close();
      await using child = startScript('kill-restart', [at.folder, at.shard, String(step)]);
      const said = await child.line();
      const { signal } = await child.exited;
      expect([said, signal]).toEqual(signal === null ? ['done', null] : [null, 'SIGKILL']);
      reader.close();
      if (signal !== null) killed += 1;
      archiveState(at);
      await giveUpClaims(at, atOnce);

      const names = readdirSync(at.folder).sort();
      const archives = names.filter((name) => /Z(-2)?\.db$/.test(name));
      expect({
        step,
        archives: archives.length,
        left: names.filter((name) => /^s01\.(db|restart|seen)/.test(name)),
      }).toEqual({
        ...{ step, archives: 1 },
        left: [],
      });
      const archived = new Database(join(at.folder, archives[0] ?? ''));
      expect(archived.prepare('SELECT count(*) FROM ambiguous_writes').pluck().get()).toBe(1);
      archived.close();
      if (signal === null) break;
    }
    expect(killed).toBeGreaterThan(3);
  },
);

test('the key register gives each key to exactly one of several processes that claim it at once', async () => {
  await using folder = await temporaryFolder();
  const argsOfEach = ['s01', 's02', 's03'].map((shard) => [folder.path, shard, '2000']);
  await using shards = startScripts('claim-keys', argsOfEach);
  const refused = await Promise.all(shards.all.map(async (child) => Number((await allLines(child))[0])));
  expect(refused.reduce((sum, count) => sum + count, 0)).toBe(2 * 2000);
});
