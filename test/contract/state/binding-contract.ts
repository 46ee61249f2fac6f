/** Every BindingStore holds a shard to the settings and to the server that it was started with. */
import { describe, expect, test } from 'vitest';
import { finishSamplePass } from '../state-store-samples.js';
import { begun, type NewPlace, reopening } from './place.js';

export function bindingContract(newPlace: NewPlace): void {
  const acrossReopen = reopening(newPlace);

  describe('binding', () => {
    test('the state store binds the same settings again, whatever the order of their keys', async () => {
      await acrossReopen(
        (store) => store.binding.bind({ target: { table: 't', region: null }, list: [1, 2] }),
        (store) => store.binding.bind({ list: [1, 2], target: { region: null, table: 't' } }),
      );
    });

    test('the state store refuses changed settings by name, and keeps the first fingerprint', async () => {
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

    test('the state store keeps a change that was accepted, binds the new fingerprint, and refuses any other change', async () => {
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

    test('a new source server voids verifications in the state store, finished or not, and keeps an unfinished backfill', async () => {
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
  });
}
