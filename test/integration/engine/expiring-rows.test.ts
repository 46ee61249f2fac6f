/**
 * Rows that expire (`expired: skip`) between their reading and a look at them again: no run goes round and round over
 * them.
 */
import { expect, it } from 'vitest';
import { thisInstant } from '../../../src/core/time/age.js';
import type { MappedItem } from '../../../src/core/model.js';
import { KeyClaims } from '../../../src/engine/claims/key-claims.js';
import { onePair } from '../../support/migration.js';
import { rule } from '../../unit/mapping/tables.js';
import { allRows, openTableWork } from './table-work.js';

const EXPIRY = 4_000_000_000;
const SQL = [
  'CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(10) NOT NULL, expiry BIGINT NOT NULL)',
  `INSERT INTO t VALUES (1, 'a', ${EXPIRY}), (2, 'a', ${EXPIRY})`,
];
const ITEM = rule('T', '{a}', {
  attributes: { columns: ['id'] },
  ttl: { attribute: 'ttl', column: 'expiry', retentionSeconds: 0, expired: 'skip' },
});

it.each(onePair)('key claims leave out two rows that share an item key and expire queued: $name', async (servers) => {
  await using work = await openTableWork({ servers, sql: SQL, items: [ITEM] });
  const items: MappedItem[] = [];
  for (const row of await allRows(work.job)) work.job.mapping.map(row, items, { now: EXPIRY - 1 });
  expect(items.length).toBe(2);
  const claims = new KeyClaims(work.context, work.job, { itemKeys: null, shardValues: null, now: () => EXPIRY });
  const fail = (): never => {
    throw new Error('no item is refused');
  };
  const written = await claims.write(work.target.writer, items, thisInstant(), fail, AbortSignal.timeout(5_000));
  expect(written.items).toEqual([]);
  expect(await work.items()).toEqual([]);
});
