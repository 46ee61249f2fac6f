/**
 * What a backfill begins with: rows that stopped an earlier run stand in nobody's way any more until they are found to
 * again.
 */
import { expect, test } from 'vitest';
import { NO_COUNTS } from '../../../src/core/model.js';
import { NO_TARGET } from '../../../src/core/ports/target-ports.js';
import type { BadRowRecord } from '../../../src/core/ports/state-records.js';
import { backfillTable } from '../../../src/engine/backfill.js';
import { BadRowLimit } from '../../../src/engine/pass/bad-row-limit.js';
import { DiscardingWriter } from '../../../src/engine/discarding-writer.js';
import { PassProgress } from '../../../src/engine/pass/progress.js';
import { sampleBadRow } from '../../contract/state-store-samples.js';
import { cursorOf, mappingOf, openPlace, passOver, rowAtHand, scannedJob } from './rows-at-hand.js';

const GAUGES = { unitsConsumed: () => 0, unitsLimit: () => 1, throttles: () => 0, retries: () => 0 };

test('backfillTable forgets what stopped an earlier run, however much else is recorded, and nothing else', async () => {
  await using place = await openPlace();
  const { store, context } = place;
  const mapping = mappingOf();
  const row = (id: number, cause: BadRowRecord['cause'], table = 'messages'): BadRowRecord =>
    sampleBadRow({ table, cause, cursor: cursorOf(id), chunk: null });
  // Behind all that is scanned, so that no row of the scan says anything of them; and more than are looked at in one
  // go.
  const bad = Array.from({ length: 2_005 }, (_, i) => 100 + i);
  const stopped = new Set([100, 101, 1_099, 1_100, 2_104]);
  store.badRows.record(
    bad.map((id) => row(id, stopped.has(id) ? (id % 2 === 0 ? 'shared-key' : 'shard-overlap') : 'value')),
  );
  store.badRows.record([row(3_000, 'refused'), row(1, 'shared-key', 'calls')]);
  const pass = passOver(place, 'backfill', 50);
  const parts = {
    writer: new DiscardingWriter(),
    guard: NO_TARGET,
    badRows: new BadRowLimit('s01', 100, 0),
    progress: new PassProgress('s01', 'messages', 'backfilling', 1, NO_COUNTS, GAUGES),
    now: () => 0,
    itemKeys: null,
    shardValues: null,
  };
  await backfillTable(context, scannedJob(mapping, [rowAtHand(mapping, 1)], 10), pass, parts);
  const left = new Set([...bad.filter((id) => !stopped.has(id)), 3_000].map(cursorOf));
  expect(new Set(store.badRows.list('messages').map(({ cursor }) => cursor))).toEqual(left);
  expect(store.badRows.list('calls')).toHaveLength(1);
  expect(store.passes.summary('backfill', 'messages')?.counts).toMatchObject({ rows: 1, items: 1, badRows: 0 });
});
