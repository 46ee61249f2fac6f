/**
 * What a row costs, counted and not timed, so that it fails on any machine: bytes that the mapping allocates on the
 * JavaScript heap. They are what the garbage collector works for, and each string or object made for a cell shows in
 * them at once.
 */
import { Session } from 'node:inspector';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { rows as postflightRows } from '../../../fixtures/postflight/generate.js';
import type { Cell, MappedItem } from '../../../src/core/model.js';
import { RowBlock, transportOf } from '../../../src/core/row-block.js';
import { ItemBuffer } from '../../../src/mapping/item/item-buffer.js';
import { ItemBufferPool } from '../../../src/mapping/item/item-buffer-pool.js';
import { column, compile, rule, table } from './tables.js';

const ROWS = 1_000;
const ROUNDS = 20;
/** Measured: 330; with a text of each key 810, with a string for each text cell 700. */
const MOST_BYTES_A_ROW = 400;
const SAMPLED_EVERY_BYTES = 256;
const LOOKS = 10;
const LOOK_EVERY_MS = 50;

const ascii = (name: string, definition: string) => column(name, definition, { charset: 'ascii' });
const MESSAGES = table({
  account_sid: ascii('account_sid', 'char(34)'),
  sid: ascii('sid', 'char(34)'),
  direction: ascii('direction', "enum('inbound','outbound-api','outbound-reply')"),
  from_number: ascii('from_number', 'varchar(64)'),
  to_number: ascii('to_number', 'varchar(64)'),
  body: 'varchar(1600)',
  status: ascii('status', "enum('queued','sent')"),
  num_segments: 'tinyint unsigned',
  num_media: 'tinyint unsigned',
  price: 'decimal(10,5)',
  price_unit: ascii('price_unit', 'char(3)'),
  error_code: 'int',
  error_message: 'varchar(255)',
  created_at: 'datetime(6)',
  sent_at: 'datetime(3)',
  updated_at: 'timestamp(6)',
  flags: 'bit(8)',
  media: 'text',
});

/** Bytes allocated on the heap by `work`, what was collected meanwhile included. */
function allocatedBy(work: () => void): number {
  const session = new Session();
  session.connect();
  const allocated = { bytes: 0 };
  session.post('HeapProfiler.startSampling', {
    samplingInterval: SAMPLED_EVERY_BYTES,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  });
  work();
  session.post('HeapProfiler.stopSampling', (error, { profile }) => {
    if (error !== null) throw error;
    const nodes = [profile.head];
    for (const node of nodes) {
      allocated.bytes += node.selfSize;
      nodes.push(...node.children);
    }
  });
  session.disconnect();
  return allocated.bytes;
}

it(`a row of 18 columns is mapped with at most ${MOST_BYTES_A_ROW} bytes of garbage`, () => {
  const mapping = compile(
    MESSAGES,
    rule('ACCT#{account_sid}', '{created_at:iso}#{sid}', {
      attributes: { columns: 'all', add: { entity: { kind: 'constant', value: 'message' } } },
      ttl: { attribute: 'expires_at', column: 'created_at', retentionSeconds: 400 * 86_400, expired: 'keep' },
    }),
  );
  const made = [
    ...postflightRows({ seed: 1, shard: 0, shards: 1, count: ROWS, now: new Date('2026-01-01T00:00:00Z') }),
  ];
  // In key order, as a scan gives them: one account's rows follow one another.
  made.sort((a, b) => (a.account_sid < b.account_sid ? -1 : 1));
  const cells = made.map((row) =>
    mapping.columns.map((name): Cell => {
      const value = row[name as keyof typeof row];
      return name === 'flags' ? Buffer.from([Number(value)]) : value === null ? null : String(value);
    }),
  );
  const block = RowBlock.of(cells, MESSAGES.columns.map(transportOf));
  const pool = new ItemBufferPool();
  const mapAll = (): void => {
    const out = new ItemBuffer(pool);
    const items: MappedItem[] = [];
    for (let row = 0; row < block.length; row += 1) mapping.mapAt(block, row, items, { now: 0 }, out);
    expect(items).toHaveLength(ROWS);
    out.release();
  };
  for (let round = 0; round < ROUNDS; round += 1) mapAll();
  const bytes = allocatedBy(() => {
    for (let round = 0; round < ROUNDS; round += 1) mapAll();
  });
  // No figure at all would pass as well.
  expect(bytes / (ROUNDS * ROWS)).toBeGreaterThan(100);
  expect(bytes / (ROUNDS * ROWS)).toBeLessThan(MOST_BYTES_A_ROW);
});

it('rows that verify maps one by one, again and again, leave no memory behind', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const mapping = compile(table({ id: 'int', body: 'text' }), rule('{id}', null, { attributes: { columns: 'all' } }));
  /** What stays held: V8 gives buffers back beside the program, some time after it found them dead. */
  const held = async (): Promise<number> => {
    let least = Infinity;
    for (let look = 0; look < LOOKS; look += 1) {
      collect();
      await sleep(LOOK_EVERY_MS);
      least = Math.min(least, process.memoryUsage().arrayBuffers);
    }
    return least;
  };
  const body = 'x'.repeat(10_000);
  const mapRows = (): void => {
    for (let id = 0; id < 4_000; id += 1) mapping.map([String(id), body], [], { now: 0 });
  };
  mapRows();
  const before = await held();
  mapRows();
  // 40 MB were written.
  expect((await held()) - before).toBeLessThan(8 * 2 ** 20);
});
