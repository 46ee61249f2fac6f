/** What the list of differences says of a shard: what was found, what was not looked at, and the next step. */
import { expect, test } from 'vitest';
import { differenceLines, differenceRecords, totalsOf } from '../../../../src/cli/report/difference-list.js';
import type { Evidence, ShardDifferences, TableDifferences } from '../../../../src/state/status/read-differences.js';

const NONE = { missing: 0, differing: 0, unresolved: 0 };

function table(evidence: Evidence, counts: Partial<typeof NONE> = {}, kept = counts): TableDifferences {
  const counted = evidence === 'stands' || evidence === 'unfinished' || evidence === 'backfill-unfinished';
  return { table: evidence, evidence, counted, counts: { ...NONE, ...counts }, kept: { ...NONE, ...kept } };
}

function shard(tables: readonly TableDifferences[], changes: Partial<ShardDifferences> = {}): ShardDifferences {
  return { shard: 's01', running: false, tables, badRows: 0, unproven: false, fault: null, ...changes };
}

const lines = differenceLines({ wanted: null, columns: 200 });
const headOf = (known: ShardDifferences): string => lines.head({ shard: 's01', known }).join('\n');

test('the list of differences says why no verification of a table stands', () => {
  expect(lines.head({ shard: 's01', known: null })).toEqual(['s01  never verified']);
  expect(headOf(shard([table('none')]))).toBe('s01  no verification stands\n  none: never verified');
  expect(headOf(shard([table('none')], { running: true }))).toContain('never verified; a run works on the shard now');
  expect(headOf(shard([table('before-retry'), table('before-backfill')]))).toBe(
    's01  no verification stands\n' +
      '  before-retry: not verified since a retry of bad rows, or an accepted change: what was found before counts no more\n' +
      '  before-backfill: not verified since the backfill: what was found before counts no more',
  );
  expect(headOf(shard([table('unfinished', { missing: 2 })], { running: true }))).toBe(
    's01  2 differences so far: 2 missing\n  unfinished: the verification is running',
  );
  expect(headOf(shard([table('unfinished')]))).toContain(
    'the verification was interrupted: `dynaferry verify` resumes it',
  );
  expect(headOf(shard([table('backfill-unfinished', { missing: 2 })]))).toContain(
    'the backfill is not finished: what is missing may not have been moved yet',
  );
});

test('the list of differences says what else keeps a shard without differences from being proven', () => {
  expect(headOf(shard([table('stands')]))).toBe('s01  no differences');
  expect(headOf(shard([table('stands')], { unproven: true, badRows: 1 }))).toBe(
    's01  no differences\n  not proven: a write may still land; `dynaferry status` says until when\n' +
      '  1 bad row without an item not among them; `dynaferry bad-rows s01` lists them',
  );
  expect(headOf(shard([table('stands'), table('none')]))).toContain('s01  no differences so far\n');
});

test('the list of differences says which of them it did not list, and why', () => {
  const known = shard([table('stands', { missing: 5, unresolved: 2 }, { missing: 4 })]);
  const tail = (listed: number, limited: boolean): string =>
    lines.tail({ shard: 's01', known }, listed, limited, null).join();
  expect(headOf(known)).toBe('s01  7 differences: 5 missing, 2 unresolved');
  expect(tail(3, true)).toContain('and 1 more, not listed one by one; --limit N lists more');
  expect(tail(3, false)).toContain('1 of them are no longer recorded: a new verification has started');
  expect(tail(4, false)).toMatch(/^ {2}3 of them are counted without keys /);
  expect(totalsOf(known.tables, 'missing')).toMatchObject({
    differences: 5,
    missing: 5,
    unresolved: 0,
    withoutKeys: 1,
  });
});

test('the list of differences names the next step of each shard', () => {
  const end = lines.end([
    { shard: 's01', known: shard([table('stands', { differing: 1 })]) },
    { shard: 's02', known: shard([table('backfill-unfinished')]) },
    { shard: 's03', known: null },
    { shard: 's04', known: shard([table('stands')]) },
  ]);
  expect(end).toEqual([
    "next: `dynaferry diff --shard s01 --keys 'KEY' --show-values` shows a row of it beside its item; KEY is {item key} or [scan key], as a line has them",
    'next: `dynaferry backfill --shard s02`, then verify again',
    'next: `dynaferry verify --shard s03`',
  ]);
});

test('a record of a difference has both keys, and no scan key where its table has none', () => {
  const records = differenceRecords(null);
  const difference = {
    class: 'differing',
    table: 't',
    keyText: '{"pk":{"S":"a"}}',
    cursor: '["1","b"]',
    keyed: true,
    attributes: ['body'],
  } as never;
  expect(JSON.parse(records.item('s01', difference))).toEqual({
    type: 'difference',
    shard: 's01',
    table: 't',
    class: 'differing',
    itemKey: { pk: { S: 'a' } },
    scanKey: ['1', 'b'],
    attributes: ['body'],
  });
  const keyless = { ...(difference as object), keyed: false } as never;
  expect(JSON.parse(records.item('s01', keyless))).toMatchObject({ scanKey: null });
  expect(lines.item('s01', keyless)).toBe('  differing   t  {"pk":{"S":"a"}}  body');
});
