import { expect, test } from 'vitest';
import type { RowSource, ShardSource } from '../../../../src/core/ports/source-ports.js';
import { ensurePlan, estimatedRows } from '../../../../src/engine/pass/plan-table.js';
import { samplePlan, sampleRanges } from '../../../contract/state-store-samples.js';
import { jobOf, mappingOf, openPlace } from '../rows-at-hand.js';

/** What the source was asked, in order. */
function asked() {
  const calls: string[] = [];
  const { position } = samplePlan();
  const source: Partial<RowSource> = {
    planRanges: (count) => {
      calls.push(`ranges ${count}`);
      return Promise.resolve(sampleRanges());
    },
  };
  const shardSource: Partial<ShardSource> = {
    position: () => {
      calls.push('position');
      return Promise.resolve(position);
    },
  };
  return {
    calls,
    shardSource: shardSource as ShardSource,
    job: { ...jobOf(mappingOf()), source: source as RowSource },
  };
}

test('ensurePlan cuts a table once, the position first, then the bounds, and keeps the cut', async () => {
  await using place = await openPlace();
  const { calls, shardSource, job } = asked();
  const before = Date.now();
  const plan = await ensurePlan(place.context, job, shardSource);
  const { ranges, position } = samplePlan();
  expect(plan).toMatchObject({ table: 'messages', scanKey: 'PRIMARY', ranges, position });
  expect(plan.plannedAt).toBeGreaterThanOrEqual(before);
  expect(calls).toEqual(['position', 'ranges 4']);
  expect(place.store.plans.get('messages')).toEqual(plan);
  expect(await ensurePlan(place.context, job, shardSource)).toEqual(plan);
  expect(calls.length).toBe(2);
  const told = { shard: 's01', table: 'messages', ranges: 2, estimatedRows: 350 };
  expect(place.events.map(({ name, payload }) => [name, payload])).toEqual([
    ['table.planned', { ...told, reused: false }],
    ['table.planned', { ...told, reused: true }],
  ]);
});

test('estimatedRows is the sum of the estimates over the ranges', () => {
  expect(estimatedRows(samplePlan())).toBe(350);
  expect(estimatedRows(samplePlan({ ranges: [] }))).toBe(0);
});
