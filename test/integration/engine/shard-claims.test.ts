/**
 * A value of the sharding column that another shard holds: nothing of it is claimed or written from here, and a row of
 * it is on record.
 */
import { expect, it } from 'vitest';
import type { MappedItem } from '../../../src/core/model.js';
import { KeyClaims } from '../../../src/engine/claims/key-claims.js';
import { onePair } from '../../support/migration.js';
import { rule } from '../../unit/mapping/tables.js';
import { allRows, cursor, openTableWork, signal } from './table-work.js';

const SQL = [
  'CREATE TABLE t (id INT PRIMARY KEY, account INT NOT NULL)',
  'INSERT INTO t VALUES (1, 7), (2, 7), (3, 8), (4, 9)',
];

it.each(onePair)('each shard claims its own values, and a second claim of a value fails: $name', async (servers) => {
  await using work = await openTableWork({ servers, sql: SQL, items: [rule('{account}', '{id:pad(2)}')] });
  const items: MappedItem[] = [];
  for (const row of await allRows(work.job)) work.job.mapping.map(row, items, { now: 0 });
  const index = work.job.mapping.columns.indexOf('account');
  const job = { ...work.job, shardColumn: { name: 'account', index } };
  const claimsOf = (shard: string): KeyClaims =>
    new KeyClaims({ ...work.context, shard }, job, { itemKeys: null, shardValues: work.register, now: () => 0 });

  expect(await claimsOf('s02').claim(items.slice(0, 3), signal)).toEqual(items.slice(0, 3));
  expect(await claimsOf('s01').claim(items.slice(3), signal)).toEqual(items.slice(3));
  expect(work.store.badRows.list('t')).toEqual([]);
  await expect(claimsOf('s01').claim(items, signal)).rejects.toMatchObject({ code: 'E_SHARD_OVERLAP' });
  expect(work.store.badRows.list('t')).toMatchObject([{ cursor: cursor('1'), column: 'account' }]);
});
