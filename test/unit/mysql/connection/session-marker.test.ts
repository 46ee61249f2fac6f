/** The marker in front of each row: a number of twelve digits or a few more, which no other session gives. */
import { expect, test } from 'vitest';
import { SessionMarker } from '../../../../src/mysql/connection/session-marker.js';

const randomOf = (marker: SessionMarker): bigint => BigInt(/= (\d+)$/.exec(marker.assignment)?.[1] ?? '');

test('SessionMarker is what the first answer says: the number that was set, and the connection’s id', () => {
  const marker = new SessionMarker();
  const text = String(randomOf(marker) + 42n);
  expect([marker.isIn(text), marker.length]).toEqual([false, 0]);
  expect(marker.take(text)).toBe(true);
  expect([marker.isIn(text), marker.isIn(null), marker.isIn(undefined)]).toEqual([true, false, false]);
  expect(marker.isIn(String(randomOf(marker) + 43n))).toBe(false);
  expect(marker.length).toBe(1 + text.length);
  const row = Buffer.concat([Buffer.from([9, text.length]), Buffer.from(`${text}rest`)]);
  expect([marker.begins(row, 1), marker.begins(row, 0), marker.begins(row.subarray(0, 5), 1)]).toEqual([
    true,
    false,
    false,
  ]);
});

test('SessionMarker begins no row before it is known', () => {
  expect(new SessionMarker().begins(Buffer.from('12'), 0)).toBe(false);
});

test.each([
  ['no number', () => 'x'],
  ['a fraction', (random: bigint) => `${random + 1n}.0`],
  ['NULL', () => null],
  ['empty', () => ''],
  ['the number without an id', (random: bigint) => String(random)],
  ['less', (random: bigint) => String(random - 1n)],
  ['short', () => '99999999999'],
  ['longer than any number of MySQL', () => '9'.repeat(21)],
] as const)('SessionMarker does not take an answer that is %s', (_, answer) => {
  const marker = new SessionMarker();
  expect(marker.take(answer(randomOf(marker)))).toBe(false);
  expect(marker.length).toBe(0);
});
