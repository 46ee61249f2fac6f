/** Every IncidentStore adds up incidents over all processes. */
import { describe, expect, test } from 'vitest';
import { type NewPlace, reopening } from './place.js';

export function incidentContract(newPlace: NewPlace): void {
  const acrossReopen = reopening(newPlace);

  describe('incidents', () => {
    test('the state store adds up incidents by kind, over all processes', async () => {
      await acrossReopen(
        (store) => {
          expect(store.incidents.all()).toEqual([]);
          store.incidents.add([
            { kind: 'throttled', count: 3, firstAt: 100, lastAt: 200 },
            { kind: 'source-busy', count: 1, firstAt: 150, lastAt: 150 },
          ]);
          // Somebody may have set the clock back in between.
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
  });
}
