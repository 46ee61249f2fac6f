/**
 * A bad row that is recorded under two readings of its key is one row to the backfill, whichever of them its chunk
 * counts.
 */
import { expect, test } from 'vitest';
import type { Cursor, Row } from '../../../../src/core/model.js';
import { NO_COUNTS } from '../../../../src/core/model.js';
import { NO_TARGET } from '../../../../src/core/ports/target-ports.js';
import { DiscardingWriter } from '../../../../src/engine/discarding-writer.js';
import { mapChunk } from '../../../../src/engine/pass/map-chunk.js';
import { PassProgress } from '../../../../src/engine/pass/progress.js';
import type { RetryCounts } from '../../../../src/engine/retry/retry-counts.js';
import { retryBadRows } from '../../../../src/engine/retry/retry-rows.js';
import { sampleChunk, samplePlan } from '../../../contract/state-store-samples.js';
import { chunkOf, cursorOf, EXPIRING, jobOf, mappingOf, openPlace, type Place, rowAtHand } from '../rows-at-hand.js';

const NOW = 1_800_000_000;
const mapping = mappingOf({ ttl: EXPIRING });
const good = rowAtHand(mapping, 1);
const bad = rowAtHand(mapping, 1, '');
const expired = rowAtHand(mapping, 1, 'x', NOW - 1);
const FORMER = '01' as Cursor;

interface Recorded {
  readonly cursor: Cursor;
  /** A chunk of the backfill counts it. */
  readonly counted: boolean;
  readonly itemsTaken?: number;
}

/** Row 1 is recorded in that order, with so many other rows behind each, which are gone by the retry. */
function record(place: Place, records: readonly Recorded[], between: number): void {
  place.store.plans.save(samplePlan());
  const pass = place.store.passes.open('backfill', 'messages');
  const nothing = { items: 0, expiredRows: 0, newerItems: 0, units: 0 };
  for (const [index, { cursor, counted, itemsTaken = null }] of records.entries()) {
    const last = `chunk ${index}` as Cursor;
    const [of] = mapChunk(jobOf(mapping), chunkOf(mapping, [bad], cursorOf(1)), NOW).badRows;
    if (of === undefined) throw new Error('it is bad');
    place.store.badRows.record([{ ...of, cursor, chunk: counted ? last : null, itemsTaken }]);
    if (counted) place.store.checkpoints.commit(pass, [sampleChunk({ last, rows: 1, badRows: 1, ...nothing })], []);
    const others = Array.from({ length: between }, (_, i) => rowAtHand(mapping, 100 * (index + 1) + i, ''));
    if (between > 0) place.store.badRows.record(mapChunk(jobOf(mapping), chunkOf(mapping, others, last), NOW).badRows);
  }
}

/** The row is found under either reading. */
async function retry(place: Place, row: Row): Promise<RetryCounts> {
  const job = jobOf(mapping, [row]);
  const at = async (cursors: readonly Cursor[], signal: AbortSignal) =>
    await job.source.at(
      cursors.map((cursor) => (cursor === FORMER ? cursorOf(1) : cursor)),
      signal,
    );
  const gauges = { unitsConsumed: () => 0, unitsLimit: () => 1, throttles: () => 0, retries: () => 0 };
  const progress = new PassProgress('s01', 'messages', 'backfilling', 0, NO_COUNTS, gauges);
  const parts = { writer: new DiscardingWriter(), guard: NO_TARGET, progress, now: () => NOW };
  const source = { ...job.source, at };
  return await retryBadRows(place.context, { ...job, source }, { ...parts, itemKeys: null, shardValues: null });
}

const counts = (place: Place) => place.store.passes.summary('backfill', 'messages')?.counts;

const orders = [
  { name: 'the former first', former: true, own: false, turned: false, items: 1 },
  { name: 'the former last', former: true, own: false, turned: true, items: 1 },
  { name: 'its own counted, the former first', former: false, own: true, turned: false, items: 1 },
  { name: 'its own counted, the former last', former: false, own: true, turned: true, items: 1 },
  { name: 'both counted', former: true, own: true, turned: false, items: 1 },
  { name: 'none counted', former: false, own: false, turned: false, items: 0 },
];

for (const between of [0, 12]) {
  test.each(orders.filter(({ turned }) => !turned || between === 0))(
    `retryBadRows moves and counts only once a row that is recorded twice: $name, ${between} rows between`,
    async (order) => {
      await using place = await openPlace();
      const records = [
        { cursor: FORMER, counted: order.former },
        { cursor: cursorOf(1), counted: order.own },
      ];
      record(place, order.turned ? records.reverse() : records, between);
      expect(await retry(place, good)).toMatchObject({ moved: 1, twice: 1, items: 1 });
      expect(place.store.badRows.list('messages')).toEqual([]);
      expect(counts(place)).toMatchObject({ items: order.items, badRows: 0 });
    },
  );
}

test.each([[[FORMER]], [[FORMER, cursorOf(1)]]])(
  'retryBadRows keeps counting a row recorded twice that is still bad, and adds it once it is moved: %j',
  async (cursors) => {
    await using place = await openPlace();
    record(
      place,
      cursors.map((cursor) => ({ cursor, counted: cursor === FORMER })),
      0,
    );
    expect(await retry(place, bad)).toMatchObject({ stillBad: 1 });
    expect(place.store.badRows.list('messages')).toMatchObject([
      { cursor: cursorOf(1), chunkRef: { segment: 0, chunk: 0 } },
    ]);
    expect(counts(place)).toMatchObject({ items: 0, badRows: 1 });
    expect(await retry(place, good)).toMatchObject({ moved: 1 });
    expect(counts(place)).toMatchObject({ items: 1, badRows: 0 });
  },
);

test.each([0, 12])(
  'retryBadRows reports items of the former reading where the row has expired, with %i rows between',
  async (between) => {
    await using place = await openPlace();
    record(
      place,
      [
        { cursor: FORMER, counted: true, itemsTaken: 3 },
        { cursor: cursorOf(1), counted: false },
      ],
      between,
    );
    expect(await retry(place, expired)).toMatchObject({ expired: 1, twice: 1 });
    const warnings = place.events.flatMap(({ name, payload }) => (name === 'shard.warning' ? [payload.message] : []));
    expect(warnings).toEqual([expect.stringContaining('items of theirs still in the target: 3')]);
    expect(counts(place)).toMatchObject({ expiredRows: 1, badRows: 0 });
  },
);
