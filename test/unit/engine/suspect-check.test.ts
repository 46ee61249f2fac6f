import { describe, expect, test } from 'vitest';
import { LATE_WRITE_WINDOW_MS } from '../../../src/core/late-writes.js';
import type { StateStore } from '../../../src/core/state-ports.js';
import { SuspectCheck } from '../../../src/engine/suspect-check.js';

/** What the check asks a state for; that states answer so is the contract's. */
function check(brokenOffAt: number | null): SuspectCheck {
  const state: Pick<StateStore, 'brokenOffAt' | 'suspects' | 'now'> = {
    brokenOffAt: () => brokenOffAt,
    suspects: () => [],
    now: () => 0,
  };
  return new SuspectCheck(state as StateStore);
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
