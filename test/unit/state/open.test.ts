/** Whom a refusal names where the kernel does not say who keeps a lock: whoever the state says, as long as that process lives. */
import Database from 'better-sqlite3';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStateStore } from '../../../src/state/open.js';
import { temporaryFolder } from '../../support/temporary.js';

const platform = Object.getOwnPropertyDescriptor(process, 'platform');

beforeEach(() => void Object.defineProperty(process, 'platform', { ...platform, value: 'darwin' }));
afterEach(() => void Object.defineProperty(process, 'platform', { ...platform }));

test.each<[string, () => number | null, string]>([
  ['one that lives', () => process.pid, `process ${process.pid}`],
  // Of another user, unless the tests are root's.
  ['one that lives and is not ours', () => 1, 'process 1'],
  ['one that has ended', () => spawnSync('true').pid, 'another process'],
  ['none', () => null, 'another process'],
])('of a shard whose state says %s', async (_what, pid, named) => {
  await using folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01', create: true };
  const holder = openStateStore(at);
  try {
    const database = new Database(join(folder.path, 's01.db'));
    database.prepare('UPDATE meta SET holder_pid = ?').run(pid());
    database.close();
    expect(() => openStateStore(at)).toThrow(`shard s01: ${named} works on this shard`);
  } finally {
    holder.close();
  }
});
