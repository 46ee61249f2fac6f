/** Figures at the bounds of what a request can have consumed are believed, and none beyond them. */
import { expect, test } from 'vitest';
import { EventBus } from '../../../../src/core/event-bus.js';
import type { EventRecord } from '../../../../src/core/events.js';
import { BelievableUnits, readBounds, writeBounds } from '../../../../src/dynamodb/http/believable-units.js';
import { wordsOf } from '../../../../src/wording/event-messages.js';

test.each([
  ['25 writes without an index: 400 units each at most, one each at least', writeBounds(25, 25, 0), 25, 10_000],
  ['a write with two indexes, whose entries move', writeBounds(1, 1, 2), 1, 2_000],
  ['a write where the indexes are unknown', writeBounds(1, 1), 1, 400 * 51],
  ['writes of which one came back', writeBounds(24, 25, 0), 24, 10_000],
  ['100 keys that are read', readBounds(100), 0, 10_000],
])('BelievableUnits refuses figures outside the bounds of: %s', (_, bounds, least, most) => {
  const bus = new EventBus();
  const events: EventRecord[] = [];
  bus.onAny((event) => events.push(event));
  const units = new BelievableUnits(bus, 's01', 'BatchWriteItem');
  for (const figure of [least, most, null]) expect(units.of(figure, bounds)).toBe(figure);
  expect(events).toEqual([]);
  for (const figure of [least - 1, most + 1, Infinity, NaN, -Infinity]) expect(units.of(figure, bounds)).toBeNull();
  expect(events).toHaveLength(5);
  expect(events.map((event) => wordsOf(event))[1]).toMatch(/answered BatchWriteItem with \d+ units/);
});
