/** Every PlanStore keeps the plan of a table, and the identity of its source table. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cursor, finishSamplePass, samplePlan } from '../state-store-samples.js';
import { begun, DEFECT, type NewPlace, reopening } from './place.js';

export function planContract(newPlace: NewPlace): void {
  const acrossReopen = reopening(newPlace);

  describe('plans', () => {
    test('the state store returns a plan as it was saved, with its binary log position and open bounds', async () => {
      await acrossReopen(
        (store) => store.plans.save(samplePlan()),
        (store) => {
          expect(store.plans.get('messages')).toEqual(samplePlan());
          expect(store.plans.get('other')).toBeNull();
        },
      );
    });

    test('the state store keeps plans without a position, without GTIDs and without a scan key', async () => {
      const without = samplePlan({ position: null });
      const withoutGtid = samplePlan({ table: 'media', position: { file: 'b.1', offset: 4, gtid: null } });
      const whole = samplePlan({ table: 'prefixes', scanKey: null });
      await acrossReopen(
        (store) => [without, withoutGtid, whole].forEach((plan) => store.plans.save(plan)),
        (store) =>
          expect(['messages', 'media', 'prefixes'].map((table) => store.plans.get(table))).toEqual([
            without,
            withoutGtid,
            whole,
          ]),
      );
    });

    test('the state store refuses a second plan for a table as a defect, and keeps the first', async () => {
      await using place = await newPlace();
      const store = place.open();
      store.plans.save(samplePlan());
      expect(() => store.plans.save(samplePlan({ scanKey: 'other' }))).toThrow(DEFECT);
      expect(store.plans.get('messages')).toEqual(samplePlan());
      store.close();
    });

    test('the state store keeps cursors of any text in a plan', async () => {
      await using place = await newPlace();
      const store = place.open();
      let table = 0;
      fc.assert(
        fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary-ascii' }), (after, upTo) => {
          const ranges = [{ index: 0, after: cursor(after), upTo: cursor(upTo), estimatedRows: 0 }];
          const plan = samplePlan({ table: `t${table++}`, ranges });
          store.plans.save(plan);
          expect(store.plans.get(plan.table)).toEqual(plan);
        }),
        { numRuns: 50 },
      );
      store.close();
    });

    test("the state store keeps a table's identity; where only the operator vouches for it, earlier verifications no longer count", async () => {
      await acrossReopen(
        (store) => {
          expect(store.plans.identity('messages')).toBeNull();
          finishSamplePass(store, begun(store));
          finishSamplePass(store, store.passes.open('verify', 'messages'));
          store.plans.setIdentity('messages', 'first', false);
          store.plans.setIdentity('media', 'another', true);
          expect(store.passes.summary('verify', 'messages')).not.toBeNull();
        },
        (store) => {
          expect(store.plans.identity('messages')).toBe('first');
          store.plans.setIdentity('messages', 'first', true);
          expect(store.passes.summary('verify', 'messages')).toBeNull();
          expect(store.passes.summary('backfill', 'messages')).not.toBeNull();
        },
      );
    });
  });
}
