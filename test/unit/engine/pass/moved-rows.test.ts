/**
 * Two readings whose rows are too large to be held together are read one after the other; a row that moves meanwhile is
 * one all the same.
 */
import { expect, test } from 'vitest';
import { FerryError } from '../../../../src/core/errors.js';
import type { Cursor, Row } from '../../../../src/core/model.js';
import { whichStands, type Standing } from '../../../../src/engine/pass/moved-rows.js';
import { cursorOf, jobOf, mappingOf, rowAtHand } from '../rows-at-hand.js';

const NOW = 1_800_000_000;
const mapping = mappingOf();
const signal = new AbortController().signal;
const KEYS = new Set(['{"pk":{"S":"x"},"sk":{"S":"000001"}}', '{"pk":{"S":"x"},"sk":{"S":"000002"}}']);

/** @param looks which ids are there, look by look; those that ask for both get nothing */
async function standing(...looks: readonly (readonly number[])[]): Promise<Standing> {
  const job = jobOf(mapping);
  let look = 0;
  const at = (cursors: readonly Cursor[]): Promise<readonly (Row | null)[]> => {
    if (cursors.length > 1) throw new FerryError('E_ROW_TOO_LARGE', 'together', '');
    const there = looks[look++] ?? [];
    return Promise.resolve(
      cursors.map((cursor) => (there.includes(Number(cursor)) ? rowAtHand(mapping, Number(cursor), 'x') : null)),
    );
  };
  const source = { ...job.source, at: async (cursors: readonly Cursor[]) => await at(cursors) };
  const found = await whichStands({ ...job, source }, KEYS, [cursorOf(1), cursorOf(2)], NOW, signal);
  expect(look).toBe(3);
  return found;
}

test.each<[Standing, readonly (readonly number[])[]]>([
  [
    'both',
    [
      [1, 2],
      [1, 2],
      [1, 2],
    ],
  ],
  ['first', [[1], [1], [1]]],
  ['second', [[2], [2], [2]]],
  ['neither', [[], [], []]],
  // From the first place to the second, before it is looked for there, and after.
  ['second', [[1], [1], [2]]],
  ['second', [[1], [2], [2]]],
  // And back.
  ['first', [[2], [1], [1]]],
])('whichStands finds the standing of a row that may move between three looks: %s', async (expected, looks) => {
  expect(await standing(...looks)).toBe(expected);
});
