import { describe, expect, test } from 'vitest';
import { LATE_WRITE_WINDOW_MS } from '../../../../src/core/time/late-writes.js';
import type { StateStore } from '../../../../src/core/ports/state-ports.js';
import type { AmbiguousWrite } from '../../../../src/core/ports/state-records.js';
import { SuspectCheck } from '../../../../src/engine/verify/suspect-check.js';

/** What the check asks a state for; that states answer so is the contract's. @param closed gathers what is closed */
function check(
  crashedAt: number | null,
  suspects: readonly AmbiguousWrite[] = [],
  now = 0,
  closed: string[] = [],
): SuspectCheck {
  const state = {
    lateWrites: { crashedAt: () => crashedAt },
    ambiguousWrites: { all: () => suspects, close: (keys: readonly string[]) => void closed.push(...keys) },
    clock: { now: () => now },
  };
  return new SuspectCheck(state as unknown as StateStore);
}

describe('a verification after a broken-off run', () => {
  test('proves nothing where it began within the window, and is told until when', () => {
    const until = 5_000 + LATE_WRITE_WINDOW_MS;
    expect(check(5_000).lateWritesUntil(4_000)).toBe(until);
    expect(check(5_000).lateWritesUntil(until - 1)).toBe(until);
  });

  test('is not concerned from the window’s end on, or where no run was broken off', () => {
    expect(check(5_000).lateWritesUntil(5_000 + LATE_WRITE_WINDOW_MS)).toBe(null);
    expect(check(5_000).lateWritesUntil(6_000 + LATE_WRITE_WINDOW_MS)).toBe(null);
    expect(check(null).lateWritesUntil(0)).toBe(null);
  });
});

describe('suspects', () => {
  const suspect = (itemKey: string, since: number): AmbiguousWrite => ({ itemKey, since });
  const both = [suspect('a', 1_000), suspect('b', 3_000)];
  const [first, second] = [1_000 + LATE_WRITE_WINDOW_MS, 3_000 + LATE_WRITE_WINDOW_MS];

  test('are closed by a comparison that began after their window, and only where they were compared', () => {
    const closed: string[] = [];
    const suspects = check(null, both, first, closed);
    expect(suspects.closableAt).toBe(second);
    suspects.beforeReading()(['x', 'b', 'a']);
    expect([closed, suspects.open, suspects.closableAt]).toEqual([['a'], 1, second]);
    suspects.beforeReading()(['a', 'b']);
    expect(closed).toEqual(['a']);
  });

  test('that no comparison met are closed where all tables were gone through, by verifications that began late enough', () => {
    const closed: string[] = [];
    const suspects = check(null, both, 0, closed);
    suspects.allCompared(second - 1);
    expect([closed, suspects.open]).toEqual([['a'], 1]);
    suspects.allCompared(second);
    expect([closed, suspects.open, suspects.closableAt]).toEqual([['a', 'b'], 0, null]);
  });
});
