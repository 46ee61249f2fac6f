/** What a verb says of itself before it works: whether it goes on with what is unfinished, and what it rests on. */
import { expect, test } from 'vitest';
import { FerryError } from '../../../../src/core/errors.js';
import type { ShardRun } from '../../../../src/engine/verb/shard-run.js';
import { VERBS } from '../../../../src/engine/verbs.js';
import { jobOf, mappingOf, openPlace, passOver } from '../rows-at-hand.js';

test('a verb resumes the unfinished pass that it works on, and no other', async () => {
  await using place = await openPlace();
  const { store } = place;
  const resumed = (): readonly boolean[] =>
    [VERBS.backfill, VERBS['retry-bad'], VERBS.verify].map((verb) => verb.resumes(store, 'messages', Infinity));
  expect(resumed()).toEqual([false, false, false]);
  const backfill = passOver(place, 'backfill', 1);
  expect(resumed()).toEqual([true, true, false]);
  store.checkpoints.completeSegment(backfill, 0);
  store.passes.finish(backfill);
  expect(resumed()).toEqual([false, false, false]);
  passOver(place, 'verify', 1);
  expect(resumed()).toEqual([false, false, true]);
});

test('a verification is kept only once its table was found to be the same', async () => {
  await using place = await openPlace();
  const { store, events } = place;
  const job = jobOf(mappingOf());
  const backfill = passOver(place, 'backfill', 1);
  store.checkpoints.completeSegment(backfill, 0);
  store.passes.finish(backfill);
  const verify = passOver(place, 'verify', 1);
  store.checkpoints.completeSegment(verify, 0, { at: Date.now(), steady: store.clock.latest() });
  store.passes.finish(verify);
  const another = new FerryError('E_SOURCE_CHANGED', 'another table', '');
  job.source.identify = () => Promise.reject(another);
  const run = {
    ...place.context,
    ...{ options: { takenOver: { messages: verify.id } }, acceptServer: false, tables: [job], reached: new Set() },
    openTarget: () =>
      Promise.resolve({ openReader: () => ({ close: () => Promise.resolve() }), close: () => undefined }),
  } as unknown as ShardRun<{ takenOver: Record<string, number> }>;
  const opened = await VERBS.verify.open(run, [job]);
  await expect(opened.work(job)).rejects.toBe(another);
  expect(events.filter(({ name }) => name === 'verification.kept')).toEqual([]);
});
