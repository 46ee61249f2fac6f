/** Every CheckpointStore commits chunks whole, or not at all. */
import { describe, expect, test } from 'vitest';
import type { Cursor } from '../../../src/core/model.js';
import type { Pass } from '../../../src/core/ports/state-records.js';
import {
  cursor,
  finishSamplePass,
  sampleChunk,
  sampleDifference,
  samplePlan,
  sampleRanges,
} from '../state-store-samples.js';
import { begun, DEFECT, DIGEST, type NewPlace, reopening } from './place.js';

export function checkpointContract(newPlace: NewPlace): void {
  const acrossReopen = reopening(newPlace);

  describe('checkpoints', () => {
    test('a commit of chunks moves the watermark of each range to its last chunk, and adds to the totals', async () => {
      await acrossReopen(
        (store) => {
          const pass = begun(store);
          store.checkpoints.commit(pass, [sampleChunk(), sampleChunk({ last: cursor('b') })], []);
          store.checkpoints.commit(pass, [sampleChunk({ last: cursor('c') }), sampleChunk({ segment: 1 })], []);
          store.checkpoints.completeSegment(pass, 0);
          return pass;
        },
        (store, pass) => {
          const [first, second] = sampleRanges();
          expect(store.passes.progress(pass)).toEqual([
            { index: 0, range: first, watermark: 'c', complete: true },
            { index: 1, range: second, watermark: '["AC1","SM1"]', complete: false },
          ]);
          expect(store.passes.summary('backfill', 'messages')).toEqual({
            pass,
            counts: {
              rows: 40,
              items: 80,
              badRows: 4,
              expiredRows: 8,
              expiredItems: 16,
              newerItems: 12,
              chunks: 4,
              units: 82,
            },
            missing: 0,
            differing: 0,
            unresolved: 0,
            doubtful: 0,
            rangesComplete: 1,
            ranges: 2,
            oldest: null,
            newest: null,
          });
        },
      );
    });

    test('the state store keeps differences with their pass, in the order in which they were found', async () => {
      const missing = sampleDifference({ class: 'missing', attributes: [], keyText: '{"pk":{"S":"电"}}' });
      const unresolved = sampleDifference({ class: 'unresolved' });
      await acrossReopen(
        (store) => {
          begun(store);
          const pass = store.passes.open('verify', 'messages');
          const chunk = sampleChunk({ targetDigest: DIGEST, missing: 1, differing: 1, unresolved: 1 });
          store.checkpoints.commit(pass, [chunk], [sampleDifference(), missing, unresolved]);
          return pass;
        },
        (store, pass) => {
          expect(store.checkpoints.differences(pass, 10)).toEqual([sampleDifference(), missing, unresolved]);
          expect(store.checkpoints.differences(pass, 1)).toEqual([sampleDifference()]);
          expect(store.checkpoints.differences({ ...pass, id: pass.id + 1 }, 10)).toEqual([]);
          expect(store.passes.summary('verify', 'messages')).toMatchObject({
            missing: 1,
            differing: 1,
            unresolved: 1,
          });
        },
      );
    });

    test('the state store keeps all 1,200 differences of a pass', async () => {
      const keyText = (n: number): string => `{"pk":{"S":"${n}"}}`;
      await acrossReopen(
        (store) => {
          begun(store);
          const pass = store.passes.open('verify', 'messages');
          for (let chunk = 0; chunk < 4; chunk += 1) {
            const found = Array.from({ length: 300 }, (_, i) =>
              sampleDifference({ keyText: keyText(chunk * 300 + i) }),
            );
            const last = `["${chunk}"]` as Cursor;
            store.checkpoints.commit(pass, [sampleChunk({ targetDigest: DIGEST, last, differing: 300 })], found);
          }
          return pass;
        },
        (store, pass) => {
          const kept = store.checkpoints.differences(pass, 5_000).map((difference) => difference.keyText);
          expect(kept).toEqual(Array.from({ length: 1_200 }, (_, n) => keyText(n)));
          expect(store.passes.summary('verify', 'messages')?.differing).toBe(1_200);
        },
      );
    });

    test('the state store forgets the differences of a table once a new verification of that table starts', async () => {
      await using place = await newPlace();
      const store = place.open();
      begun(store);
      store.plans.save(samplePlan({ table: 'calls' }));
      const passOf = (table: string): Pass => {
        const pass = store.passes.open('verify', table);
        store.checkpoints.commit(pass, [sampleChunk({ targetDigest: DIGEST })], [sampleDifference()]);
        return pass;
      };
      const [messages, calls] = [passOf('messages'), passOf('calls')];
      // Resumed, and not a new one.
      expect(store.passes.open('verify', 'messages')).toEqual(messages);
      expect(store.checkpoints.differences(messages, 10)).toHaveLength(1);
      finishSamplePass(store, messages, { targetDigest: DIGEST });
      const next = store.passes.open('verify', 'messages');
      expect(store.checkpoints.differences(messages, 10)).toEqual([]);
      expect(store.checkpoints.differences(next, 10)).toEqual([]);
      expect(store.checkpoints.differences(calls, 10)).toHaveLength(1);
      store.close();
    });

    test.each([
      ['behind the end of its range', (pass: Pass) => ({ pass, chunk: sampleChunk({ segment: 1 }) })],
      ['of a range that was not planned', (pass: Pass) => ({ pass, chunk: sampleChunk({ segment: 2 }) })],
      ['of a pass that is not known', (pass: Pass) => ({ pass: { ...pass, id: 99 }, chunk: sampleChunk() })],
      ['with half a digest', (pass: Pass) => ({ pass, chunk: sampleChunk({ sourceDigest: 'abc' }) })],
      ['with a count that is none', (pass: Pass) => ({ pass, chunk: sampleChunk({ rows: NaN }) })],
    ])('the state store refuses a chunk %s as a defect, and keeps nothing of its transaction', async (_what, wrong) => {
      await using place = await newPlace();
      const store = place.open();
      const opened = begun(store);
      store.checkpoints.commit(opened, [sampleChunk({ segment: 1 })], []);
      store.checkpoints.completeSegment(opened, 1);
      const before = [store.passes.progress(opened), store.passes.summary('backfill', 'messages')];
      const { pass, chunk } = wrong(opened);
      expect(() => store.checkpoints.commit(pass, [sampleChunk(), chunk], [sampleDifference()])).toThrow(DEFECT);
      expect([store.passes.progress(opened), store.passes.summary('backfill', 'messages')]).toEqual(before);
      expect(store.checkpoints.differences(opened, 10)).toEqual([]);
      store.close();
    });

    test('the state store completes a range once, and only if it was planned', async () => {
      await using place = await newPlace();
      const store = place.open();
      const pass = begun(store);
      store.checkpoints.completeSegment(pass, 0);
      expect(() => store.checkpoints.completeSegment(pass, 0)).toThrow(DEFECT);
      expect(() => store.checkpoints.completeSegment(pass, 2)).toThrow(DEFECT);
      expect(store.passes.progress(pass).map(({ complete }) => complete)).toEqual([true, false]);
      store.close();
    });

    test('the state store refuses a chunk of a finished pass as a defect', async () => {
      await using place = await newPlace();
      const store = place.open();
      const pass = begun(store);
      finishSamplePass(store, pass);
      expect(() => store.checkpoints.commit(pass, [sampleChunk()], [])).toThrow(DEFECT);
      expect(() => store.checkpoints.commit(pass, [], [sampleDifference()])).toThrow(DEFECT);
      store.close();
    });
  });
}
