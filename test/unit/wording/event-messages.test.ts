/** What an operator reads of events. */
import { expect, test } from 'vitest';
import { NO_COUNTS } from '../../../src/core/model.js';
import { wordsOf } from '../../../src/wording/event-messages.js';

const fault = { code: 'E_INTERRUPTED', message: 'some words', hint: 'and a next step' } as const;
const finished = { shard: 's01', status: 'interrupted', counts: NO_COUNTS, elapsedMs: 1000, fault } as const;
const stamp = { at: 0, run: 'r1' };

test('a shard that reports its own interruption stopped in order, whatever the words of its fault', () => {
  expect(wordsOf({ ...stamp, name: 'shard.finished', payload: { ...finished, toldBy: 'process' } })).toBe(
    'stopped, checkpoint saved after 1s: 0 rows, 0 items, 0 units',
  );
});

test('a shard whose process was ended gives the reason, and promises no checkpoint', () => {
  expect(wordsOf({ ...stamp, name: 'shard.finished', payload: { ...finished, toldBy: 'state' } })).toBe(
    'ended after 1s: 0 rows, 0 items, 0 units: some words; and a next step',
  );
});
