/** A shard's writer is the target's, and what a chunk says of its rows goes through to it. */
import { expect, test } from 'vitest';
import type { Moment } from '../../../../src/core/time/age.js';
import type { ItemWriter } from '../../../../src/core/ports/ports.js';
import { openWriter, type ShardWork } from '../../../../src/wiring/run/shard-work.js';
import type { TargetSession } from '../../../../src/wiring/target-session.js';

test('when rows were read is passed on with them, as a delete since then may have lost its tombstone', async () => {
  const seen: (Moment | undefined)[] = [];
  const writer: ItemWriter = {
    waitForRoom: () => Promise.resolve(),
    write: (_, readAt) => {
      seen.push(readAt);
      return Promise.resolve({ items: 0, newer: 0, superseded: 0, units: 0 });
    },
    close: () => Promise.resolve(),
  };
  const work = {
    task: { shard: 's01' },
    store: { beginWrites: () => undefined, endWrites: () => undefined },
  } as unknown as ShardWork;
  const target = { openWriter: () => writer } as unknown as TargetSession;
  const opened = openWriter(work, target);
  const readAt = { steady: 1, wall: 2 } as unknown as Moment;
  await opened.write([], readAt);
  await opened.close();
  expect(seen).toEqual([readAt]);
});
