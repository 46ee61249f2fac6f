/** Every BadRowStore keeps one record for each bad row, and the chunk that counted it. */
import { describe, expect, test } from 'vitest';
import { cursor, sampleBadRow, sampleChunk } from '../state-store-samples.js';
import { begun, type NewPlace, reopening } from './place.js';

export function badRowContract(newPlace: NewPlace): void {
  const acrossReopen = reopening(newPlace);

  describe('bad rows', () => {
    const first = sampleBadRow();
    const second = sampleBadRow({ cursor: cursor('["AC1","SM0"]') });
    const elsewhere = sampleBadRow({ cursor: cursor('z'), chunk: cursor('not committed') });

    test('the state store replaces the record of a bad row that is recorded again, and keeps its place in the list', async () => {
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

    test('the state store keeps each cause of a bad row, and its itemsTaken where a later record has none', async () => {
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

    test('the state store forgets a bad row that is good now, in its own table alone', async () => {
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

    test('the commit of a chunk gives its bad rows their chunk, and a later record of them does not change it', async () => {
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
  });
}
