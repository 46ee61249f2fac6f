/** What every StateStore must do, whatever it stores in. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Cursor } from '../../src/core/model.js';
import type { StateStore } from '../../src/core/ports/state-ports.js';
import type { Pass } from '../../src/core/ports/state-records.js';
import {
  cursor,
  finishSamplePass,
  sampleBadRow,
  sampleChunk,
  sampleDifference,
  sampleHeartbeat,
  samplePlan,
  sampleRanges,
} from './state-store-samples.js';

/** One empty place for state, removed on disposal. */
export interface StatePlaceUnderTest extends AsyncDisposable {
  /** Opens the store, making it where it is missing. */
  open(): StateStore;
}

const DIGEST = 'ffffffffffffffffffffffffffffffff';

export function stateStoreContract(name: string, newPlace: () => Promise<StatePlaceUnderTest>): void {
  /** Runs `first` on a new store, closes it, and runs `second` on what is stored. */
  async function acrossReopen<T>(first: (store: StateStore) => T, second: (store: StateStore, made: T) => void) {
    await using place = await newPlace();
    const before = place.open();
    const made = first(before);
    second(before, made);
    before.close();
    const after = place.open();
    second(after, made);
    after.close();
  }

  function begun(store: StateStore): Pass {
    store.plans.save(samplePlan());
    return store.passes.open('backfill', 'messages');
  }

  const defect = expect.objectContaining({ name: 'FerryError', code: 'E_INTERNAL' }) as unknown;

  describe(`StateStore contract: ${name}`, () => {
    describe('plans', () => {
      test('a plan comes back as it was saved, the binlog position and open bounds included', async () => {
        await acrossReopen(
          (store) => store.plans.save(samplePlan()),
          (store) => {
            expect(store.plans.get('messages')).toEqual(samplePlan());
            expect(store.plans.get('other')).toBeNull();
          },
        );
      });

      test('a plan without a position, one without GTIDs, and one without a scan key', async () => {
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

      test('a plan is made once: saving another is a defect and leaves the first', async () => {
        await using place = await newPlace();
        const store = place.open();
        store.plans.save(samplePlan());
        expect(() => store.plans.save(samplePlan({ scanKey: 'other' }))).toThrow(defect);
        expect(store.plans.get('messages')).toEqual(samplePlan());
        store.close();
      });

      test('cursors of any text survive', async () => {
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
    });

    describe('passes', () => {
      test('a new pass has every range of the plan, none begun', async () => {
        await acrossReopen(begun, (store, pass) => {
          expect(pass).toMatchObject({ kind: 'backfill', table: 'messages', finishedAt: null });
          expect(store.passes.progress(pass)).toEqual(
            sampleRanges().map((range) => ({ index: range.index, range, watermark: null, complete: false })),
          );
        });
      });

      test('an unfinished pass is resumed, a finished one is followed by a new one', async () => {
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

      test('a verification that compared with another server counts for nothing, finished or not; a backfill goes on', async () => {
        await acrossReopen(
          (store) => {
            store.binding.setServer('first');
            finishSamplePass(store, begun(store));
            finishSamplePass(store, store.passes.open('verify', 'messages'));
            const backfill = store.passes.open('backfill', 'messages');
            store.passes.open('verify', 'messages');
            store.binding.setServer('first');
            expect(store.passes.summary('verify', 'messages')).not.toBeNull();
            store.binding.setServer('second');
            return backfill;
          },
          (store, backfill) => {
            expect(store.binding.server()).toBe('second');
            expect(store.passes.summary('verify', 'messages')).toBeNull();
            expect(store.passes.standing('messages')).toBe('none');
            expect(store.passes.abandoned('messages', Infinity)).toBeNull();
            expect(store.passes.open('backfill', 'messages')).toEqual(backfill);
          },
        );
      });

      test('which source table it is comes back; where nobody but the operator knows, its verifications count for nothing', async () => {
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

      test('a backfill is not a verification, and the summary is of the newest pass of the kind', async () => {
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

      test('a pass is finished once all its ranges are complete, empty ones included, and only once', async () => {
        await using place = await newPlace();
        const store = place.open();
        const pass = begun(store);
        store.checkpoints.commit(pass, [sampleChunk()], []);
        store.checkpoints.completeSegment(pass, 0);
        expect(() => store.passes.finish(pass)).toThrow(defect);
        expect(store.passes.summary('backfill', 'messages')).toMatchObject({
          rangesComplete: 1,
          pass: { finishedAt: null },
        });
        store.checkpoints.completeSegment(pass, 1);
        // By the wall clock, unlike its begin.
        const before = Date.now();
        store.passes.finish(pass);
        expect(store.passes.summary('backfill', 'messages')?.pass.finishedAt).toBeGreaterThanOrEqual(before);
        expect(() => store.passes.finish(pass)).toThrow(defect);
        store.close();
      });

      test('a pass over a table without a plan is a defect', async () => {
        await using place = await newPlace();
        const store = place.open();
        expect(() => store.passes.open('backfill', 'messages')).toThrow(defect);
        store.close();
      });
    });

    describe('chunks', () => {
      test('watermarks move to the last chunk of each range, and totals add up', async () => {
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

      test('expired items count as unresolved once TTL was changed in the midst of their pass, which is not resumed then', async () => {
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

      test('differences are kept with their pass, in the order found', async () => {
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

      test('the first 1,000 differences of a pass are kept, and all are counted', async () => {
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
            expect(kept).toEqual(Array.from({ length: 1_000 }, (_, n) => keyText(n)));
            expect(store.passes.summary('verify', 'messages')?.differing).toBe(1_200);
          },
        );
      });

      test.each([
        ['behind the end of its range', (pass: Pass) => ({ pass, chunk: sampleChunk({ segment: 1 }) })],
        ['of a range that was not planned', (pass: Pass) => ({ pass, chunk: sampleChunk({ segment: 2 }) })],
        ['of a pass that is not known', (pass: Pass) => ({ pass: { ...pass, id: 99 }, chunk: sampleChunk() })],
        ['with half a digest', (pass: Pass) => ({ pass, chunk: sampleChunk({ sourceDigest: 'abc' }) })],
        ['with a count that is none', (pass: Pass) => ({ pass, chunk: sampleChunk({ rows: NaN }) })],
      ])('a chunk %s is a defect, and nothing of its transaction stays', async (_what, wrong) => {
        await using place = await newPlace();
        const store = place.open();
        const opened = begun(store);
        store.checkpoints.commit(opened, [sampleChunk({ segment: 1 })], []);
        store.checkpoints.completeSegment(opened, 1);
        const before = [store.passes.progress(opened), store.passes.summary('backfill', 'messages')];
        const { pass, chunk } = wrong(opened);
        expect(() => store.checkpoints.commit(pass, [sampleChunk(), chunk], [sampleDifference()])).toThrow(defect);
        expect([store.passes.progress(opened), store.passes.summary('backfill', 'messages')]).toEqual(before);
        expect(store.checkpoints.differences(opened, 10)).toEqual([]);
        store.close();
      });

      test('a range is completed once, and only if it was planned', async () => {
        await using place = await newPlace();
        const store = place.open();
        const pass = begun(store);
        store.checkpoints.completeSegment(pass, 0);
        expect(() => store.checkpoints.completeSegment(pass, 0)).toThrow(defect);
        expect(() => store.checkpoints.completeSegment(pass, 2)).toThrow(defect);
        expect(store.passes.progress(pass).map(({ complete }) => complete)).toEqual([true, false]);
        store.close();
      });

      test('a chunk of a finished pass is a defect', async () => {
        await using place = await newPlace();
        const store = place.open();
        const pass = begun(store);
        finishSamplePass(store, pass);
        expect(() => store.checkpoints.commit(pass, [sampleChunk()], [])).toThrow(defect);
        expect(() => store.checkpoints.commit(pass, [], [sampleDifference()])).toThrow(defect);
        store.close();
      });
    });

    describe('bad rows', () => {
      test('recording a row again replaces what was said of it, in its first place', async () => {
        const other = sampleBadRow({ cursor: cursor('b'), column: null });
        const again = sampleBadRow({ column: 'body', reason: 'not valid UTF-8', remedy: 'type B' });
        await acrossReopen(
          (store) => {
            store.badRows.record([sampleBadRow(), other, sampleBadRow({ table: 'media' })]);
            store.badRows.record([again]);
          },
          (store) => {
            expect(store.badRows.list('messages')).toMatchObject([again, other]);
            expect(store.badRows.list('messages').map(({ number, chunkRef }) => ({ number, chunkRef }))).toEqual([
              { number: 1, chunkRef: null },
              { number: 2, chunkRef: null },
            ]);
            expect(store.badRows.list('media')).toMatchObject([sampleBadRow({ table: 'media' })]);
            expect(store.badRows.list('none')).toEqual([]);
            expect(store.badRows.list('messages', { after: 1, limit: 9 })).toMatchObject([other]);
            expect(store.badRows.list('messages', { after: 0, limit: 1 })).toMatchObject([again]);
            expect(['messages', 'none'].map((table) => store.badRows.count(table))).toEqual([2, 0]);
            expect(store.badRows.at('messages', [cursor('never recorded'), other.cursor])).toMatchObject([other]);
            expect(store.badRows.at('media', [other.cursor])).toEqual([]);
          },
        );
      });

      test('each cause is kept; how many items of it were taken stays while nothing of it is written', async () => {
        const causes = ['value', 'refused', 'shared-key', 'shard-overlap'] as const;
        const rows = causes.map((cause) => sampleBadRow({ cause, cursor: cursor(cause) }));
        const taken = sampleBadRow({ cause: 'refused', cursor: cursor('taken'), itemsTaken: 3 });
        const unwritten = sampleBadRow({ cursor: cursor('taken'), itemsTaken: null });
        const refusedAgain = sampleBadRow({ cause: 'refused', cursor: cursor('twice'), itemsTaken: 1 });
        await acrossReopen(
          (store) => {
            store.badRows.record([...rows, taken, { ...refusedAgain, itemsTaken: 2 }]);
            store.badRows.record([unwritten, refusedAgain, sampleBadRow({ cursor: cursor('new'), itemsTaken: null })]);
          },
          (store) => {
            expect(store.badRows.list('messages')).toMatchObject([
              ...rows,
              { ...unwritten, itemsTaken: 3 },
              refusedAgain,
              { itemsTaken: 0 },
            ]);
          },
        );
      });

      test('a row that is bad no more is forgotten, in its own table', async () => {
        const other = sampleBadRow({ cursor: cursor('b') });
        const media = sampleBadRow({ table: 'media' });
        await acrossReopen(
          (store) => {
            store.badRows.record([sampleBadRow(), other, media]);
            store.badRows.forget('messages', [sampleBadRow().cursor, cursor('never recorded')]);
          },
          (store) => {
            expect(store.badRows.list('messages')).toMatchObject([other]);
            expect(store.badRows.list('media')).toMatchObject([media]);
          },
        );
      });
    });

    describe('retries of bad rows', () => {
      const first = sampleBadRow();
      const second = sampleBadRow({ cursor: cursor('["AC1","SM0"]') });
      const elsewhere = sampleBadRow({ cursor: cursor('z'), chunk: cursor('not committed') });
      const moved = { rows: 1, items: 2, expiredRows: 0, goneRows: 0, newerItems: 1, units: 3.5, digest: DIGEST };

      test('the commit of a chunk tells its bad rows their place, and a later word on them does not change it', async () => {
        await acrossReopen(
          (store) => {
            const pass = begun(store);
            store.badRows.record([first, second, elsewhere]);
            store.checkpoints.commit(pass, [sampleChunk({ last: cursor('["AC0"]'), badRows: 0 })], []);
            store.checkpoints.commit(pass, [sampleChunk({ badRows: 2 })], []);
            const verify = store.passes.open('verify', 'messages');
            store.badRows.record([{ ...second, chunk: cursor('of the verification') }]);
            store.checkpoints.commit(verify, [sampleChunk({ last: cursor('of the verification') })], []);
          },
          (store) => {
            const chunkRef = { segment: 0, chunk: 1 };
            expect(store.badRows.list('messages').map((bad) => bad.chunkRef)).toEqual([chunkRef, chunkRef, null]);
          },
        );
      });

      test('settled rows leave the record and are added to the backfill; what is still bad stays', async () => {
        await acrossReopen(
          (store) => {
            finishSamplePass(store, begun(store));
            store.badRows.record([first, second]);
            store.retries.settle('messages', [first.cursor], [{ ...second, reason: 'another' }], moved);
            store.retries.settle('messages', [], [{ ...second, reason: 'another' }], {
              ...moved,
              rows: 0,
              items: 0,
              newerItems: 0,
              units: 0,
            });
          },
          (store) => {
            expect(store.badRows.list('messages')).toMatchObject([{ cursor: second.cursor, reason: 'another' }]);
            // The sample's two chunks have 20 items and 1 bad row each.
            expect(store.passes.summary('backfill', 'messages')?.counts).toMatchObject({
              items: 42,
              badRows: 1,
              newerItems: 7,
              units: 44.5,
            });
          },
        );
      });

      test('under another reading of its key, a row keeps the chunk that counts it and what was taken of it', async () => {
        const renamed = [{ from: first.cursor, to: second.cursor }];
        await acrossReopen(
          (store) => {
            const pass = begun(store);
            store.badRows.record([
              { ...elsewhere, itemsTaken: 5 },
              { ...first, itemsTaken: 3 },
            ]);
            store.checkpoints.commit(pass, [sampleChunk()], []);
            const nothing = { ...moved, rows: 0, items: 0, newerItems: 0, units: 0 };
            store.retries.settle('messages', [first.cursor], [{ ...second, itemsTaken: 1 }], { ...nothing, renamed });
            store.retries.settle('messages', [], [], { ...nothing, renamed });
          },
          (store) => {
            const chunkRef = { segment: 0, chunk: 0 };
            expect(store.badRows.list('messages')).toMatchObject([
              { cursor: elsewhere.cursor, chunkRef: null, itemsTaken: 5 },
              { cursor: second.cursor, chunkRef, itemsTaken: 3 },
            ]);
          },
        );
      });

      test('a verification that a retry has overtaken is not gone on with', async () => {
        await using place = await newPlace();
        const store = place.open();
        finishSamplePass(store, begun(store));
        store.badRows.record([first]);
        const before = store.passes.open('verify', 'messages');
        expect(store.passes.open('verify', 'messages').id).toBe(before.id);
        store.retries.settle('messages', [], [first], { ...moved, rows: 0, items: 0 });
        expect(store.passes.open('verify', 'messages').id).toBe(before.id);
        store.retries.settle('messages', [first.cursor], [], moved);
        const after = store.passes.open('verify', 'messages');
        expect(after.id).toBeGreaterThan(before.id);
        expect(store.passes.open('verify', 'messages').id).toBe(after.id);
        store.close();
      });

      test('a change that is accepted is kept, and the new fingerprint binds; any other change is refused', async () => {
        const begunWith = { rules: { price: { type: 'N' }, body: { type: 'S' } }, where: null };
        const changed = { ...begunWith, rules: { ...begunWith.rules, price: { type: 'S' } } };
        const withoutPrice = (side: Readonly<Record<string, unknown>>) => ({
          ...side,
          rules: { ...(side['rules'] as object), price: null },
        });
        const columns = [{ table: 'messages', column: 'price' }];
        await acrossReopen(
          (store) => {
            store.binding.bind(begunWith);
            for (const refused of [
              { ...changed, where: 'n > 1' },
              { ...changed, rules: { price: { type: 'S' } } },
            ]) {
              expect(() => store.binding.rebind(refused, withoutPrice, () => columns)).toThrow(
                expect.objectContaining({ code: 'E_STATE_CHANGED' }),
              );
            }
            const unasked = (): never => expect.fail('nothing was changed');
            expect(store.binding.rebind(begunWith, withoutPrice, unasked)).toEqual([]);
            expect(store.binding.acceptedChanges()).toEqual([]);
            store.binding.rebind(changed, withoutPrice, () => columns);
          },
          (store) => {
            expect(store.binding.acceptedChanges()).toEqual([{ path: 'rules.price.type', from: 'N', to: 'S' }]);
            store.binding.bind(changed);
            expect(() => store.binding.bind(begunWith)).toThrow(expect.objectContaining({ code: 'E_STATE_CHANGED' }));
          },
        );
      });
    });

    describe('suspects', () => {
      test('stay until closed; the last ambiguous request counts', async () => {
        await acrossReopen(
          (store) => {
            store.ambiguousWrites.add([
              { itemKey: 'a', since: 1_763_847_000_000 },
              { itemKey: 'b', since: 1_763_847_000_001 },
            ]);
            store.ambiguousWrites.add([{ itemKey: 'a', since: 1_763_847_000_005 }]);
            store.ambiguousWrites.add([{ itemKey: 'a', since: 1_763_847_000_003 }]);
            store.ambiguousWrites.add([{ itemKey: 'c', since: 5 }]);
            store.ambiguousWrites.close(['c', 'never seen']);
          },
          (store) =>
            expect(store.ambiguousWrites.all()).toEqual([
              { itemKey: 'b', since: 1_763_847_000_001 },
              { itemKey: 'a', since: 1_763_847_000_005 },
            ]),
        );
      });
    });

    describe('a run that was broken off', () => {
      test('is found at the next start, where its writes were not ended; the last one counts', async () => {
        await using place = await newPlace();
        const first = place.open();
        expect(first.lateWrites.crashedAt()).toBeNull();
        first.lateWrites.begin();
        first.lateWrites.end();
        first.close();
        const second = place.open();
        expect(second.lateWrites.crashedAt()).toBeNull();
        second.lateWrites.begin();
        second.lateWrites.begin();
        const before = second.clock.now();
        second.close();
        const third = place.open();
        const found = third.lateWrites.crashedAt();
        expect(found).toBeGreaterThanOrEqual(before);
        expect(found).toBeLessThanOrEqual(third.clock.now());
        third.close();
        const fourth = place.open();
        expect(fourth.lateWrites.crashedAt()).toBe(found);
        fourth.close();
      });
    });

    describe('fingerprint', () => {
      test('the same settings bind again, whatever the order of their keys', async () => {
        await acrossReopen(
          (store) => store.binding.bind({ target: { table: 't', region: null }, list: [1, 2] }),
          (store) => store.binding.bind({ list: [1, 2], target: { region: null, table: 't' } }),
        );
      });

      test('a change is refused by name, and the first fingerprint stays', async () => {
        await using place = await newPlace();
        const store = place.open();
        const original = { tables: { messages: { columns: { price: { columnType: 'decimal(10,5)' } } } } };
        store.binding.bind(original);
        const altered = { tables: { messages: { columns: { price: { columnType: 'decimal(12,6)' } } } } };
        for (let attempt = 0; attempt < 2; attempt++) {
          expect(() => store.binding.bind(altered)).toThrow(
            expect.objectContaining({
              code: 'E_STATE_CHANGED',
              message: expect.stringContaining(
                'tables.messages.columns.price.columnType: decimal(10,5) → decimal(12,6)',
              ) as unknown,
            }),
          );
        }
        store.binding.bind(original);
        store.close();
      });
    });

    test('incidents add up by kind, over all processes', async () => {
      await acrossReopen(
        (store) => {
          expect(store.incidents.all()).toEqual([]);
          store.incidents.add([
            { kind: 'throttled', count: 3, firstAt: 100, lastAt: 200 },
            { kind: 'source-busy', count: 1, firstAt: 150, lastAt: 150 },
          ]);
          // The clock may have been set back meanwhile.
          store.incidents.add([{ kind: 'throttled', count: 2, firstAt: 50, lastAt: 60 }]);
          store.incidents.add([{ kind: 'throttled', count: 1, firstAt: 300, lastAt: 400 }]);
          store.incidents.add([]);
        },
        (store) =>
          expect(store.incidents.all()).toEqual([
            { kind: 'source-busy', count: 1, firstAt: 150, lastAt: 150 },
            { kind: 'throttled', count: 6, firstAt: 50, lastAt: 400 },
          ]),
      );
    });

    test('heartbeats overwrite each other', async () => {
      await using place = await newPlace();
      const store = place.open();
      store.heartbeat.beat(sampleHeartbeat());
      store.heartbeat.beat(sampleHeartbeat({ at: 1_763_847_001_123 }));
      store.close();
    });

    test('closing twice is fine, using it afterwards is a defect', async () => {
      await using place = await newPlace();
      const store = place.open();
      store.close();
      store.close();
      expect(() => store.ambiguousWrites.all()).toThrow(defect);
    });

    test('nothing to record is recorded', async () => {
      await using place = await newPlace();
      const store = place.open();
      const pass = begun(store);
      store.checkpoints.commit(pass, [], []);
      store.badRows.record([]);
      store.ambiguousWrites.add([]);
      store.ambiguousWrites.close([]);
      store.lateWrites.end();
      expect(store.passes.summary('backfill', 'messages')?.counts.chunks).toBe(0);
      store.close();
    });
  });
}
