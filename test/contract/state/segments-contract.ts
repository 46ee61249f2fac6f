/** Every PassStore and CheckpointStore can walk something other than the ranges of a table: a pass without a plan. */
import { describe, expect, test } from 'vitest';
import type { StateStore } from '../../../src/core/ports/state-ports.js';
import type { Pass } from '../../../src/core/ports/state-records.js';
import { cursor, sampleChunk, samplePlan } from '../state-store-samples.js';
import { begun, DEFECT, DIGEST, type NewPlace, reopening } from './place.js';

const KIND = 'scan of the target';
const SEGMENTS = 8;
const indexes = Array.from({ length: SEGMENTS }, (_, index) => index);

const open = (store: StateStore, segments = SEGMENTS): Pass => store.passes.open(KIND, 'messages', { segments });

export function segmentContract(newPlace: NewPlace): void {
  const acrossReopen = reopening(newPlace);

  describe('a pass of numbered segments', () => {
    test('a pass of numbered segments needs no plan: it takes commits, resumes at its watermarks, and finishes', async () => {
      await using place = await newPlace();
      const first = place.open();
      const pass = open(first);
      expect(pass).toMatchObject({
        kind: KIND,
        table: 'messages',
        finishedAt: null,
        sawBackfill: null,
        sawChunks: null,
      });
      expect(first.passes.progress(pass)).toEqual(
        indexes.map((index) => ({ index, range: null, watermark: null, complete: false })),
      );
      first.checkpoints.commit(pass, [sampleChunk({ segment: 7, last: cursor('h1') }), sampleChunk()], []);
      first.checkpoints.commit(pass, [sampleChunk({ segment: 7, last: cursor('h2') })], []);
      first.checkpoints.completeSegment(pass, 3);
      first.close();

      const second = place.open();
      // The number of segments is the pass's own once it is open.
      expect(open(second, 2)).toEqual(pass);
      expect(
        second.passes.progress(pass).map(({ watermark, complete }) => (complete ? 'complete' : watermark)),
      ).toEqual([...['["AC1","SM1"]', null, null, 'complete', null, null, null, 'h2']]);
      expect(second.passes.summary(KIND, 'messages')).toMatchObject({
        counts: { chunks: 3, rows: 30 },
        rangesComplete: 1,
        ranges: SEGMENTS,
      });
      expect(() => second.passes.finish(pass)).toThrow(DEFECT);
      for (const index of indexes) if (index !== 3) second.checkpoints.completeSegment(pass, index);
      second.passes.finish(pass);
      expect(second.passes.summary(KIND, 'messages')?.pass.finishedAt).not.toBeNull();
      expect(open(second).id).toBeGreaterThan(pass.id);
      second.close();
    });

    test('the state store resumes a pass of numbered segments also where a verification of its table is too old', async () => {
      await using place = await newPlace();
      const store = place.open();
      begun(store);
      const pass = open(store);
      const verify = store.passes.open('verify', 'messages');
      const comparedAt = { at: Date.now() - 10_000, steady: store.clock.latest() - 10_000 };
      store.checkpoints.commit(verify, [sampleChunk({ targetDigest: DIGEST, comparedAt })], []);
      expect(store.passes.abandoned('messages', 5_000)).toMatchObject({ reason: 'aged' });
      expect(store.passes.open(KIND, 'messages', { segments: SEGMENTS, maxAgeMs: 5_000 })).toEqual(pass);
      store.close();
    });

    test('a pass of numbered segments ignores the plan of its table, and leaves other passes of the table as they are', async () => {
      await acrossReopen(
        (store) => {
          const backfill = begun(store);
          const pass = open(store);
          store.checkpoints.commit(pass, [sampleChunk()], []);
          return { backfill, pass };
        },
        (store, { backfill, pass }) => {
          expect(store.passes.progress(pass).map(({ range }) => range)).toEqual(indexes.map(() => null));
          expect(store.passes.progress(backfill).map(({ range, watermark }) => [range, watermark])).toEqual(
            samplePlan().ranges.map((range) => [range, null]),
          );
          expect(store.passes.open('backfill', 'messages')).toEqual(backfill);
          expect(store.passes.summary('backfill', 'messages')?.counts.chunks).toBe(0);
          expect(store.passes.summary('verify', 'messages')).toBeNull();
        },
      );
    });

    test.each([0, -1, 1.5, NaN])('the state store refuses a pass of %d segments as a defect', async (segments) => {
      await using place = await newPlace();
      const store = place.open();
      expect(() => open(store, segments)).toThrow(DEFECT);
      expect(store.passes.summary(KIND, 'messages')).toBeNull();
      store.close();
    });

    test.each([-1, SEGMENTS])('the state store refuses segment %d of a pass that lacks it', async (segment) => {
      await using place = await newPlace();
      const store = place.open();
      const pass = open(store);
      expect(() => store.checkpoints.commit(pass, [sampleChunk({ segment })], [])).toThrow(DEFECT);
      expect(() => store.checkpoints.completeSegment(pass, segment)).toThrow(DEFECT);
      expect(store.passes.summary(KIND, 'messages')?.counts.chunks).toBe(0);
      store.close();
    });
  });
}
