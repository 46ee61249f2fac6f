/**
 * Whom a refusal names where the kernel does not say who keeps a lock: whoever the state says, as long as that process
 * lives.
 */
import Database from 'better-sqlite3';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openStateStore } from '../../../src/state/open.js';
import { temporaryFolder } from '../../support/temporary.js';

const platform = Object.getOwnPropertyDescriptor(process, 'platform');

beforeEach(() => void Object.defineProperty(process, 'platform', { ...platform, value: 'darwin' }));
afterEach(() => {
  vi.restoreAllMocks();
  Object.defineProperty(process, 'platform', { ...platform });
});

/** As the kernel answers a signal to such a process; root is never answered so. */
function otherUsers(pid: number): number {
  vi.spyOn(process, 'kill').mockImplementation((to) => {
    throw Object.assign(new Error(`kill ${to}`), { code: to === pid ? 'EPERM' : 'ESRCH' });
  });
  return pid;
}

test.each<[string, () => number | null, string]>([
  ['one that lives', () => process.pid, `process ${process.pid}`],
  ['one that lives and is another user’s', () => otherUsers(4_711), 'process 4711'],
  ['one that has ended', () => spawnSync('true').pid, 'another process'],
  ['none', () => null, 'another process'],
])('openStateStore names the process that works on a shard whose state names %s', async (_what, pid, named) => {
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
