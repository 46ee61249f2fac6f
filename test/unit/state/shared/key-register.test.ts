/**
 * A register of item keys that lacks claims is refused: two rows could share a key unseen. And who gives claims up
 * gives up all, and his alone.
 */
import Database from 'better-sqlite3';
import { copyFileSync, existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openKeyRegister, releaseItemKeys } from '../../../../src/state/shared/key-register.js';
import { cursor } from '../../../contract/state-store-samples.js';
import { atOnce } from '../../../support/at-once.js';
import { temporaryFolder } from '../../../support/temporary.js';

async function newRegister() {
  const folder = await temporaryFolder();
  const file = (name: string): string => join(folder.path, `item-keys.${name}`);
  /** @returns how many of the keys were claimed by others before */
  const claim = async (shard: string, ...itemKeys: readonly string[]): Promise<number> => {
    const register = openKeyRegister({ folder: folder.path });
    try {
      const claims = itemKeys.map((itemKey) => ({ claim: itemKey, cursor: cursor('row') }));
      return (await register.claim({ shard, table: 'messages' }, claims)).length;
    } finally {
      register.close();
    }
  };
  await claim('s01', 'a');
  return { folder: folder.path, file, claim, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

const LACKS_CLAIMS = expect.objectContaining({ code: 'E_STATE_COPIED' }) as unknown;

describe('the register and its witness', () => {
  test('the key register opens where it is as new as its witness has seen, or newer', async () => {
    await using one = await newRegister();
    copyFileSync(one.file('seen'), one.file('kept'));
    expect(await one.claim('s01', 'b')).toBe(0);
    renameSync(one.file('kept'), one.file('seen'));
    expect(await one.claim('s02', 'a', 'b', 'c')).toBe(2);
  });

  test('the key register is refused where it is older than its witness has seen', async () => {
    await using one = await newRegister();
    copyFileSync(one.file('db'), one.file('kept'));
    await one.claim('s01', 'b');
    renameSync(one.file('kept'), one.file('db'));
    await expect(one.claim('s02', 'b')).rejects.toThrow(LACKS_CLAIMS);
  });

  test('the key register is refused where it is another one than its witness has seen, however much it knows', async () => {
    await using one = await newRegister();
    await using other = await newRegister();
    for (const key of ['b', 'c', 'd']) await other.claim('s01', key);
    copyFileSync(other.file('db'), one.file('db'));
    await expect(one.claim('s02', 'a')).rejects.toThrow(LACKS_CLAIMS);
  });

  test('the key register is refused where it is gone, and not made again', async () => {
    await using one = await newRegister();
    rmSync(one.file('db'));
    await expect(one.claim('s02', 'a')).rejects.toThrow(LACKS_CLAIMS);
    expect(existsSync(one.file('db'))).toBe(false);
  });

  test.each<[string, (seen: string) => void]>([
    ['is missing', (seen) => rmSync(seen)],
    ['is damaged', (seen) => writeFileSync(seen, '\0')],
  ])('the key register opens without its witness where that %s', async (_what, damage) => {
    await using one = await newRegister();
    damage(one.file('seen'));
    expect(await one.claim('s02', 'a', 'b')).toBe(1);
  });
});

test('releaseItemKeys gives up nothing where there is no register, and makes none', async () => {
  await using folder = await temporaryFolder();
  await releaseItemKeys({ folder: folder.path, shard: 's01' }, atOnce);
  expect(readdirSync(folder.path)).toEqual([]);
});

test('releaseItemKeys gives up claims in steps, all of the shard, and no other', async () => {
  await using one = await newRegister();
  const keys = Array.from({ length: 25_000 }, (_, i) => `k${i}`);
  const mine = (index: number): boolean => index % 3 !== 0;
  await one.claim('s01', ...keys.filter((_, index) => mine(index)));
  await one.claim('s02', ...keys.filter((_, index) => !mine(index)));
  let turns = 0;
  await releaseItemKeys({ folder: one.folder, shard: 's01' }, (step, holder) => {
    turns += 1;
    return atOnce(step, holder);
  });
  // One opens it; of 25,001 keys, others may claim in between at least twice.
  expect(turns).toBeGreaterThan(3);
  const database = new Database(one.file('db'), { readonly: true });
  const left = database.prepare('SELECT shard, count(*) AS keys FROM item_keys GROUP BY shard').all();
  database.close();
  expect(left).toEqual([{ shard: 's02', keys: keys.filter((_, index) => !mine(index)).length }]);
});
