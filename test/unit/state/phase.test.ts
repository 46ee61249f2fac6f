import { describe, expect, test } from 'vitest';
import { NO_COUNTS } from '../../../src/core/model.js';
import type { PassKind, PassSummary } from '../../../src/core/state-ports.js';
import { phaseOf, type TablePasses } from '../../../src/state/phase.js';

function pass(kind: PassKind, id: number, finished: boolean, found: Partial<PassSummary> = {}): PassSummary {
  return {
    pass: { id, kind, table: 't', startedAt: 1, finishedAt: finished ? 2 : null },
    counts: NO_COUNTS,
    missing: 0,
    differing: 0,
    unresolved: 0,
    doubtful: 0,
    rangesComplete: 0,
    ranges: 1,
    ...found,
  };
}

const planned: TablePasses = { backfill: null, verify: null, badRows: 0, overtakenBy: 0 };
const backfilling: TablePasses = { ...planned, backfill: pass('backfill', 1, false) };
const backfilled: TablePasses = { ...planned, backfill: pass('backfill', 1, true) };
const verifying: TablePasses = { ...backfilled, verify: pass('verify', 2, false) };
const clean: TablePasses = { ...backfilled, verify: pass('verify', 2, true) };
const stale: TablePasses = { ...planned, backfill: pass('backfill', 3, true), verify: pass('verify', 2, true) };
const found = (what: Partial<PassSummary>): TablePasses => ({ ...backfilled, verify: pass('verify', 2, true, what) });

describe('phaseOf', () => {
  test.each([
    ['new', 'no table is planned', [], 0],
    ['planned', 'nothing is begun', [planned, planned], 0],
    ['backfilling', 'a backfill is unfinished', [backfilling], 0],
    ['backfilling', 'a table waits for its backfill', [backfilled, planned], 0],
    ['backfilling', 'a backfill was begun after a verification', [clean, backfilling], 0],
    ['backfilled', 'all backfills are finished', [backfilled, backfilled], 0],
    ['backfilled', 'the verification is older than the backfill', [stale], 0],
    ['backfilled', 'a retry of bad rows came after the verification', [{ ...clean, overtakenBy: 2 }], 0],
    ['verified', 'the verification came after a retry', [{ ...clean, overtakenBy: 1 }], 0],
    ['differences', 'a bad row has no item, though the others are equal', [{ ...clean, badRows: 1 }], 0],
    ['backfilled', 'a suspect is open after a clean verification', [clean], 1],
    ['verifying', 'a verification is unfinished', [verifying], 0],
    ['verifying', 'a table waits for its verification', [clean, backfilled], 0],
    ['verifying', 'differences are known and another table is under way', [found({ missing: 1 }), verifying], 0],
    ['verified', 'all is clean', [clean, clean], 0],
    ['differences', 'an item is missing', [clean, found({ missing: 1 })], 0],
    ['differences', 'an item differs', [found({ differing: 1 })], 0],
    ['differences', 'a row was never settled', [found({ unresolved: 1 })], 0],
    ['differences', 'a table with differences, another unverified', [found({ missing: 1 }), backfilled], 0],
  ] as const)('%s: %s', (phase, _why, tables, suspects) => {
    expect(phaseOf(tables, { suspects, lateWritesUntil: null })).toBe(phase);
  });

  test.each([
    ['backfilled', 'the verification began while writes of a killed run could still land', [clean], 2],
    ['verified', 'it began after that', [clean], 1],
    ['differences', 'what it found is found', [found({ missing: 1 })], 2],
  ] as const)('%s: %s', (phase, _why, tables, lateWritesUntil) => {
    expect(phaseOf(tables, { suspects: 0, lateWritesUntil })).toBe(phase);
  });
});
