/**
 * A register of item keys of an earlier version: brought up by whichever shard comes first, beside the others, and
 * never copied.
 */
import Database from 'better-sqlite3';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { KEY_REGISTER } from '../../../src/state/sqlite/schema.js';
import { temporaryFolder } from '../../support/temporary.js';
import { allLines, startScripts } from './child-script.js';

const SHARDS = ['s01', 's02', 's03', 's04'];

/** @param claims of a shard that none of `SHARDS` is */
function firstVersion(folder: string, claims: number): void {
  const database = new Database(join(folder, 'item-keys.db'));
  database.pragma('journal_mode = WAL');
  database.pragma(`application_id = ${KEY_REGISTER.applicationId}`);
  database.exec(KEY_REGISTER.migrations[0] ?? '');
  database.exec(`
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${claims})
    INSERT INTO item_keys SELECT randomblob(16), 's00', 'messages', 'row ' || n FROM numbers`);
  database.pragma('user_version = 1');
  database.close();
}

test('shards that open a key register of version 1 at once all get it, claims kept', { timeout: 60_000 }, async () => {
  await using folder = await temporaryFolder();
  firstVersion(folder.path, 200_000);
  await using shards = startScripts(
    'claim-keys',
    SHARDS.map((shard) => [folder.path, shard, '50']),
  );
  const refused = await Promise.all(shards.all.map(async (child) => (await allLines(child))[0]));
  expect(refused.map(Number).sort((a, b) => a - b)).toEqual([0, 50, 50, 50]);
  const database = new Database(join(folder.path, 'item-keys.db'), { readonly: true });
  expect(database.pragma('user_version', { simple: true })).toBe(KEY_REGISTER.migrations.length);
  expect(database.prepare('SELECT count(*) FROM item_keys').pluck().get()).toBe(200_050);
  database.close();
});

// It may be hundreds of gigabytes, and a copy that is put back lacks what was claimed since.
test('an upgrade of the key register makes no copy', { timeout: 60_000 }, async () => {
  await using folder = await temporaryFolder();
  firstVersion(folder.path, 1);
  await using shard = startScripts('claim-keys', [[folder.path, 's01', '50']]);
  for (const child of shard.all) expect(await allLines(child)).toEqual(['0']);
  expect(readdirSync(folder.path).filter((name) => name.includes('.v'))).toEqual([]);
});
