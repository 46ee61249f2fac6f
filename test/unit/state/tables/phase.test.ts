import { describe, expect, test } from 'vitest';
import { NO_COUNTS } from '../../../../src/core/model.js';
import type { PassKind, PassSummary } from '../../../../src/core/ports/state-records.js';
import { phaseOf, standingOf, type TablePasses } from '../../../../src/state/tables/phase.js';

const BACKFILL = 1;

/** @param id of a verification: it saw the backfill of the number below finished, unless `saw` says otherwise */
function pass(
  kind: PassKind,
  id: number,
  finished: boolean,
  found: Partial<PassSummary> = {},
  saw: Pick<PassSummary['pass'], 'sawBackfill' | 'sawChunks'> = {
    sawBackfill: kind === 'verify' ? BACKFILL : null,
    sawChunks: kind === 'verify' ? 0 : null,
  },
): PassSummary {
  return {
    pass: { id, kind, table: 't', startedAt: 1, finishedAt: finished ? 2 : null, ...saw },
    counts: NO_COUNTS,
    missing: 0,
    differing: 0,
    unresolved: 0,
    doubtful: 0,
    rangesComplete: 0,
    ranges: 1,
    oldest: null,
    newest: null,
    ...found,
  };
}

const unplanned: TablePasses = { planned: false, backfill: null, verify: null, badRows: 0, overtakenBy: 0 };
const planned: TablePasses = { planned: true, backfill: null, verify: null, badRows: 0, overtakenBy: 0 };
const backfilling: TablePasses = { ...planned, backfill: pass('backfill', 1, false) };
const backfilled: TablePasses = { ...planned, backfill: pass('backfill', 1, true) };
const verifying: TablePasses = { ...backfilled, verify: pass('verify', 2, false) };
const clean: TablePasses = { ...backfilled, verify: pass('verify', 2, true) };
const stale: TablePasses = { ...planned, backfill: pass('backfill', 3, true), verify: pass('verify', 2, true) };
/** Begun over the unfinished backfill, which ended later. */
const early: TablePasses = {
  ...backfilled,
  verify: pass('verify', 2, true, {}, { sawBackfill: null, sawChunks: 0 }),
};
const found = (what: Partial<PassSummary>): TablePasses => ({ ...backfilled, verify: pass('verify', 2, true, what) });

describe('phaseOf', () => {
  test.each([
    ['new', 'no table is planned', [], 0],
    ['new', 'the config names a table, and none is planned', [unplanned, unplanned], 0],
    ['planned', 'nothing is begun', [planned, planned], 0],
    ['planned', 'nothing is begun, and one table is not even planned', [planned, unplanned], 0],
    ['backfilling', 'a table was never planned, though the other is backfilled', [backfilled, unplanned], 0],
    ['backfilling', 'a table was never planned, though the other is verified', [unplanned, clean], 0],
    ['backfilled', 'the verification began before the backfill ended', [early], 0],
    [
      'backfilled',
      'what it had found then is no news',
      [{ ...early, verify: { ...early.verify, missing: 9 } as PassSummary }],
      0,
    ],
    ['verifying', 'another table is verified', [early, clean], 0],
    ['backfilling', 'a backfill is unfinished', [backfilling], 0],
    ['backfilling', 'a table waits for its backfill', [backfilled, planned], 0],
    ['backfilling', 'a backfill was begun after a verification', [clean, backfilling], 0],
    ['backfilled', 'all backfills are finished', [backfilled, backfilled], 0],
    ['backfilled', 'the verification is older than the backfill', [stale], 0],
    ['backfilled', 'a retry of bad rows came after the verification', [{ ...clean, overtakenBy: 2 }], 0],
    ['verified', 'the verification came after a retry', [{ ...clean, overtakenBy: 1 }], 0],
    ['differences', 'a bad row has no item, though the others are equal', [{ ...clean, badRows: 1 }], 0],
    ['unproven', 'a suspect is open after a clean verification', [clean], 1],
    ['verifying', 'a verification is unfinished', [verifying], 0],
    ['verifying', 'a table waits for its verification', [clean, backfilled], 0],
    ['verifying', 'differences are known and another table is under way', [found({ missing: 1 }), verifying], 0],
    ['verified', 'all is clean', [clean, clean], 0],
    ['differences', 'an item is missing', [clean, found({ missing: 1 })], 0],
    ['differences', 'an item differs', [found({ differing: 1 })], 0],
    ['unproven', 'a row was never settled', [clean, found({ unresolved: 1 })], 0],
    ['differences', 'a row was never settled, and another differs', [found({ unresolved: 1, differing: 1 })], 0],
    [
      'verifying',
      'a row was never settled, and another table is not verified',
      [found({ unresolved: 1 }), backfilled],
      0,
    ],
    ['differences', 'a table with differences, another unverified', [found({ missing: 1 }), backfilled], 0],
  ] as const)('phaseOf is %s: %s', (phase, _why, tables, suspects) => {
    expect(phaseOf(tables, { suspects, lateWritesUntil: null })).toBe(phase);
  });

  test.each([
    ['unproven', 'the verification began while writes of a killed run could still land', [clean], 2],
    ['verified', 'it began after that', [clean], 1],
    ['differences', 'what it found is found', [found({ missing: 1 })], 2],
  ] as const)('phaseOf with late writes is %s: %s', (phase, _why, tables, lateWritesUntil) => {
    expect(phaseOf(tables, { suspects: 0, lateWritesUntil })).toBe(phase);
  });
});

describe('standingOf', () => {
  const over = (chunks: number, sawChunks: number | null): TablePasses => ({
    ...planned,
    backfill: pass('backfill', 1, false, { counts: { ...NO_COUNTS, chunks } }),
    verify: pass('verify', 2, true, {}, { sawBackfill: null, sawChunks }),
  });

  test.each([
    ['none', 'there is none', backfilled],
    ['stands', 'it began after the backfill had ended', clean],
    ['stands', 'it is unfinished', verifying],
    ['before-backfill', 'it began before that', early],
    ['before-backfill', 'another backfill came after it', stale],
    ['before-retry', 'a retry came after it', { ...clean, overtakenBy: 2 }],
    ['before-retry', 'a retry came after it, whatever the backfill did', { ...early, overtakenBy: 2 }],
    ['backfill-unfinished', 'the backfill stands still where it was', over(3, 3)],
    ['before-backfill', 'the backfill has gone on since', over(4, 3)],
    ['before-backfill', 'nobody noted how far the backfill was', over(3, null)],
  ] as const)('standingOf a verification is %s: %s', (standing, _why, table) => {
    expect(standingOf(table)).toBe(standing);
  });
});
