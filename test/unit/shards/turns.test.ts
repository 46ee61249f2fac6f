/** Which shard starts next, with a place for each process and each server. */
import { expect, test } from 'vitest';
import type { ServerShare } from '../../../src/shards/server-share.js';
import { Turns } from '../../../src/shards/turns.js';

const ALL = (_shard: string): boolean => true;

/** All shards that may start now. */
function starting(turns: Turns, mayStart = ALL): readonly string[] {
  const started: string[] = [];
  for (let next = turns.next(mayStart); next !== null; next = turns.next(mayStart)) started.push(next);
  return started;
}

test('Turns starts shards in their order, so many at once, and the next one when one leaves', () => {
  const turns = new Turns(['a', 'b', 'c', 'd'], 2, () => null);
  expect(starting(turns)).toEqual(['a', 'b']);
  turns.leave('b');
  expect(starting(turns)).toEqual(['c']);
  turns.leave('d');
  turns.leave('a');
  expect(starting(turns)).toEqual([]);
});

test('Turns lets the next shard go first where one may not start, and keeps its place in the order', () => {
  const turns = new Turns(['a', 'b', 'c'], 1, () => null);
  expect(starting(turns, (shard) => shard !== 'a')).toEqual(['b']);
  turns.leave('b');
  expect(starting(turns)).toEqual(['a']);
});

test('Turns starts no more shards on a server than its share, and more when the share grows', () => {
  let atOnce = 1;
  const shareOf = (shard: string): ServerShare => ({ server: shard.slice(0, 1), atOnce, scans: 1 });
  const turns = new Turns(['x1', 'x2', 'x3', 'y1'], 3, shareOf);
  expect(starting(turns)).toEqual(['x1', 'y1']);
  atOnce = 2;
  expect(starting(turns)).toEqual(['x2']);
});
