/**
 * The record of bad rows over all tables: part by part in the order of their numbers, and by kind, the most frequent
 * first.
 */
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import type { BadRowRecord } from '../../../../src/core/ports/state-records.js';
import { BadRows } from '../../../../src/state/tables/bad-rows.js';
import { STATE } from '../../../../src/state/sqlite/schema.js';
import { cursor, sampleBadRow } from '../../../contract/state-store-samples.js';

function recordOf(rows: readonly Partial<BadRowRecord>[]): BadRows {
  const database = new Database(':memory:');
  for (const sql of STATE.migrations) database.exec(sql);
  const badRows = new BadRows(database);
  badRows.record(rows.map((row, index) => sampleBadRow({ cursor: cursor(`c${index + 1}`), ...row })));
  return badRows;
}

test('BadRows.page goes on behind a number, ends at another, and has no more rows than its limit', () => {
  const badRows = recordOf([{}, { table: 'calls' }, {}, { table: 'calls' }, {}]);
  const numbers = (after: number, upTo: number, limit: number): readonly number[] =>
    badRows.page(after, upTo, limit).map(({ number }) => number);
  expect(badRows.last()).toBe(5);
  expect(numbers(0, 5, 10)).toEqual([1, 2, 3, 4, 5]);
  expect(numbers(0, 5, 2)).toEqual([1, 2]);
  expect(numbers(2, 4, 10)).toEqual([3, 4]);
  expect(numbers(4, 4, 10)).toEqual([]);
  expect(badRows.page(1, 2, 1)).toMatchObject([{ number: 2, table: 'calls', cursor: cursor('c2') }]);
  expect(badRows.numbered('calls', 2)).toMatchObject({ cursor: cursor('c2') });
  expect(badRows.numbered('messages', 2)).toBeNull();
});

test('BadRows without bad rows has no last number, no group and no page', () => {
  const badRows = recordOf([]);
  expect([badRows.last(), badRows.groups(), badRows.page(0, 9, 9), badRows.count('messages')]).toEqual([0, [], [], 0]);
});

test('BadRows.groups joins rows of one reason in one column of a table, the largest first, then by name', () => {
  const reason = 'another reason';
  const badRows = recordOf([
    { table: 'messages', column: 'b' },
    { table: 'messages', column: 'a', reason },
    { table: 'messages', column: 'a' },
    { table: 'messages', column: null },
    { table: 'calls', column: 'z' },
    { table: 'messages', column: 'c' },
    { table: 'messages', column: 'c' },
  ]);
  const common = sampleBadRow().reason;
  expect(badRows.groups().map((group) => [group.table, group.column, group.reason, group.rows])).toEqual([
    ['messages', 'c', common, 2],
    ['calls', 'z', common, 1],
    ['messages', null, common, 1],
    ...[reason, common].sort().map((each) => ['messages', 'a', each, 1]),
    ['messages', 'b', common, 1],
  ]);
});

test('BadRows.groups counts the kinds of a group, and shows of what differs the first by the alphabet', () => {
  const [first, second] = [
    { cause: 'refused', kind: 'an item', remedy: 'a remedy' },
    { cause: 'value', kind: 'decimal(65,30)', remedy: 'other remedy' },
  ] as const;
  for (const rows of [
    [first, second, second],
    [second, second, first],
  ]) {
    expect(recordOf(rows).groups()).toEqual([
      {
        table: 'messages',
        column: sampleBadRow().column,
        reason: sampleBadRow().reason,
        ...first,
        kinds: 2,
        rows: 3,
      },
    ]);
  }
});

test('BadRows.list gives the rows of one table, in their order and by their cursors', () => {
  const badRows = recordOf([{}, { table: 'calls' }, {}]);
  const numbersOf = (...of: Parameters<BadRows['list']>): readonly number[] =>
    badRows.list(...of).map(({ number }) => number);
  expect(numbersOf('messages')).toEqual([1, 3]);
  expect(numbersOf('messages', { after: 1, limit: 5 })).toEqual([3]);
  expect(numbersOf('messages', { after: 0, limit: 1 })).toEqual([1]);
  expect([badRows.count('messages'), badRows.count('calls')]).toEqual([2, 1]);
  expect(badRows.at('calls', [cursor('c1'), cursor('c2')])).toMatchObject([{ number: 2 }]);
  badRows.forget('calls', [cursor('c1'), cursor('c2')]);
  expect([badRows.count('messages'), badRows.count('calls')]).toEqual([2, 0]);
});
