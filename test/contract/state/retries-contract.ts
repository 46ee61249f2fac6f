/** Every RetryStore adds to the backfill what a retry moved, in the step that removes the bad rows. */
import { describe, expect, test } from 'vitest';
import { cursor, finishSamplePass, sampleBadRow, sampleChunk } from '../state-store-samples.js';
import { begun, DIGEST, type NewPlace, reopening } from './place.js';

export function retryContract(newPlace: NewPlace): void {
  const acrossReopen = reopening(newPlace);

  describe('retries of bad rows', () => {
    const first = sampleBadRow();
    const second = sampleBadRow({ cursor: cursor('["AC1","SM0"]') });
    const elsewhere = sampleBadRow({ cursor: cursor('z'), chunk: cursor('not committed') });
    const moved = { rows: 1, items: 2, expiredRows: 0, goneRows: 0, newerItems: 1, units: 3.5, digest: DIGEST };

    test('a retry removes settled rows from the record, adds them to the backfill, and keeps rows that are still bad', async () => {
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

    test('a bad row whose cursor is read anew keeps the chunk that counted it and its itemsTaken', async () => {
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

    test('the state store does not resume a verification that a retry has overtaken', async () => {
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
  });
}
