/**
 * What a shard that is begun again inherits of the writes under its former state; what of a verification may be
 * resumed.
 */
import Database from 'better-sqlite3';
import { copyFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { LATE_WRITE_WINDOW_MS } from '../../../src/core/time/late-writes.js';
import type { StateStore } from '../../../src/core/ports/state-ports.js';
import { openStateStore, type StateAt } from '../../../src/state/open.js';
import { archiveState } from '../../../src/state/restart.js';
import { finishSamplePass, samplePlan } from '../../contract/state-store-samples.js';
import { letLateWriteWindowPass } from '../../support/late-writes.js';
import { temporaryFolder } from '../../support/temporary.js';

const MINUTE = 60_000;
const MOMENT = 5_000;

function open(at: StateAt, work: (store: StateStore) => void = () => undefined): StateStore {
  const store = openStateStore({ ...at, create: true });
  work(store);
  return store;
}

/** When the shard that is begun again thinks a run was broken off. */
function inherited(at: StateAt): number | null {
  const store = open(at);
  try {
    return store.lateWrites.crashedAt();
  } finally {
    store.close();
  }
}

async function place(): Promise<AsyncDisposable & { readonly at: StateAt }> {
  const folder = await temporaryFolder();
  return { at: { folder: folder.path, shard: 's01' }, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

test('a restarted shard inherits no late writes where all were heard out, or the window is over', async () => {
  await using one = await place();
  open(one.at, (store) => {
    store.lateWrites.begin();
    store.lateWrites.end();
    store.ambiguousWrites.add([{ itemKey: 'k', since: Date.now() - LATE_WRITE_WINDOW_MS }]);
  }).close();
  archiveState(one.at);
  expect(inherited(one.at)).toBeNull();
});

// Versions 10 and 11 named what is asked for otherwise.
test.each([10, 11])(
  'a restarted shard inherits no late writes from an archived state of version %i that had heard all out',
  async (version) => {
    await using one = await place();
    const archive = join(one.at.folder, 's01.20251122T230000Z.db');
    copyFileSync(new URL(`../../../fixtures/state/v${version}.db`, import.meta.url), archive);
    const database = new Database(archive);
    database.exec('UPDATE meta SET writing = 0, broken_off_at = NULL; DELETE FROM suspects');
    database.close();
    expect(inherited(one.at)).toBeNull();
    rmSync(join(one.at.folder, 's01.db'));
    rmSync(join(one.at.folder, 's01.seen'));
    const again = new Database(archive);
    again.exec('UPDATE meta SET writing = 1');
    again.close();
    expect(Math.abs((inherited(one.at) ?? 0) - Date.now())).toBeLessThan(MOMENT);
  },
);

test('a restarted shard inherits the window of the last suspect, of a found kill, and of an unfound kill', async () => {
  await using one = await place();
  const since = Date.now() - 3 * MINUTE;
  open(one.at, (store) => {
    store.ambiguousWrites.add([
      { itemKey: 'a', since },
      { itemKey: 'b', since: since - 1 },
    ]);
  }).close();
  archiveState(one.at);
  expect(Math.abs((inherited(one.at) ?? 0) - since)).toBeLessThan(MOMENT);

  open(one.at, (store) => store.lateWrites.begin()).close();
  const before = Date.now();
  archiveState(one.at);
  const unfound = inherited(one.at);
  expect(unfound).toBeGreaterThanOrEqual(before - MOMENT);
  expect(unfound).toBeLessThanOrEqual(Date.now() + MOMENT);

  // Begun again once more, with nothing open of its own: what was inherited is handed on.
  archiveState(one.at);
  const handedOn = inherited(one.at);
  expect(handedOn).toBeGreaterThan((unfound ?? Infinity) - MOMENT);
  expect(handedOn).toBeLessThan((unfound ?? 0) + MOMENT);
});

test('a restarted shard takes damaged state for an unfound kill, and ignores the state of another shard', async () => {
  await using one = await place();
  open({ ...one.at, shard: 's01.b' }, (store) => store.lateWrites.begin()).close();
  archiveState({ ...one.at, shard: 's01.b' });
  open(one.at).close();
  writeFileSync(join(one.at.folder, 's01.db'), 'damaged');
  const before = Date.now();
  const archive = archiveState(one.at) ?? '';
  const found = inherited(one.at) ?? 0;
  expect(found).toBeGreaterThanOrEqual(before - MOMENT);

  // The heir hands it on, and it does not count again.
  letLateWriteWindowPass(one.at.folder, ['s01']);
  const heir = archiveState(one.at) ?? '';
  expect(inherited(one.at)).toBeNull();
  expect(readdirSync(one.at.folder)).toContain(basename(archive));

  // Without one, the time in a name proves nothing: a clock that is set back would make it old.
  renameSync(archive, archive.replace(/\d{8}T\d{6}Z/, '20200101T000000Z'));
  archiveState(one.at);
  rmSync(heir);
  expect(inherited(one.at)).toBeGreaterThan(found - MOMENT);
});

test('a verification that began in the window of a kill is not resumed after that window', async () => {
  await using one = await place();
  open(one.at, (store) => {
    store.plans.save(samplePlan());
    finishSamplePass(store, store.passes.open('backfill', 'messages'));
    store.lateWrites.begin();
  }).close();
  const within = open(one.at);
  const early = within.passes.open('verify', 'messages');
  expect(within.passes.open('verify', 'messages')).toEqual(early);
  within.close();
  letLateWriteWindowPass(one.at.folder, ['s01']);
  const after = open(one.at);
  const anew = after.passes.open('verify', 'messages');
  expect(anew.id).toBeGreaterThan(early.id);
  expect(after.passes.open('verify', 'messages')).toEqual(anew);
  after.close();
});
