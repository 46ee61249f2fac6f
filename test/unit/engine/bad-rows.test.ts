/** Bad rows: found while a chunk is mapped, kept in the book until they are moved, tried again by themselves. */
import { describe, expect, test } from 'vitest';
import { FerryError, interrupted } from '../../../src/core/errors.js';
import type { Cursor, MappedItem, Row } from '../../../src/core/model.js';
import { NO_COUNTS } from '../../../src/core/model.js';
import { NO_TARGET, type ItemWriter } from '../../../src/core/ports/target-ports.js';
import { BadRowTracker } from '../../../src/engine/pass/bad-row-tracker.js';
import { DiscardingWriter } from '../../../src/engine/discarding-writer.js';
import { mapChunk } from '../../../src/engine/pass/map-chunk.js';
import { PassProgress } from '../../../src/engine/pass/progress.js';
import { retryBadRows } from '../../../src/engine/retry/retry-rows.js';
import { samplePlan, sampleChunk } from '../../contract/state-store-samples.js';
import { DigestSum } from '../../../src/mapping/item/digest.js';
import {
  chunkOf,
  cursorOf,
  EXPIRING,
  jobOf,
  mappingOf,
  openPlace,
  type Place,
  replacedAt,
  rowAtHand,
} from './rows-at-hand.js';

const NOW = 1_800_000_000;
const mapping = mappingOf({ ttl: EXPIRING });
const good = (id: number): Row => rowAtHand(mapping, id);
const bad = (id: number): Row => rowAtHand(mapping, id, '');
const expired = (id: number): Row => rowAtHand(mapping, id, 'x', NOW - 1);

describe('mapChunk', () => {
  test('mapChunk gives items with their digest, bad rows with their reasons, and the number of expired rows', () => {
    const rows = [good(1), bad(2), expired(3), good(4), expired(5)];
    const mapped = mapChunk(jobOf(mapping), chunkOf(mapping, rows, cursorOf(5)), NOW);
    const sum = new DigestSum();
    for (const item of mapped.items) sum.add(item.text);
    expect(mapped.items.map(({ keyText }) => keyText)).toEqual([
      '{"pk":{"S":"x"},"sk":{"S":"000001"}}',
      '{"pk":{"S":"x"},"sk":{"S":"000004"}}',
    ]);
    expect([mapped.digest, mapped.expiredRows]).toEqual([sum.toString(), 2]);
    expect(mapped.badRows).toMatchObject([
      { table: 'messages', cursor: cursorOf(2), key: 'id=2', chunk: cursorOf(5), column: null },
    ]);
    mapped.release();
  });

  test('mapChunk throws an error that is not a bad value', () => {
    const broken = Object.assign(Object.create(mapping) as typeof mapping, {
      mapAt: () => {
        throw new Error('the mapping broke');
      },
    });
    expect(() => mapChunk(jobOf(broken), chunkOf(mapping, [good(1)], cursorOf(1)), NOW)).toThrow('the mapping broke');
  });
});

/** As if the target had taken so many items of them. */
function taken(place: Place, ...rows: readonly (readonly [id: number, items: number])[]): void {
  for (const [id, itemsTaken] of rows) {
    const [record] = place.store.badRows.at('messages', [cursorOf(id)]);
    if (record !== undefined) place.store.badRows.record([{ ...record, itemsTaken }]);
  }
}

function leftBehind(place: Place): readonly string[] {
  return place.events.flatMap(({ name, payload }) =>
    name === 'shard.warning'
      ? [/(gone|expired).*; items of theirs .*: (\d+)/.exec(payload.message)?.slice(1).join(' ') ?? '']
      : [],
  );
}

describe('BadRowTracker', () => {
  function update(place: Place, book: BadRowTracker, rows: readonly Row[], unmoved: readonly Cursor[] = []): string[] {
    const chunk = chunkOf(mapping, rows, cursorOf(9));
    book.update(chunk, mapChunk(jobOf(mapping), chunk, NOW).badRows, new Set(unmoved), NOW);
    return place.store.badRows
      .list('messages')
      .map(({ cursor }) => cursor)
      .sort();
  }

  test('BadRowTracker records a row while it is bad, and forgets it once it was mended and moved, not before', async () => {
    await using place = await openPlace();
    const book = new BadRowTracker(place.context, jobOf(mapping));
    expect(update(place, book, [good(1), bad(2), bad(3)])).toEqual(['2', '3']);
    expect(update(place, book, [bad(4)])).toEqual(['2', '3', '4']);
    expect(update(place, book, [good(2), bad(3)], [cursorOf(2)])).toEqual(['2', '3', '4']);
    expect(update(place, book, [good(2), bad(3)])).toEqual(['3', '4']);
    expect(update(place, book, [bad(2)])).toEqual(['2', '3', '4']);
    expect(update(place, book, [good(2), good(1)])).toEqual(['3', '4']);
  });

  test('BadRowTracker knows the bad rows of earlier runs', async () => {
    await using place = await openPlace();
    update(place, new BadRowTracker(place.context, jobOf(mapping)), [bad(2), bad(3)]);
    expect(update(place, new BadRowTracker(place.context, jobOf(mapping)), [good(2)])).toEqual(['3']);
  });

  test('BadRowTracker of a table that is read whole drops those that are not bad in it', async () => {
    await using place = await openPlace();
    const whole = jobOf(mapping, [], null);
    const book = new BadRowTracker(place.context, whole);
    update(place, book, [bad(2), bad(3)]);
    expect(update(place, book, [bad(3), good(7)])).toEqual(['3']);
  });
});

test('BadRowTracker reports items left in the target of rows that a pass goes over and does not write', async () => {
  await using place = await openPlace();
  const see = (job: ReturnType<typeof jobOf>, rows: readonly Row[]): void => {
    const chunk = chunkOf(mapping, rows, cursorOf(9));
    new BadRowTracker(place.context, job).update(chunk, mapChunk(job, chunk, NOW).badRows, new Set(), NOW);
  };
  const [job, whole] = [jobOf(mapping), jobOf(mapping, [], null)];
  see(job, [bad(1), bad(2), bad(3), bad(4)]);
  taken(place, [1, 1], [2, 2], [3, 4], [4, 8]);
  see(job, [good(1), expired(2)]);
  expect(leftBehind(place)).toEqual(['expired 2']);
  see(whole, [bad(4)]);
  expect(leftBehind(place)).toEqual(['expired 2', 'gone 4']);
  expect(place.store.badRows.list('messages')).toMatchObject([{ cursor: cursorOf(4), itemsTaken: 8 }]);
});

describe('DiscardingWriter', () => {
  test('DiscardingWriter acknowledges all, and says what it would have cost', async () => {
    const writer = new DiscardingWriter();
    await writer.waitForRoom();
    const chunk = chunkOf(mapping, [good(1), rowAtHand(mapping, 2, 'x'.repeat(1_200))], cursorOf(2));
    const { items } = mapChunk(jobOf(mapping), chunk, NOW);
    expect(await writer.write(items)).toEqual({ items: 2, newer: 0, superseded: 0, units: 4 });
    expect(await writer.write([])).toEqual({ items: 0, newer: 0, superseded: 0, units: 0 });
    await writer.close();
  });
});

describe('retryBadRows', () => {
  class Writer extends DiscardingWriter implements ItemWriter {
    readonly written: string[][] = [];
    newer = 0;
    override async write(items: readonly MappedItem[]) {
      this.written.push(items.map(({ keyText }) => keyText));
      return { ...(await super.write(items)), newer: this.newer };
    }
  }
  const gauges = { unitsConsumed: () => 0, unitsLimit: () => 1, throttles: () => 0, retries: () => 0 };

  async function retried(place: Place, rows: readonly Row[], writer = new Writer(), guard = NO_TARGET) {
    const progress = new PassProgress('s01', 'messages', 'backfilling', 0, NO_COUNTS, gauges);
    const parts = { writer, guard, progress, now: () => NOW, itemKeys: null, shardValues: null };
    const counts = await retryBadRows(place.context, jobOf(mapping, rows), parts);
    return { counts, progress: progress.counts, writer };
  }

  /** Rows that the only chunk of a backfill counts as bad. */
  function recorded(place: Place, ...ids: readonly number[]): void {
    const last = cursorOf(ids.at(-1) ?? 0);
    place.store.plans.save(samplePlan());
    const pass = place.store.passes.open('backfill', 'messages');
    place.store.badRows.record(mapChunk(jobOf(mapping), chunkOf(mapping, ids.map(bad), last), NOW).badRows);
    const nothing = { items: 0, expiredRows: 0, newerItems: 0, units: 0 };
    place.store.checkpoints.commit(
      pass,
      [sampleChunk({ last, rows: ids.length, badRows: ids.length, ...nothing })],
      [],
    );
  }

  test('retryBadRows counts moved, gone, expired and still bad rows apart, and keeps and reports those still bad', async () => {
    await using place = await openPlace();
    recorded(place, 1, 2, 3, 4, 5);
    const writer = new Writer();
    writer.newer = 1;
    const { counts, progress } = await retried(place, [good(1), good(2), expired(3), bad(4)], writer);
    expect(counts).toEqual({
      rows: 5,
      moved: 2,
      items: 2,
      gone: 1,
      twice: 0,
      expired: 1,
      stillBad: 1,
      newerItems: 1,
      units: 2,
    });
    expect(progress).toEqual({
      rows: 5,
      items: 2,
      badRows: 1,
      expiredRows: 1,
      expiredItems: 0,
      newerItems: 1,
      chunks: 1,
      units: 2,
    });
    expect(place.store.badRows.list('messages')).toMatchObject([
      { cursor: cursorOf(4), key: 'id=4', chunk: cursorOf(5) },
    ]);
    expect(place.events).toMatchObject([
      { name: 'row.rejected', payload: { shard: 's01', table: 'messages', column: null } },
    ]);
  });

  test('retryBadRows does not add rows to the backfill that no chunk counts as bad', async () => {
    await using place = await openPlace();
    recorded(place, 1, 2);
    const later = chunkOf(mapping, [bad(3)], cursorOf(3));
    place.store.badRows.record(mapChunk(jobOf(mapping), later, NOW).badRows);
    const { counts } = await retried(place, [good(1), good(2), good(3)]);
    expect(counts).toMatchObject({ rows: 3, moved: 3, items: 3 });
    expect(place.store.badRows.list('messages')).toEqual([]);
    expect(place.store.passes.summary('backfill', 'messages')?.counts).toMatchObject({ items: 2, badRows: 0 });
  });

  test('retryBadRows throws a failure of the source as it is, and leaves every row recorded', async () => {
    await using place = await openPlace();
    recorded(place, 1, 2);
    const job = jobOf(mapping, [good(1), good(2)]);
    const fault = new FerryError('E_SOURCE_LOST', 'the source is gone', 'bring it back');
    const source = { ...job.source, at: () => Promise.reject(fault) };
    const progress = new PassProgress('s01', 'messages', 'backfilling', 0, NO_COUNTS, gauges);
    const writer = new Writer();
    const parts = { writer, guard: NO_TARGET, progress, now: () => NOW, itemKeys: null, shardValues: null };
    await expect(retryBadRows(place.context, { ...job, source }, parts)).rejects.toBe(fault);
    expect([writer.written, place.store.badRows.list('messages').length]).toEqual([[], 2]);
  });

  test('retryBadRows tries rows that are too large together one by one, and keeps and reports one too large by itself', async () => {
    await using place = await openPlace();
    recorded(place, 1, 2, 3);
    const job = jobOf(mapping, [good(1), good(2), good(3)]);
    const asked: (readonly Cursor[])[] = [];
    const at = (cursors: readonly Cursor[]): ReturnType<typeof job.source.at> => {
      asked.push(cursors);
      const tooLarge = new FerryError('E_ROW_TOO_LARGE', 'larger than the machine can take', 'h');
      const refused = cursors.length > 1 || cursors.includes(cursorOf(2));
      return refused ? Promise.reject(tooLarge) : job.source.at(cursors, place.context.signal);
    };
    const progress = new PassProgress('s01', 'messages', 'backfilling', 0, NO_COUNTS, gauges);
    const parts = { guard: NO_TARGET, progress, now: () => NOW, itemKeys: null, shardValues: null };
    const source = { ...job.source, at };
    const counts = await retryBadRows(place.context, { ...job, source }, { ...parts, writer: new Writer() });
    expect(asked).toEqual([[1, 2, 3], [1], [2], [3]].map((ids) => ids.map(cursorOf)));
    expect(counts).toMatchObject({ rows: 3, moved: 2, items: 2, stillBad: 1, gone: 0 });
    expect(place.store.badRows.list('messages')).toMatchObject([{ cursor: cursorOf(2), number: 2 }]);
    expect(place.events.map(({ name, payload }) => [name, payload])).toEqual([
      [
        'shard.warning',
        expect.objectContaining({ code: 'E_ROW_TOO_LARGE', message: expect.stringContaining('#2 could') as string }),
      ],
    ]);
  });

  test('retryBadRows tries a row once that is recorded under two readings, and keeps it under its own alone', async () => {
    await using place = await openPlace();
    recorded(place, 1);
    const [first] = place.store.badRows.list('messages');
    if (first === undefined) throw new Error('one was recorded');
    place.store.badRows.record([{ ...first, cursor: '01' as Cursor }]);
    const job = jobOf(mapping, [bad(1)]);
    const source = { ...job.source, at: (cursors: readonly Cursor[]) => Promise.resolve(cursors.map(() => bad(1))) };
    const progress = new PassProgress('s01', 'messages', 'backfilling', 0, NO_COUNTS, gauges);
    const parts = {
      writer: new Writer(),
      guard: NO_TARGET,
      progress,
      now: () => NOW,
      itemKeys: null,
      shardValues: null,
    };
    const counts = await retryBadRows(place.context, { ...job, source }, parts);
    expect(counts).toMatchObject({ rows: 2, gone: 0, twice: 1, stillBad: 1 });
    expect(place.store.badRows.list('messages')).toMatchObject([{ cursor: cursorOf(1) }]);
  });

  test('retryBadRows tries the other reading of a key in its turn, and leaves nothing of it behind', async () => {
    await using place = await openPlace();
    const ids = Array.from({ length: 12 }, (_, index) => index + 2);
    recorded(place, 1);
    const [first] = place.store.badRows.list('messages');
    if (first === undefined) throw new Error('one was recorded');
    place.store.badRows.forget('messages', [first.cursor]);
    place.store.badRows.record([{ ...first, cursor: '01' as Cursor, itemsTaken: 2 }]);
    const last = cursorOf(13);
    const chunk = chunkOf(mapping, [...ids, 1].map(bad), last);
    place.store.badRows.record(mapChunk(jobOf(mapping), chunk, NOW).badRows);
    const job = jobOf(mapping, [...ids, 1].map(good));
    const at = async (cursors: readonly Cursor[], signal: AbortSignal) =>
      await job.source.at(
        cursors.map((cursor) => (cursor === '01' ? cursorOf(1) : cursor)),
        signal,
      );
    const progress = new PassProgress('s01', 'messages', 'backfilling', 0, NO_COUNTS, gauges);
    const writer = new Writer();
    const parts = { writer, guard: NO_TARGET, progress, now: () => NOW, itemKeys: null, shardValues: null };
    const counts = await retryBadRows(place.context, { ...job, source: { ...job.source, at } }, parts);
    expect(counts).toMatchObject({ rows: 14, moved: 13, items: 13, gone: 0, twice: 1 });
    expect(leftBehind(place)).toEqual([]);
    expect(place.store.badRows.list('messages')).toEqual([]);
  });

  test('retryBadRows reports items taken of rows that are gone or expired, and keeps or replaces those of others', async () => {
    await using place = await openPlace();
    recorded(place, 1, 2, 3, 4);
    taken(place, [1, 1], [2, 2], [3, 4], [4, 8]);
    await retried(place, [expired(1), bad(3), good(4)]);
    expect(leftBehind(place)).toEqual(['gone 2', 'expired 1']);
    expect(place.store.badRows.list('messages')).toMatchObject([{ cursor: cursorOf(3), itemsTaken: 4 }]);
  });

  test('retryBadRows records a key that has another reading by now under the new reading alone', async () => {
    await using place = await openPlace();
    recorded(place, 1);
    const [first] = place.store.badRows.list('messages');
    if (first === undefined) throw new Error('one was recorded');
    place.store.badRows.forget('messages', [first.cursor]);
    place.store.badRows.record([{ ...first, cursor: '01' as Cursor, itemsTaken: 3 }]);
    const job = jobOf(mapping, [bad(1)]);
    const source = { ...job.source, at: () => Promise.resolve([bad(1)]) };
    const progress = new PassProgress('s01', 'messages', 'backfilling', 0, NO_COUNTS, gauges);
    const parts = {
      writer: new Writer(),
      guard: NO_TARGET,
      progress,
      now: () => NOW,
      itemKeys: null,
      shardValues: null,
    };
    expect(await retryBadRows(place.context, { ...job, source }, parts)).toMatchObject({ rows: 1, stillBad: 1 });
    expect(place.store.badRows.list('messages')).toMatchObject([{ cursor: cursorOf(1), itemsTaken: 3 }]);
  });

  test('retryBadRows writes ten rows at a time, each once', async () => {
    await using place = await openPlace();
    const ids = Array.from({ length: 23 }, (_, i) => i + 1);
    recorded(place, ...ids);
    const { counts, writer } = await retried(place, ids.map(good));
    expect(counts).toMatchObject({ rows: 23, moved: 23, items: 23, units: 23 });
    expect(writer.written.map(({ length }) => length)).toEqual([10, 10, 3]);
    expect(new Set(writer.written.flat()).size).toBe(23);
    expect(place.store.badRows.list('messages')).toEqual([]);
  });

  test('retryBadRows writes nothing where nothing is left of a row', async () => {
    await using place = await openPlace();
    recorded(place, 1);
    const { counts, writer } = await retried(place, []);
    expect(counts).toMatchObject({ rows: 1, gone: 1, items: 0, units: 0 });
    expect(writer.written).toEqual([]);
    expect(place.store.badRows.list('messages')).toEqual([]);
  });

  test('retryBadRows leaves rows recorded when it could not write them', async () => {
    await using place = await openPlace();
    recorded(place, 1, 2);
    const writer = new Writer();
    writer.write = () => Promise.reject(new Error('refused'));
    await expect(retried(place, [good(1), good(2)], writer)).rejects.toThrow('refused');
    expect(place.store.badRows.list('messages').length).toBe(2);
  });

  test('retryBadRows goes no further once it is interrupted', async () => {
    await using place = await openPlace();
    recorded(place, 1);
    const context = { ...place.context, signal: AbortSignal.abort() };
    await expect(retried({ ...place, context }, [good(1)])).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    expect(place.store.badRows.list('messages').length).toBe(1);
  });

  test('retryBadRows ends when interrupted while a table throttles its items, which stay recorded', async () => {
    await using place = await openPlace();
    recorded(place, 1, 2);
    const stop = new AbortController();
    let refuse = (_: Error): void => undefined;
    const writer = new Writer();
    writer.write = () => {
      setImmediate(() => stop.abort());
      return new Promise((_, reject) => (refuse = reject));
    };
    // As the real one: what waits is given up.
    writer.close = () => {
      refuse(interrupted());
      return Promise.resolve();
    };
    const context = { ...place.context, signal: stop.signal };
    await expect(retried({ ...place, context }, [good(1), good(2)], writer)).rejects.toMatchObject({
      code: 'E_INTERRUPTED',
    });
    expect(place.store.badRows.list('messages').length).toBe(2);
  }, 2_000);

  test('retryBadRows settles nothing in a table that took the place of the first, and fails with E_TARGET_GONE', async () => {
    await using place = await openPlace();
    recorded(place, 1);
    const gone = { code: 'E_TARGET_GONE' };
    await expect(retried(place, [good(1)], new Writer(), replacedAt(1))).rejects.toMatchObject(gone);
    expect(place.store.badRows.list('messages').length).toBe(1);
    await expect(retried(place, [good(1)], new Writer(), replacedAt(Infinity))).rejects.toMatchObject(gone);
  });

  test('retryBadRows throws an error that is not a bad value', async () => {
    await using place = await openPlace();
    recorded(place, 1);
    const broken = Object.assign(Object.create(mapping) as typeof mapping, {
      map: () => {
        throw new Error('the mapping broke');
      },
    });
    const progress = new PassProgress('s01', 'messages', 'backfilling', 0, NO_COUNTS, gauges);
    const parts = { writer: new Writer(), guard: NO_TARGET, progress, now: () => NOW };
    const run = retryBadRows(place.context, jobOf(broken, [good(1)]), { ...parts, itemKeys: null, shardValues: null });
    await expect(run).rejects.toThrow('the mapping broke');
    expect(place.store.badRows.list('messages').length).toBe(1);
  });
});
