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

describe('late writes of a broken-off run', () => {
  test('a verification that begins within the window of late writes proves nothing, and knows until when', () => {
    const until = 5_000 + LATE_WRITE_WINDOW_MS;
    expect(check(5_000).lateWritesUntil(4_000)).toBe(until);
    expect(check(5_000).lateWritesUntil(until - 1)).toBe(until);
  });

  test('a verification expects no late writes from the window’s end on, or where no run was broken off', () => {
    expect(check(5_000).lateWritesUntil(5_000 + LATE_WRITE_WINDOW_MS)).toBe(null);
    expect(check(5_000).lateWritesUntil(6_000 + LATE_WRITE_WINDOW_MS)).toBe(null);
    expect(check(null).lateWritesUntil(0)).toBe(null);
  });
});

describe('suspects', () => {
  const suspect = (itemKey: string, since: number): AmbiguousWrite => ({ itemKey, since });
  const both = [suspect('a', 1_000), suspect('b', 3_000)];
  const [first, second] = [1_000 + LATE_WRITE_WINDOW_MS, 3_000 + LATE_WRITE_WINDOW_MS];

  test('a comparison closes the suspects that it compared, if it began after their window', () => {
    const closed: string[] = [];
    const suspects = check(null, both, first, closed);
    expect(suspects.closableAt).toBe(second);
    suspects.beforeReading()(['x', 'b', 'a']);
    expect([closed, suspects.open, suspects.closableAt]).toEqual([['a'], 1, second]);
    suspects.beforeReading()(['a', 'b']);
    expect(closed).toEqual(['a']);
  });

  test('verifications of all tables close suspects that no comparison met, if they began late enough', () => {
    const closed: string[] = [];
    const suspects = check(null, both, 0, closed);
    suspects.allCompared(second - 1);
    expect([closed, suspects.open]).toEqual([['a'], 1]);
    suspects.allCompared(second);
    expect([closed, suspects.open, suspects.closableAt]).toEqual([['a', 'b'], 0, null]);
  });
});
