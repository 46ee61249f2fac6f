/**
 * Moments that something rests on are those before the reading that they are about: when rows were read, by which an
 * application's tombstone outlives them; and when items were, by which a suspect is settled.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Instant } from '../../../src/core/time/age.js';
import { LATE_WRITE_WINDOW_MS } from '../../../src/core/time/late-writes.js';
import type { RowSource } from '../../../src/core/ports/source-ports.js';
import type { ItemReader } from '../../../src/core/ports/target-ports.js';
import type { RowChunk } from '../../../src/core/row-block.js';
import { DiscardingWriter } from '../../../src/engine/discarding-writer.js';
import { SuspectCheck } from '../../../src/engine/verify/suspect-check.js';
import { onePair } from '../../support/migration.js';
import { rule } from '../../unit/mapping/tables.js';
import { sampleBadRow } from '../../contract/state-store-samples.js';
import { altered, cursor, openTableWork, withSource } from './table-work.js';

const SQL = [
  'CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL)',
  'INSERT INTO t VALUES (1, 1), (2, 2), (3, 3), (4, 4), (5, 5)',
];
const ITEM = rule('T', '{id:pad(10)}', { attributes: { columns: ['n'] } });

/** A writer that says what it was told of when the rows were read, and makes everybody wait first. */
function listening(): { readonly writer: DiscardingWriter; readonly told: readonly (Instant | undefined)[] } {
  const told: (Instant | undefined)[] = [];
  const writer = altered(new DiscardingWriter(), {
    waitForRoom: () => sleep(20),
    write: (items, readAt?: Instant) => {
      told.push(readAt);
      return Promise.resolve({ items: items.length, newer: 0, superseded: 0, units: 0 });
    },
  });
  return { writer, told };
}

describe.each(onePair)('when rows were read: $name', { timeout: 60_000 }, (servers) => {
  it('a backfill passes the read time of each chunk to the writer as the source gave it', async () => {
    await using work = await openTableWork({ servers, sql: SQL, items: [ITEM], chunkRows: 2 });
    const chunks: RowChunk[] = [];
    const scan: RowSource['scan'] = async function* (range, after, signal): AsyncIterable<RowChunk> {
      for await (const chunk of work.job.source.scan(range, after, signal)) {
        chunks.push(chunk);
        yield chunk;
      }
    };
    const { writer, told } = listening();
    await work.backfill({ job: withSource(work.job, { scan }), writer });
    expect(chunks.length).toBeGreaterThan(1);
    expect(told).toEqual(chunks.map(({ readAt }) => readAt));
    for (const moment of told) expect(Object.keys(moment ?? {})).toEqual(['wall', 'monotonic']);
  });

  it('a retry takes the read time of its rows before it reads them', async () => {
    await using work = await openTableWork({ servers, sql: SQL, items: [ITEM] });
    await work.backfill({ writer: new DiscardingWriter() });
    const bad = sampleBadRow({ table: 't', column: 'n', key: 'id=1', chunk: null });
    work.store.badRows.record([{ ...bad, cursor: cursor('1') }]);
    let askedAt = 0;
    const at: RowSource['at'] = async (cursors, signal) => {
      askedAt = performance.now();
      await sleep(20);
      return await work.job.source.at(cursors, signal);
    };
    const { writer, told } = listening();
    expect(await work.retry({ job: withSource(work.job, { at }), writer })).toMatchObject({ moved: 1 });
    expect(told.length).toBe(1);
    expect(told[0]?.monotonic).toBeGreaterThan(0);
    expect(told[0]?.monotonic).toBeLessThanOrEqual(askedAt);
  });
});

describe.each(onePair)('a suspect: $name', { timeout: 60_000 }, (servers) => {
  it('a verification closes a suspect only with items that it read after the window of late writes', async () => {
    await using work = await openTableWork({ servers, sql: SQL, items: [ITEM] });
    await work.backfill();
    const keyText = '{"pk":{"S":"T"},"sk":{"S":"0000000003"}}';
    const since = 1_000;
    work.store.ambiguousWrites.add([{ itemKey: keyText, since }]);
    let now = since + LATE_WRITE_WINDOW_MS - 1;
    /** The window ends while the items are on their way. */
    const read: ItemReader['read'] = async (items, signal) => {
      const found = await work.target.reader.read(items, signal);
      now += 1;
      return found;
    };
    const suspects = new SuspectCheck(work.store, () => now);
    await work.verify({ reader: altered(work.target.reader, { read }), suspects });
    expect(suspects.open).toBe(1);
    expect(work.store.ambiguousWrites.all()).toMatchObject([{ itemKey: keyText }]);
    await work.verify({ suspects: new SuspectCheck(work.store, () => now) });
    expect(work.store.ambiguousWrites.all()).toEqual([]);
  });
});
