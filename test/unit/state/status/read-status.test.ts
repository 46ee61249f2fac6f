/**
 * What whoever looks is told where nothing is known; and for how long writes of a run that was broken off may still
 * land.
 */
import Database from 'better-sqlite3';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LATE_WRITE_WINDOW_MS } from '../../../../src/core/time/late-writes.js';
import { openStateStore } from '../../../../src/state/open.js';
import { notBegun, readShardStatus } from '../../../../src/state/status/read-status.js';
import { temporaryFolder } from '../../../support/temporary.js';

test('readShardStatus shows late writes for a window at most after a broken-off run, and none otherwise', async () => {
  await using folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01' };
  openStateStore({ ...at, create: true }).close();
  expect(readShardStatus(at, null)).toMatchObject({ lateWritesUntil: null, lateWritesForMs: null });

  const store = openStateStore({ ...at, create: false });
  store.lateWrites.begin();
  store.close();
  const left = readShardStatus(at, null)?.lateWritesForMs ?? 0;
  // As much as a slow machine may take from one line to the next.
  expect(left).toBeGreaterThan(LATE_WRITE_WINDOW_MS / 2);
  expect(left).toBeLessThanOrEqual(LATE_WRITE_WINDOW_MS);

  openStateStore({ ...at, create: false }).close();
  const database = new Database(join(folder.path, 's01.db'));
  database.prepare('UPDATE meta SET crashed_at = crashed_at - ?').run(LATE_WRITE_WINDOW_MS);
  database.close();
  expect(readShardStatus(at, null)).toMatchObject({
    lateWritesUntil: expect.any(Number) as number,
    lateWritesForMs: null,
  });
});

const NOTHING = {
  shard: 's01',
  phase: 'new',
  running: false,
  heartbeat: null,
  oldestComparison: null,
  suspects: 0,
  lateWritesUntil: null,
  lateWritesForMs: null,
  incidents: [],
  restartAsked: false,
  copied: null,
  fault: null,
};

test('notBegun shows nothing of a shard except its tables', () => {
  const { tables, ...rest } = notBegun('s01', ['messages']);
  expect(rest).toEqual(NOTHING);
  expect(tables).toEqual([
    {
      table: 'messages',
      inConfig: true,
      planned: false,
      scanKey: null,
      plannedAt: null,
      estimatedRows: 0,
      badRows: 0,
      backfill: null,
      verify: null,
      standing: 'none',
      firstCompared: null,
      lastCompared: null,
      overtakenBy: 0,
    },
  ]);
  expect(notBegun('s01', [], true)).toEqual({ ...NOTHING, tables: [], restartAsked: true });
});

test('readShardStatus shows nothing of a state that it cannot read except the reason', async () => {
  await using folder = await temporaryFolder();
  writeFileSync(join(folder.path, 's01.db'), 'no file of SQLite, by its first line');
  expect(readShardStatus({ folder: folder.path, shard: 's01' }, ['messages'])).toEqual({
    ...NOTHING,
    tables: [],
    fault: expect.objectContaining({ code: 'E_STATE_CORRUPT' }) as unknown,
  });
});
