import { describe, expect, test } from 'vitest';
import { WarmUp } from '../../../src/shards/warm-up.js';

const MINUTE = 60_000;

describe('WarmUp', () => {
  test('WarmUp begins with what the table is warm for, and doubles every 30 minutes in use, up to the budget', () => {
    const warmUp = new WarmUp(20_000, 4_000, 0);
    const units: number[] = [];
    for (let minute = 0; minute <= 120; minute++) {
      warmUp.consumed(warmUp.units, minute * MINUTE);
      units.push(warmUp.units);
    }
    expect([0, 29, 30, 59, 60, 89, 90, 120].map((minute) => units[minute])).toEqual([
      4_000, 4_000, 8_000, 8_000, 16_000, 16_000, 20_000, 20_000,
    ]);
  });

  test('WarmUp gives a table no more than twice the peak that it has shown, and never less than before', () => {
    const warmUp = new WarmUp(100_000, 4_000, 0);
    expect(warmUp.consumed(3_000, 30 * MINUTE)).toBe(true);
    expect(warmUp.units).toBe(6_000);
    expect(warmUp.consumed(1_000, 60 * MINUTE)).toBe(false);
    expect(warmUp.units).toBe(6_000);
    warmUp.consumed(50_000, 90 * MINUTE);
    expect(warmUp.units).toBe(12_000);
    // That was half an hour ago: only what was shown since counts.
    expect(warmUp.consumed(100, 120 * MINUTE)).toBe(false);
    expect(warmUp.units).toBe(12_000);
  });

  test('WarmUp gives a smaller budget, and a provisioned table, everything at once', () => {
    expect(new WarmUp(1_000, 4_000, 0).units).toBe(1_000);
    expect(new WarmUp(50_000, null, 0).units).toBe(50_000);
  });

  test('WarmUp applies a changed budget at once, as far as the table is warm for it', () => {
    const warmUp = new WarmUp(20_000, 4_000, 0);
    warmUp.setBudget(1_000);
    expect(warmUp.units).toBe(1_000);
    expect(warmUp.consumed(1_000, 31 * MINUTE)).toBe(false);
    warmUp.setBudget(20_000);
    expect(warmUp.units).toBe(4_000);
    const provisioned = new WarmUp(100, null, 0);
    provisioned.setBudget(700);
    expect(provisioned.units).toBe(700);
  });
});
