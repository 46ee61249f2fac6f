/** What the state says of differences, by table: all where a verification stands, and why it has none elsewhere. */
import Database from 'better-sqlite3';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { StateStore } from '../../../../src/core/ports/state-ports.js';
import type { DifferenceRecord } from '../../../../src/core/ports/state-records.js';
import { openStateStore } from '../../../../src/state/open.js';
import {
  lookAtDifferences,
  readRecordedRows,
  type ListedDifference,
  type ShardDifferences,
} from '../../../../src/state/status/read-differences.js';
import {
  cursor,
  finishSamplePass,
  sampleBadRow,
  sampleChunk,
  sampleDifference,
  samplePlan,
} from '../../../contract/state-store-samples.js';
import { temporaryFolder } from '../../../support/temporary.js';

const DIGEST = 'ffffffffffffffffffffffffffffffff';
const TABLES = ['messages', 'calls'];

function backfilled(store: StateStore, table: string): void {
  store.plans.save(samplePlan({ table, scanKey: table === 'calls' ? null : 'PRIMARY' }));
  finishSamplePass(store, store.passes.open('backfill', table));
}

function verified(store: StateStore, table: string, found: readonly DifferenceRecord[], finish = true): void {
  const pass = store.passes.open('verify', table);
  const count = (name: string): number => found.filter((difference) => difference.class === name).length;
  const counts = { missing: count('missing'), differing: count('differing'), unresolved: count('unresolved') };
  store.checkpoints.commit(pass, [sampleChunk({ targetDigest: DIGEST, ...counts })], found);
  if (finish) finishSamplePass(store, pass, { targetDigest: DIGEST });
}

/** Returns what is known, and all that is listed. */
function looked(
  folder: string,
  wanted: DifferenceRecord['class'] | null = null,
  limit = 1_000_000,
): { readonly known: ShardDifferences | undefined; readonly listed: readonly ListedDifference[] } {
  const look = lookAtDifferences({ folder, shard: 's01' }, TABLES);
  try {
    return { known: look?.known, listed: [...(look?.parts(limit, wanted) ?? [])].flat() };
  } finally {
    look?.close();
  }
}

const evidenceOf = (folder: string): readonly unknown[] | undefined =>
  looked(folder).known?.tables.map(({ table, evidence, counted }) => [table, evidence, counted]);

test('lookAtDifferences lists all differences of all tables, one class of them, or the first ones', async () => {
  await using folder = await temporaryFolder();
  const store = openStateStore({ folder: folder.path, shard: 's01', create: true });
  for (const table of TABLES) backfilled(store, table);
  const missing = Array.from({ length: 450 }, (_, n) =>
    sampleDifference({ class: 'missing', keyText: `{"pk":{"S":"${n}"}}`, cursor: cursor(`["${n}"]`), attributes: [] }),
  );
  verified(store, 'messages', [...missing, sampleDifference()]);
  verified(store, 'calls', [sampleDifference({ class: 'unresolved', cursor: cursor('["of a hash"]') })]);
  // Beside the process that has the shard.
  const { known, listed } = looked(folder.path);
  expect(known).toMatchObject({ running: true, fault: null, badRows: 0 });
  expect(known?.tables).toMatchObject([
    { evidence: 'stands', counts: { missing: 450, differing: 1 }, kept: { missing: 450, differing: 1 } },
    { evidence: 'stands', counts: { unresolved: 1 }, kept: { unresolved: 1 } },
  ]);
  expect(listed.map(({ table, class: name }) => `${table} ${name}`)).toEqual([
    ...missing.map(() => 'messages missing'),
    'messages differing',
    'calls unresolved',
  ]);
  expect(listed[3]).toMatchObject({ keyText: '{"pk":{"S":"3"}}', cursor: '["3"]', keyed: true });
  expect(listed.at(-1)).toMatchObject({ keyed: false });
  expect(looked(folder.path, 'unresolved').listed).toHaveLength(1);
  expect(looked(folder.path, 'differing').listed).toMatchObject([{ attributes: ['body', 'price'] }]);
  expect(looked(folder.path, null, 451).listed.at(-1)).toMatchObject({ class: 'differing' });
  expect(looked(folder.path, null, 0).listed).toEqual([]);
  store.close();
});

test('lookAtDifferences says why no verification of a table stands', async () => {
  await using folder = await temporaryFolder();
  expect(lookAtDifferences({ folder: folder.path, shard: 's01' }, TABLES)).toBeNull();
  const store = openStateStore({ folder: folder.path, shard: 's01', create: true });
  backfilled(store, 'messages');
  store.plans.save(samplePlan({ table: 'calls' }));
  const backfill = store.passes.open('backfill', 'calls');
  expect(evidenceOf(folder.path)).toEqual([
    ['messages', 'none', false],
    ['calls', 'none', false],
  ]);
  verified(store, 'messages', [sampleDifference()], false);
  verified(store, 'calls', [sampleDifference()]);
  expect(evidenceOf(folder.path)).toEqual([
    ['messages', 'unfinished', true],
    ['calls', 'backfill-unfinished', true],
  ]);
  expect(looked(folder.path).listed).toHaveLength(2);
  finishSamplePass(store, backfill);
  store.badRows.record([sampleBadRow()]);
  const moved = { rows: 1, items: 1, expiredRows: 0, goneRows: 0, newerItems: 0, units: 1, digest: DIGEST };
  store.retries.settle('messages', [sampleBadRow().cursor], [], moved);
  expect(evidenceOf(folder.path)).toEqual([
    ['messages', 'before-retry', false],
    ['calls', 'before-backfill', false],
  ]);
  expect(looked(folder.path)).toMatchObject({ listed: [], known: { tables: [{ counts: { differing: 0 } }, {}] } });
  store.close();
});

test('lookAtDifferences counts what an earlier version counted without keys', async () => {
  await using folder = await temporaryFolder();
  const store = openStateStore({ folder: folder.path, shard: 's01', create: true });
  for (const table of TABLES) backfilled(store, table);
  verified(store, 'messages', [sampleDifference(), sampleDifference({ keyText: '{"pk":{"S":"2"}}' })]);
  store.close();
  const database = new Database(join(folder.path, 's01.db'));
  database.prepare('DELETE FROM differences WHERE id = 2').run();
  database.close();
  const { known, listed } = looked(folder.path);
  expect(known?.tables[0]).toMatchObject({ counts: { differing: 2 }, kept: { differing: 1 } });
  expect(listed).toHaveLength(1);
});

test('readRecordedRows finds the rows of an item key and of a scan key', async () => {
  await using folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01' };
  expect(readRecordedRows(at, { by: 'item-key', texts: ['{}'] })).toEqual([]);
  const store = openStateStore({ ...at, create: true });
  for (const table of TABLES) backfilled(store, table);
  const [one, two] = [cursor('["AC1","1"]'), cursor('["AC1","2"]')];
  const keyText = '{"pk":{"S":"AC1"},"sk":{"S":"1"}}';
  verified(store, 'messages', [sampleDifference({ keyText, cursor: one }), sampleDifference({ cursor: one })]);
  verified(store, 'calls', [sampleDifference({ keyText: '{"pk":{"S":"other"}}', cursor: two })]);
  store.close();
  expect(readRecordedRows(at, { by: 'item-key', texts: [keyText, '{}'] })).toEqual([
    { table: 'messages', cursor: one },
  ]);
  expect(readRecordedRows(at, { by: 'scan-key', cursor: two })).toEqual([{ table: 'calls', cursor: two }]);
  expect(readRecordedRows(at, { by: 'scan-key', cursor: cursor('["AC1"]') })).toEqual([]);
});
