import { describe, expect, test } from 'vitest';
import type { Age, Standing } from '../../../../src/core/evidence.js';
import { NO_COUNTS } from '../../../../src/core/model.js';
import { notBegun, type ShardStatus, type TableStatus } from '../../../../src/state/status/read-status.js';
import { takenOverOf } from '../../../../src/wiring/run/taken-over.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const STARTED_AT = 5_000;

const age = (minutes: number | null): Age => ({ at: 0, ms: minutes === null ? null : minutes * MINUTE_MS });

interface Verified {
  readonly from: number | null;
  readonly to: number | null;
  readonly finished?: boolean;
  readonly standing?: Standing;
  readonly inConfig?: boolean;
}

/** A table that was compared from so many to so many minutes ago. */
function table(
  name: string,
  { from, to, finished = true, standing = 'stands', inConfig = true }: Verified,
): TableStatus {
  const [base] = notBegun('s', [name]).tables;
  if (base === undefined) throw new Error('a table was named');
  const pass = { id: 7, kind: 'verify', table: name, startedAt: STARTED_AT, sawBackfill: 1, sawChunks: 3 } as const;
  return {
    ...base,
    inConfig,
    planned: true,
    standing,
    verify: {
      pass: { ...pass, finishedAt: finished ? 6_000 : null },
      counts: NO_COUNTS,
      missing: 0,
      differing: 0,
      unresolved: 0,
      doubtful: 0,
      rangesComplete: 1,
      ranges: 1,
      oldest: null,
      newest: null,
    },
    firstCompared: age(from),
    lastCompared: age(to),
  };
}

function shard(name: string, tables: readonly TableStatus[], changes: Partial<ShardStatus> = {}): ShardStatus {
  return { ...notBegun(name, []), tables, ...changes };
}

const finished = (name: string, from: number | null, to: number | null): TableStatus => table(name, { from, to });
const unfinished = (name: string, from: number, to: number): TableStatus => table(name, { from, to, finished: false });
const never = (name: string): TableStatus => table(name, { from: null, to: null, standing: 'none' });

const taken = (statuses: readonly ShardStatus[], { missing = false, maxAgeMs = HOUR_MS } = {}): readonly string[] =>
  [...takenOverOf(statuses, missing, maxAgeMs)].flatMap(([id, tables]) =>
    Object.keys(tables).map((name) => `${id}.${name}`),
  );

describe('takenOverOf', () => {
  test('a verification takes over nothing where nothing is left open, and verifies all again', () => {
    expect(taken([shard('a', [finished('t', 20, 10)]), shard('b', [finished('t', 10, 1)])])).toEqual([]);
  });

  test.each([
    ['an unfinished verification', [shard('b', [unfinished('t', 9, 1)])], {}],
    ['a table that was never verified', [shard('b', [never('t')])], {}],
    [
      'a verification that a backfill overtook',
      [shard('b', [table('t', { from: 9, to: 1, standing: 'before-backfill' })])],
      {},
    ],
    [
      'one over an unfinished backfill',
      [shard('b', [table('t', { from: 9, to: 1, standing: 'backfill-unfinished' })])],
      {},
    ],
    ['a shard that cannot be read', [shard('b', [], { fault: { code: 'E_STATE_IO', message: '', hint: '' } })], {}],
    ['a shard without a state', [], { missing: true }],
  ] as const)('a verification takes over what was finished, where there is %s', (_what, others, options) => {
    const statuses = [shard('a', [finished('t', 20, 10)]), ...others];
    expect(taken(statuses, options)).toEqual(['a.t']);
    expect(takenOverOf(statuses, 'missing' in options, HOUR_MS).get('a')).toEqual({ t: 7 });
  });

  test('a verification takes over tables one by one', () => {
    expect(taken([shard('a', [finished('t', 20, 10), unfinished('u', 9, 1)])])).toEqual(['a.t']);
  });

  test('a verification takes over tables back to the first break that is too long, whatever the order of shards', () => {
    const statuses = [
      shard('a', [finished('t', 700, 500)]),
      shard('b', [unfinished('t', 200, 50)]),
      shard('c', [finished('t', 420, 250)]),
    ];
    // 50 minutes to now, 50 from c to b, 80 from a to c.
    expect(taken(statuses)).toEqual(['c.t']);
    expect(taken(statuses, { maxAgeMs: 90 * MINUTE_MS })).toEqual(['c.t', 'a.t']);
    expect(taken(statuses, { maxAgeMs: 40 * MINUTE_MS })).toEqual([]);
    expect(taken(statuses, { maxAgeMs: 0 })).toEqual([]);
  });

  test('a verification takes over nothing of unknown age, and nothing behind it', () => {
    expect(taken([shard('a', [finished('t', null, null), never('u')])])).toEqual([]);
  });

  test('a verification does not bridge a break by a result that does not count', () => {
    const overtaken = table('u', { from: 90, to: 30, standing: 'before-retry' });
    expect(taken([shard('a', [finished('t', 120, 80), overtaken])])).toEqual([]);
  });

  test('a verification takes over nothing that could not pass: beside suspects, or before late writes', () => {
    const tables = [finished('t', 20, 10), never('u')];
    expect(taken([shard('a', tables, { suspects: 1 })])).toEqual([]);
    expect(taken([shard('a', tables, { lateWritesUntil: STARTED_AT + 1 })])).toEqual([]);
    expect(taken([shard('a', tables, { lateWritesUntil: STARTED_AT })])).toEqual(['a.t']);
  });

  test('a verification ignores tables that the config does not name, and takes over none of them', () => {
    const former = table('u', { from: 9, to: 1, finished: false, inConfig: false });
    expect(taken([shard('a', [finished('t', 20, 10), former])])).toEqual([]);
    const other = table('v', { from: 20, to: 10, inConfig: false });
    expect(taken([shard('a', [never('t'), other])])).toEqual([]);
  });
});
