/**
 * Of a row that maps to several items, those that the target took although it refused others are told: no count has
 * them.
 */
import { expect, test } from 'vitest';
import type { MappedItem } from '../../../../src/core/model.js';
import {
  refusedRecord,
  refusedRows,
  tellLeftBehind,
  type LeftBehind,
} from '../../../../src/engine/pass/refused-rows.js';
import { cursorOf, jobOf, mappingOf, rowAtHand } from '../rows-at-hand.js';

const mapping = mappingOf();
const job = jobOf(mapping);
const bad = {
  cause: 'refused' as const,
  column: null,
  kind: 'an item',
  reason: 'DynamoDB refused its item',
  remedy: 'correct the row',
};
const written = { items: 0, newer: 0, superseded: 0, units: 0 };

/** Rows of so many items, of which so many are refused. */
function recordsOf(...rows: readonly (readonly [items: number, refused: number])[]) {
  const items: MappedItem[] = [];
  const all: { row: MappedItem['row']; bad: typeof bad }[] = [];
  for (const [id, [of, refused]] of rows.entries()) {
    const row = rowAtHand(mapping, id);
    for (let i = 0; i < of; i++) items.push({ row } as MappedItem);
    for (let i = 0; i < refused; i++) all.push({ row, bad });
  }
  return [...refusedRows(job, { all, written }, items).values()].map((row) => refusedRecord(job, row, null));
}

test('refusedRows and refusedRecord name each row once, with the number of its items that are in the target', () => {
  const records = recordsOf([1, 1], [2, 1], [3, 0], [5, 2], [2, 2]);
  expect(records.map(({ cursor, reason }) => [cursor, reason])).toEqual([
    [cursorOf(0), 'DynamoDB refused its item'],
    [cursorOf(1), 'DynamoDB refused its item; 1 other item of the row is in the target'],
    [cursorOf(3), 'DynamoDB refused its item; 3 other items of the row are in the target'],
    [cursorOf(4), 'DynamoDB refused its item'],
  ]);
  expect(records.map(({ itemsTaken }) => itemsTaken)).toEqual([0, 1, 3, 0]);
  expect(records.map(({ remedy }) => remedy.includes('else delete them'))).toEqual([false, true, true, false]);
});

test('tellLeftBehind reports items of rows that are gone or expired, by the recorded count and not by the words', () => {
  const warnings: unknown[] = [];
  const context = { shard: 's01', emitter: { emit: (_: unknown, warning: unknown) => void warnings.push(warning) } };
  const left = (itemsTaken: number, why: LeftBehind['why']): LeftBehind => ({ record: { itemsTaken }, why });
  tellLeftBehind(context, 't', [left(0, 'gone'), left(0, 'expired')]);
  expect(warnings).toEqual([]);
  tellLeftBehind(context, 't', [left(1, 'gone'), left(5, 'expired'), left(3, 'gone')]);
  expect(warnings).toMatchObject([
    {
      shard: 's01',
      code: 'E_BAD_ROWS',
      message: expect.stringMatching(/gone .*; 4 of these items are still in the target$/) as string,
    },
    {
      shard: 's01',
      code: 'E_BAD_ROWS',
      message: expect.stringMatching(/expired, .*; 5 of these items are still in the target$/) as string,
    },
  ]);
});
