/** Every StateClock goes on over all processes, and never back. */
import { describe, expect, test } from 'vitest';
import { type NewPlace, reopening } from './place.js';

export function clockContract(newPlace: NewPlace): void {
  const acrossReopen = reopening(newPlace);

  describe('clock', () => {
    test('its times never go back, and the latest one is not before now', async () => {
      await acrossReopen(
        ({ clock }) => clock.now(),
        ({ clock }, before) => {
          const now = clock.now();
          expect(now).toBeGreaterThanOrEqual(before);
          expect(clock.latest()).toBeGreaterThanOrEqual(now);
        },
      );
    });

    test('a comparison is as old as the clock that says more, and of no age where none says it', async () => {
      await acrossReopen(
        ({ clock }) => ({ at: Date.now(), steady: clock.latest() }),
        ({ clock }, time) => {
          const { ms } = clock.age(time);
          expect(ms).toBeGreaterThanOrEqual(0);
          expect(clock.age({ at: time.at - 5_000, steady: time.steady }).ms).toBeGreaterThanOrEqual(5_000);
          expect(clock.age({ at: time.at, steady: time.steady - 5_000 }).ms).toBeGreaterThanOrEqual(5_000);
          expect(clock.age({ at: time.at, steady: null })).toEqual({ at: time.at, ms: null });
        },
      );
    });
  });
}
