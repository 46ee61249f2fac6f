/** Every AmbiguousWriteStore keeps a key until a later write or read settles it. */
import { describe, expect, test } from 'vitest';
import { type NewPlace, reopening } from './place.js';

export function ambiguousWriteContract(newPlace: NewPlace): void {
  const acrossReopen = reopening(newPlace);

  describe('ambiguous writes', () => {
    test('the state store keeps ambiguous writes until they are closed, each with its latest request', async () => {
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
}
