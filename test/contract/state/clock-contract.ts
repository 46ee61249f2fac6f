/** Every StateClock continues over all processes, and never goes back. */
import { describe, expect, test } from 'vitest';
import { type NewPlace, reopening } from './place.js';

export function clockContract(newPlace: NewPlace): void {
  const acrossReopen = reopening(newPlace);

  describe('clock', () => {
    test("the state store's clock never goes back, and its latest time is not before now", async () => {
      await acrossReopen(
        ({ clock }) => clock.now(),
        ({ clock }, before) => {
          const now = clock.now();
          expect(now).toBeGreaterThanOrEqual(before);
          expect(clock.latest()).toBeGreaterThanOrEqual(now);
        },
      );
    });

    test("the state store's clock ages a comparison by whichever clock says more, and by none where its steady time is unknown", async () => {
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
