/** No run is refused for room on the disk that it does not need. */
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { registerRoom } from '../../../../src/wiring/preflight/register-room.js';
import { temporaryFolder } from '../../../support/temporary.js';

const SHARDS = ['s01', 's02'];

test('registerRoom is nothing for a verification, what is not recorded for a resume, and everything for a dry run', async () => {
  await using folder = await temporaryFolder();
  const room = (use: 'none' | 'anew' | 'more'): number => registerRoom(10_000, folder.path, SHARDS, use);
  writeFileSync(join(folder.path, 'item-keys.db'), Buffer.alloc(6000));
  writeFileSync(join(folder.path, 'item-keys.db-wal'), Buffer.alloc(1000));
  // The keys are of other shards.
  expect([room('none'), room('more'), room('anew')]).toEqual([0, 10_000, 10_000]);
  copyFileSync('fixtures/state/v10.db', join(folder.path, 's02.db'));
  expect([room('none'), room('more'), room('anew')]).toEqual([0, 3000, 10_000]);
  writeFileSync(join(folder.path, 'item-keys.db'), Buffer.alloc(20_000));
  expect(room('more')).toBe(0);
});
