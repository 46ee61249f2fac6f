import { expect, test } from 'vitest';
import { openStateStore } from '../../../src/state/open.js';
import { readShardStatus } from '../../../src/state/status/read-status.js';
import {
  finishSamplePass,
  sampleBadRow,
  sampleChunk,
  sampleHeartbeat,
  samplePlan,
} from '../../contract/state-store-samples.js';
import { temporaryFolder } from '../../support/temporary.js';
import { startScript } from './child-script.js';

test('readShardStatus() shows each phase of a shard beside the process that works on it', async () => {
  await using folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01' };
  const store = openStateStore({ ...at, create: true });
  const phase = () => readShardStatus(at)?.phase;

  expect(readShardStatus(at)).toEqual({
    shard: 's01',
    phase: 'new',
    running: true,
    heartbeat: null,
    tables: [],
    oldestComparison: null,
    suspects: 0,
    incidents: [],
    lateWritesUntil: null,
    restartAsked: false,
    lateWritesForMs: null,
    copied: null,
    fault: null,
  });
  store.plans.save(samplePlan());
  expect(phase()).toBe('planned');

  const backfill = store.passes.open('backfill', 'messages');
  store.heartbeat.beat(sampleHeartbeat());
  store.badRows.record([sampleBadRow()]);
  store.ambiguousWrites.add([{ itemKey: 'k', since: 1 }]);
  store.incidents.add([{ kind: 'unanswered', count: 2, firstAt: 5, lastAt: 7 }]);
  store.checkpoints.commit(backfill, [sampleChunk()], []);
  expect(readShardStatus(at)).toEqual({
    shard: 's01',
    phase: 'backfilling',
    running: true,
    heartbeat: sampleHeartbeat(),
    tables: [
      {
        table: 'messages',
        inConfig: true,
        planned: true,
        scanKey: 'PRIMARY',
        plannedAt: samplePlan().plannedAt,
        estimatedRows: 350,
        badRows: 1,
        backfill: store.passes.summary('backfill', 'messages'),
        verify: null,
        standing: 'none',
        firstCompared: null,
        lastCompared: null,
        overtakenBy: 0,
      },
    ],
    oldestComparison: null,
    suspects: 1,
    incidents: [{ kind: 'unanswered', count: 2, firstAt: 5, lastAt: 7 }],
    lateWritesUntil: null,
    restartAsked: false,
    lateWritesForMs: null,
    copied: null,
    fault: null,
  });

  finishSamplePass(store, backfill);
  expect(phase()).toBe('backfilled');
  const verify = store.passes.open('verify', 'messages');
  expect(phase()).toBe('verifying');
  finishSamplePass(store, verify, { targetDigest: sampleChunk().sourceDigest });
  // A bad row has no item, however equal the others are.
  expect(phase()).toBe('differences');
  store.badRows.forget('messages', [sampleBadRow().cursor]);
  expect(phase()).toBe('unproven');
  store.ambiguousWrites.close(['k']);
  expect(phase()).toBe('verified');
  finishSamplePass(store, store.passes.open('verify', 'messages'), { differing: 2 });
  expect(phase()).toBe('differences');
  store.close();

  expect(readShardStatus(at)).toMatchObject({ running: false, phase: 'differences' });
  expect(structuredClone(readShardStatus(at))).toEqual(readShardStatus(at));
});

test('readShardStatus() shows tables whose passes have no plan, and their part in the phase', async () => {
  await using folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01' };
  const store = openStateStore({ ...at, create: true });
  const backfill = store.passes.open('backfill', 'calls', { segments: 2 });
  const summary = store.passes.summary('backfill', 'calls');
  const shown = { table: 'calls', planned: false, scanKey: null, plannedAt: null, estimatedRows: 0, backfill: summary };
  expect(readShardStatus(at)).toMatchObject({ phase: 'backfilling', tables: [{ ...shown, inConfig: true }] });
  store.plans.save(samplePlan());
  expect(readShardStatus(at, ['messages'])).toMatchObject({
    phase: 'planned',
    tables: [
      { table: 'messages', planned: true },
      { ...shown, inConfig: false },
    ],
  });
  finishSamplePass(store, backfill);
  expect(readShardStatus(at, ['calls'])?.phase).toBe('backfilled');
  store.close();
});

test('a process that commits chunks neither waits for readShardStatus() nor hides its commits from it', async () => {
  await using folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01' };
  await using writer = startScript('commit-chunks', [at.folder, at.shard, '300']);
  expect(await writer.line()).toBe('1');
  let seen = 0;
  for (let line = await writer.line(); line !== null; line = await writer.line()) {
    const status = readShardStatus(at);
    expect(status?.fault).toBeNull();
    const chunks = status?.tables[0]?.backfill?.counts.chunks ?? 0;
    expect(chunks).toBeGreaterThanOrEqual(Math.max(seen, Number(line)));
    seen = chunks;
  }
  expect(seen).toBe(300);
});
