/** Every PassStore opens a pass, resumes it until it is finished, and knows what a verification is worth. */
import { describe, expect, test } from 'vitest';
import { finishSamplePass, sampleChunk, sampleRanges } from '../state-store-samples.js';
import { begun, DEFECT, DIGEST, type NewPlace, reopening } from './place.js';

export function passContract(newPlace: NewPlace): void {
  const acrossReopen = reopening(newPlace);

  describe('passes', () => {
    test('a new pass has all ranges of the plan, each incomplete and without a watermark', async () => {
      await acrossReopen(begun, (store, pass) => {
        expect(pass).toMatchObject({ kind: 'backfill', table: 'messages', finishedAt: null });
        expect(store.passes.progress(pass)).toEqual(
          sampleRanges().map((range) => ({ index: range.index, range, watermark: null, complete: false })),
        );
      });
    });

    test('the state store resumes an unfinished pass, and starts a new one after a finished one', async () => {
      await using place = await newPlace();
      const store = place.open();
      const first = begun(store);
      expect(store.passes.open('backfill', 'messages')).toEqual(first);
      finishSamplePass(store, first);
      const second = store.passes.open('backfill', 'messages');
      expect(second.id).not.toBe(first.id);
      expect(store.passes.progress(second).map(({ watermark }) => watermark)).toEqual([null, null]);
      store.close();
    });

    test('the state store keeps backfills and verifications apart, and summarizes the newest pass of each kind', async () => {
      await using place = await newPlace();
      const store = place.open();
      const backfill = begun(store);
      expect(store.passes.summary('verify', 'messages')).toBeNull();
      const first = store.passes.open('verify', 'messages');
      expect(store.passes.open('verify', 'messages')).toEqual(first);
      finishSamplePass(store, first, { missing: 1 });
      const second = store.passes.open('verify', 'messages');
      expect(new Set([backfill.id, first.id, second.id]).size).toBe(3);
      expect(store.passes.summary('verify', 'messages')).toMatchObject({
        pass: second,
        missing: 0,
        rangesComplete: 0,
      });
      expect(store.passes.summary('backfill', 'messages')?.pass).toEqual(backfill);
      store.close();
    });

    test('the state store finishes a pass once, and only when all its ranges are complete, also empty ones', async () => {
      await using place = await newPlace();
      const store = place.open();
      const pass = begun(store);
      store.checkpoints.commit(pass, [sampleChunk()], []);
      store.checkpoints.completeSegment(pass, 0);
      expect(() => store.passes.finish(pass)).toThrow(DEFECT);
      expect(store.passes.summary('backfill', 'messages')).toMatchObject({
        rangesComplete: 1,
        pass: { finishedAt: null },
      });
      store.checkpoints.completeSegment(pass, 1);
      // By the wall clock, unlike its begin.
      const before = Date.now();
      store.passes.finish(pass);
      expect(store.passes.summary('backfill', 'messages')?.pass.finishedAt).toBeGreaterThanOrEqual(before);
      expect(() => store.passes.finish(pass)).toThrow(DEFECT);
      store.close();
    });

    test('the state store refuses a pass over a table without a plan as a defect', async () => {
      await using place = await newPlace();
      const store = place.open();
      expect(() => store.passes.open('backfill', 'messages')).toThrow(DEFECT);
      store.close();
    });

    test('a change of TTL during a pass turns its expired items into unresolved ones, and prevents a resume of that pass', async () => {
      await using place = await newPlace();
      const store = place.open();
      begun(store);
      const pass = store.passes.open('verify', 'messages');
      const counts = () => {
        const summary = store.passes.summary('verify', 'messages');
        return [summary?.counts.expiredItems, summary?.unresolved, summary?.doubtful];
      };
      for (const before of [null, 'ttl']) {
        const changed = store.passes.open('verify', 'messages');
        // The first is the one that was opened; the second comes in the place of one that TTL was changed in.
        expect(changed.id === pass.id).toBe(before === null);
        store.passes.noteTtl(changed, before);
        store.checkpoints.commit(changed, [sampleChunk({ targetDigest: DIGEST, unresolved: 1 })], []);
        store.passes.noteTtl(changed, before);
        expect(counts()).toEqual([4, 1, 0]);
        expect(store.passes.open('verify', 'messages')).toEqual(changed);
        store.passes.noteTtl(changed, before === null ? 'ttl' : null);
        expect(counts()).toEqual([0, 5, 4]);
        // Once it was another, it does not help that it is as it was.
        store.passes.noteTtl(changed, before);
        expect(counts()).toEqual([0, 5, 4]);
      }
      store.close();
    });
  });
}
