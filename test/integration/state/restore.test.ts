/** `state restore`: the state that a restart set aside comes back, and knows what was done since. */
import Database from 'better-sqlite3';
import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { StateStore } from '../../../src/core/ports/state-ports.js';
import { LATE_WRITE_WINDOW_MS } from '../../../src/core/time/late-writes.js';
import { restoreState } from '../../../src/state/archives/restore.js';
import { noteRestoring } from '../../../src/state/archives/restore-note.js';
import { openStateStore } from '../../../src/state/open.js';
import { askRestart, isRestartAsked } from '../../../src/state/restart-note.js';
import { archiveState, giveUpClaims } from '../../../src/state/restart.js';
import { openKeyRegister } from '../../../src/state/shared/key-register.js';
import { shardFiles } from '../../../src/state/sqlite/files.js';
import { readShardStatus } from '../../../src/state/status/read-status.js';
import { cursor, finishSamplePass, samplePlan } from '../../contract/state-store-samples.js';
import { atOnce } from '../../support/at-once.js';
import { MovedClocks } from '../../support/moved-clocks.js';
import { temporaryFolder } from '../../support/temporary.js';

const FIRST = { target: { identity: 'table-1' }, mapping: 'first' };
const SECOND = { target: { identity: 'table-1' }, mapping: 'second' };

/** A shard whose first state has a finished backfill and verification, and was set aside. */
async function restarted(clocks?: MovedClocks, settings: Readonly<Record<string, unknown>> = FIRST) {
  const folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01' };
  const open = (): StateStore => openStateStore({ ...at, create: true }, clocks);
  const store = open();
  store.binding.bind(settings);
  store.plans.save(samplePlan());
  finishSamplePass(store, store.passes.open('backfill', 'messages'));
  finishSamplePass(store, store.passes.open('verify', 'messages'));
  store.close();
  const restart = async (): Promise<string> => {
    askRestart(at.folder, [at.shard]);
    const archive = archiveState(at, clocks);
    await giveUpClaims(at, atOnce);
    return basename(archive ?? '');
  };
  const restore = async (from: string | null = null) => await restoreState({ ...at, from }, atOnce, clocks);
  const archive = await restart();
  return {
    ...{ at, open, restart, restore, archive },
    files: () => readdirSync(at.folder).filter((name) => /^s01\..*(db|claims|restore|restart|seen)$/.test(name)),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

test('a restore brings back the state that a restart set aside, and loses none of the two', async () => {
  await using one = await restarted();
  const second = one.open();
  second.binding.bind(SECOND);
  second.close();
  const restored = await one.restore();
  expect(restored).toMatchObject({ from: one.archive, lateWritesForMs: null });
  const store = one.open();
  expect(store.passes.summary('backfill', 'messages')).not.toBeNull();
  store.binding.bind(FIRST);
  expect(store.binding.formerSettings()).toEqual([SECOND, FIRST]);
  store.close();
  expect(readShardStatus(one.at)).toMatchObject({ copied: null, fault: null, restartAsked: false });
  // Another restore brings the second one back.
  expect(await one.restore()).toMatchObject({ from: restored.aside });
  const again = one.open();
  again.binding.bind(SECOND);
  expect(again.binding.formerSettings()).toEqual([FIRST, SECOND]);
  again.close();
  expect(one.files().filter((name) => name.endsWith('.db')).length).toBe(2);
});

test('no verification of a restored state counts, since the other state has written the items since', async () => {
  await using one = await restarted();
  one.open().close();
  await one.restore();
  expect(readShardStatus(one.at)?.tables).toMatchObject([{ verify: null }]);
});

test('a restore without a present state sets nothing aside, and ends an interrupted restart', async () => {
  await using one = await restarted();
  askRestart(one.at.folder, ['s01']);
  expect(await one.restore()).toMatchObject({ from: one.archive, aside: null });
  expect(isRestartAsked(one.at)).toBe(false);
  expect(one.files().sort()).toEqual(['s01.db', 's01.seen']);
});

describe('late writes after a restore', () => {
  const left = (store: StateStore): number =>
    (store.lateWrites.crashedAt() ?? 0) + LATE_WRITE_WINDOW_MS - store.clock.now();

  test('the restored state waits for writes that the other state may have under way', async () => {
    const clocks = new MovedClocks();
    await using one = await restarted(clocks);
    const killed = one.open();
    killed.lateWrites.begin();
    killed.close();
    const { lateWritesForMs } = await one.restore();
    expect(lateWritesForMs).toBeGreaterThan(LATE_WRITE_WINDOW_MS - 60_000);
    const store = one.open();
    expect(left(store)).toBeGreaterThan(LATE_WRITE_WINDOW_MS - 60_000);
    store.close();
  });

  test('the restored state keeps its own late writes where they are later, and a next restart inherits them', async () => {
    await using one = await restarted();
    const database = new Database(join(one.at.folder, one.archive));
    database.exec('UPDATE meta SET writes_in_flight = 1');
    database.close();
    await one.restore();
    await one.restart();
    const store = one.open();
    expect(left(store)).toBeGreaterThan(LATE_WRITE_WINDOW_MS - 60_000);
    store.close();
    await one.restore();
    const restored = one.open();
    expect(left(restored)).toBeGreaterThan(LATE_WRITE_WINDOW_MS - 60_000);
    restored.close();
  });

  test('archives of quick restarts and restores never share a name, so none passes for one that has an heir', async () => {
    await using one = await restarted();
    const names = [one.archive];
    for (let round = 0; round < 3; round++) {
      const store = one.open();
      store.lateWrites.begin();
      store.close();
      names.push((await one.restore()).aside ?? '');
      names.push(await one.restart());
    }
    expect(new Set(names).size).toBe(names.length);
    const store = one.open();
    expect(left(store)).toBeGreaterThan(LATE_WRITE_WINDOW_MS - 60_000);
    store.close();
  });
});

describe('claims on item keys', () => {
  const GUARDED = { ...FIRST, itemKeys: 'item-keys' };

  async function claimed() {
    const folder = await temporaryFolder();
    const at = { folder: folder.path, shard: 's01' };
    const claim = async (shard: string, ...keys: readonly string[]): Promise<number> => {
      const register = openKeyRegister(at);
      const claims = keys.map((key) => ({ claim: key, cursor: cursor(`["${key}"]`) }));
      const conflicts = await register.claim({ shard, table: 'messages' }, claims);
      register.close();
      return conflicts.length;
    };
    const store = openStateStore({ ...at, create: true });
    store.binding.bind(GUARDED);
    store.close();
    await claim('s01', 'a', 'b');
    askRestart(at.folder, ['s01']);
    const archive = basename(archiveState(at) ?? '');
    await giveUpClaims(at, atOnce);
    return { at, claim, archive, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
  }

  test('a restored shard owns the item keys again that its restart gave up', async () => {
    await using one = await claimed();
    openStateStore({ ...one.at, create: true }).close();
    await one.claim('s01', 'b', 'c');
    const { aside } = await restoreState({ ...one.at, from: null }, atOnce);
    expect([await one.claim('s02', 'a', 'b'), await one.claim('s02', 'c')]).toEqual([2, 0]);
    // The state that was there kept its claims beside it: c has another owner now.
    await expect(restoreState({ ...one.at, from: aside }, atOnce)).rejects.toMatchObject({ code: 'E_ITEM_KEY_SHARED' });
  });

  test('a restore is refused where another shard has claimed a key since, and changes nothing', async () => {
    await using one = await claimed();
    await one.claim('s02', 'b');
    const before = readdirSync(one.at.folder).sort();
    await expect(restoreState({ ...one.at, from: null }, atOnce)).rejects.toMatchObject({ code: 'E_ITEM_KEY_SHARED' });
    expect(readdirSync(one.at.folder).sort()).toEqual(before);
    expect(await one.claim('s02', 'a')).toBe(0);
  });

  test('a restore is refused where the claims that the restart gave up are missing', async () => {
    await using one = await claimed();
    rmSync(join(one.at.folder, one.archive.replace('.db', '.claims')));
    await expect(restoreState({ ...one.at, from: null }, atOnce)).rejects.toMatchObject({ code: 'E_STATE_MISSING' });
  });
});

describe('refused restores', () => {
  test('a restore is refused while a process works on the shard', async () => {
    await using one = await restarted();
    const store = one.open();
    await expect(one.restore()).rejects.toMatchObject({ code: 'E_STATE_LOCKED' });
    store.close();
  });

  test('a restore takes only a file that was set aside for its shard', async () => {
    await using one = await restarted();
    await expect(one.restore('s02.20251122T230000Z.db')).rejects.toMatchObject({ code: 'E_USAGE' });
    await expect(one.restore('/elsewhere/' + one.archive)).rejects.toMatchObject({ code: 'E_USAGE' });
    await expect(restoreState({ ...one.at, shard: 's02', from: null }, atOnce)).rejects.toMatchObject({
      code: 'E_STATE_MISSING',
    });
    expect(await one.restore(join(one.at.folder, one.archive))).toMatchObject({ from: one.archive });
  });

  test('a damaged archive is refused, and the present state stays', async () => {
    await using one = await restarted();
    one.open().close();
    writeFileSync(join(one.at.folder, one.archive), 'not a database at all');
    await expect(one.restore()).rejects.toMatchObject({ code: 'E_STATE_CORRUPT' });
    expect(readShardStatus(one.at)).toMatchObject({ fault: null, copied: null });
  });
});

test('a restore that was killed between two steps blocks runs of the shard, and the same command finishes it', async () => {
  await using one = await restarted();
  const second = one.open();
  second.binding.bind(SECOND);
  second.close();
  const file = join(one.at.folder, 's01.db');
  const aside = 's01.20990101T000000Z.db';
  noteRestoring(shardFiles(one.at.folder, 's01'), { from: one.archive, aside });
  const moved = [
    () => undefined,
    () => renameSync(file, join(one.at.folder, aside)),
    () => renameSync(join(one.at.folder, one.archive), file),
  ];
  for (const move of moved) {
    move();
    expect(() => one.open()).toThrow(expect.objectContaining({ code: 'E_STATE_MISSING' }) as Error);
    expect(readShardStatus(one.at)).toMatchObject({ fault: { code: 'E_STATE_MISSING' } });
  }
  expect(await one.restore()).toMatchObject({ from: one.archive, aside });
  const store = one.open();
  store.binding.bind(FIRST);
  expect(store.binding.formerSettings()).toEqual([SECOND, FIRST]);
  store.close();
  expect(existsSync(join(one.at.folder, aside))).toBe(true);
});

test('a restart ends a restore that was killed, and keeps both states', async () => {
  await using one = await restarted();
  one.open().close();
  const aside = 's01.20990101T000000Z.db';
  noteRestoring(shardFiles(one.at.folder, 's01'), { from: one.archive, aside });
  renameSync(join(one.at.folder, 's01.db'), join(one.at.folder, aside));
  await one.restart();
  one.open().close();
  expect(
    one
      .files()
      .filter((name) => name.endsWith('.db'))
      .sort(),
  ).toEqual([one.archive, aside, 's01.db'].sort());
  expect(one.files()).not.toContain('s01.restore');
});
