/**
 * A state of another machine is put aside only where its volume moves; what was sent from there is waited for all the
 * same.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LATE_WRITE_WINDOW_MS } from '../../../src/core/time/late-writes.js';
import { openStateStore } from '../../../src/state/open.js';
import { archiveState } from '../../../src/state/restart.js';
import { MovedClocks } from '../../support/moved-clocks.js';
import { temporaryFolder } from '../../support/temporary.js';

async function place() {
  const folder = await temporaryFolder();
  const clocks = new MovedClocks();
  const at = { folder: folder.path, shard: 's01' };
  openStateStore({ ...at, create: true }, clocks).close();
  const file = join(folder.path, 's01.db');
  return { at, clocks, file, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

test('archiveState puts a state on its own machine aside, and waits for nothing', async () => {
  await using one = await place();
  for (const moves of [false, true]) {
    const archive = archiveState({ ...one.at, moves }, one.clocks);
    expect([archive !== null && existsSync(archive), existsSync(one.file)]).toEqual([true, false]);
    const store = openStateStore({ ...one.at, create: true }, one.clocks);
    expect(store.lateWrites.crashedAt()).toBeNull();
    store.close();
  }
});

test('archiveState refuses a state on another machine, unless its volume moves, and then expects late writes', async () => {
  await using one = await place();
  one.clocks.moveTo('machine 2');
  for (const at of [one.at, { ...one.at, moves: false }]) {
    expect(() => archiveState(at, one.clocks)).toThrow(expect.objectContaining({ code: 'E_STATE_COPIED' }));
    expect(existsSync(one.file)).toBe(true);
  }
  const archive = archiveState({ ...one.at, moves: true }, one.clocks);
  expect([archive !== null && existsSync(archive), existsSync(one.file)]).toEqual([true, false]);
  const store = openStateStore({ ...one.at, create: true, moves: true }, one.clocks);
  expect((store.lateWrites.crashedAt() ?? 0) + LATE_WRITE_WINDOW_MS).toBeGreaterThan(store.clock.now());
  store.close();
});
