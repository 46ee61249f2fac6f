/** Every LateWriteStore finds out that the previous run crashed. */
import { describe, expect, test } from 'vitest';
import { type NewPlace } from './place.js';

export function lateWriteContract(newPlace: NewPlace): void {
  describe('late writes', () => {
    test('the state store finds at its next start that writes were not ended, and remembers the latest such crash', async () => {
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
}
