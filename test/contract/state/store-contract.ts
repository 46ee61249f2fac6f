/** Every StateStore frees its shard when it closes, and refuses later calls. */
import { describe, expect, test } from 'vitest';
import { begun, DEFECT, type NewPlace } from './place.js';

export function storeContract(newPlace: NewPlace): void {
  describe('the store', () => {
    test('the state store may be closed twice, and refuses later calls as a defect', async () => {
      await using place = await newPlace();
      const store = place.open();
      store.close();
      store.close();
      expect(() => store.ambiguousWrites.all()).toThrow(DEFECT);
    });

    test('the state store accepts empty lists of chunks, bad rows and ambiguous writes', async () => {
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
