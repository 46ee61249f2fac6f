/**
 * The contract of ItemWriter for two operations on one item key, in whatever state the earlier one is when the later
 * one comes. No two requests race for the key, and the table ends with the last operation. Each receipt says what
 * became of its own operation.
 */
import { describe, expect, test } from 'vitest';
import { ItemDelete } from '../../src/core/item/write-operation.js';
import { dynamodbServers } from '../support/dynamodb.js';
import type { Fate } from '../support/fault-proxy.js';
import { PASS } from '../support/fault-proxy/fates.js';
import { entryOf, KEY_TEXT, openSequence, outcome, PAIRS, settledBy, SOON_MS } from './item-writer-sequence-stage.js';

/** When the later operation comes. */
type When = 'queued' | 'in flight' | 'to be sent again' | 'ended';

interface State {
  readonly earlier: string;
  readonly when: When;
  /** Of the earlier one's request. */
  readonly fate: Fate;
  /** With `supersede`, what becomes of the earlier one. */
  readonly becomes: 'acknowledged' | 'replaced' | 'refused' | 'failed with the run';
  readonly suspect: boolean;
}

const UNPROCESSED: Fate = { kind: 'unprocessed', share: 1 };
const THROTTLED: Fate = { kind: 'throttle' };
const HOT: Fate = { kind: 'throttle', reasons: ['TableWriteKeyRangeThroughputExceeded'] };
const APPLIED: Fate = { kind: 'reset', applied: true };
const LOST: Fate = { kind: 'reset', applied: false };
const INVALID: Fate = { kind: 'error', status: 400, name: 'ValidationException' };
const DENIED: Fate = { kind: 'error', status: 400, name: 'AccessDeniedException' };

const state = (
  earlier: string,
  when: When,
  fate: Fate,
  becomes: State['becomes'] = 'replaced',
  suspect = false,
): State => ({ earlier, when, fate, becomes, suspect });

const STATES: readonly State[] = [
  state('queued', 'queued', PASS),
  state('in flight and then acknowledged', 'in flight', PASS, 'acknowledged'),
  state('in flight and then unprocessed', 'in flight', UNPROCESSED),
  state('in flight and then throttled', 'in flight', THROTTLED),
  state('in flight and then ambiguous, but applied', 'in flight', APPLIED, 'replaced', true),
  state('in flight and then ambiguous, and lost', 'in flight', LOST, 'replaced', true),
  state('in flight and then refused', 'in flight', INVALID, 'refused'),
  state('in flight and then failed, and the run with it', 'in flight', DENIED, 'failed with the run'),
  state('unprocessed', 'to be sent again', UNPROCESSED),
  state('throttled', 'to be sent again', THROTTLED),
  state('throttled for a hot key range', 'to be sent again', HOT),
  state('ambiguous, but applied', 'to be sent again', APPLIED, 'replaced', true),
  state('ambiguous, and lost', 'to be sent again', LOST, 'replaced', true),
  state('refused', 'ended', INVALID, 'refused'),
];

const CASES = STATES.flatMap((one) => PAIRS.map((pair) => ({ ...one, ...pair })));

describe.each(dynamodbServers)('ItemWriter contract, sequences of one key: $name', (server) => {
  test.each(CASES)(
    'the item writer with keyConflicts "supersede" settles $pair that is $earlier',
    async ({ when, fate, becomes, suspect, ...pair }) => {
      await using stage = await openSequence(server, { keyConflicts: 'supersede' });
      const { earlier, later } = await stage.play(pair, when, fate);

      if (becomes === 'failed with the run') {
        expect(await earlier).toEqual({ code: 'E_TARGET_ACCESS' });
        expect(await later).toEqual({ code: 'E_TARGET_ACCESS' });
        expect(stage.sent()).toEqual([entryOf(pair.first)]);
        return;
      }
      await stage.arrived('later');
      expect(stage.told).toEqual(suspect ? [KEY_TEXT] : []);
      // What was replaced waits for the one that replaced it.
      expect(await settledBy(earlier, SOON_MS)).toBe(becomes !== 'replaced');
      stage.letPass('later');
      const gone = pair.first instanceof ItemDelete && (becomes === 'acknowledged' || fate === APPLIED);
      // DynamoDB Local takes two units for a delete that finds no item, where AWS takes one.
      const units = server.name === 'dynamodb-local' && gone && pair.second instanceof ItemDelete ? 2 : 1;
      expect(await later).toEqual({ items: 1, newer: 0, superseded: 0, units });
      expect(await earlier).toEqual(
        {
          acknowledged: { items: 1, newer: 0, superseded: 0, units: 1 },
          replaced: { items: 1, newer: 0, superseded: 1, units: 0 },
          refused: { code: 'E_TARGET_REQUEST' },
        }[becomes],
      );
      expect(stage.sent()).toEqual(when === 'queued' ? [entryOf(pair.second)] : [pair.first, pair.second].map(entryOf));
      expect(await stage.stored()).toEqual(stage.after(pair.second));
      expect(stage.races).toEqual([]);
    },
  );

  test.each(CASES)(
    'the item writer with keyConflicts "reject" settles $pair that is $earlier',
    async ({ when, fate, becomes, suspect, ...pair }) => {
      await using stage = await openSequence(server, { keyConflicts: 'reject' });
      const { earlier, later } = await stage.play(pair, when, fate);
      if (when === 'ended') {
        stage.letPass('later');
        expect(await earlier).toEqual({ code: 'E_TARGET_REQUEST' });
        expect(await later).toEqual({ items: 1, newer: 0, superseded: 0, units: 1 });
        expect(await stage.stored()).toEqual(stage.after(pair.second));
        return;
      }
      expect(await earlier).toEqual({ code: 'E_ITEM_KEY_SHARED' });
      expect(await later).toEqual({ code: 'E_ITEM_KEY_SHARED' });
      expect(stage.told).toEqual(suspect ? [KEY_TEXT] : []);
      expect(stage.sent()).toEqual(when === 'queued' ? [] : [entryOf(pair.first)]);
      const applied = when === 'in flight' && becomes === 'acknowledged';
      if (!suspect) expect(await stage.stored()).toEqual(applied ? stage.after(pair.first) : stage.before());
      if (becomes === 'failed with the run') return;
      // Nothing of either can come after what is written now.
      stage.letPass('later');
      expect(await outcome(stage.writer.write([pair.second]))).toMatchObject({ items: 1, superseded: 0 });
      expect(await stage.stored()).toEqual(stage.after(pair.second));
      expect(stage.races).toEqual([]);
    },
  );

  test.each(PAIRS)('the item writer reports an ambiguous key where, of $pair, the first lands late', async (pair) => {
    await using stage = await openSequence(server, { keyConflicts: 'supersede' });
    const { earlier, later } = await stage.play(pair, 'in flight', { kind: 'held', sender: 'reset' });
    await stage.arrived('later');
    expect(stage.told).toEqual([KEY_TEXT]);
    stage.letPass('later');
    expect(await later).toMatchObject({ items: 1, superseded: 0 });
    expect(await earlier).toMatchObject({ items: 1, superseded: 1 });
    expect(await stage.stored()).toEqual(stage.after(pair.second));
    await stage.releaseHeld();
    // That is why it was told: the writer knows of no request that could still mend it.
    expect(await stage.stored()).toEqual(stage.after(pair.first));
  });
});
