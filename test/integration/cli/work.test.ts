/**
 * What a backfill asks of the target, counted and not timed: full batches, each item once, nothing on the wire but the
 * items.
 */
import { expect, it } from 'vitest';
import { startFaultProxy } from '../../support/fault-proxy.js';
import { createMigration, onePair } from '../../support/migration.js';

const ROWS = 4_000;
const ITEMS = 2 * ROWS;
const BATCH = 25;
/** The end of a table, and moments when the queue is short. */
const PARTLY_FILLED = 1.1;
/** `{"PutRequest":{"Item":}},` around each item, and a share of what is around a batch. */
const BYTES_AROUND_AN_ITEM = 30;

it.each(onePair)('a backfill from $name sends full batches and nothing else', { timeout: 120_000 }, async (servers) => {
  await using proxy = await startFaultProxy(servers.dynamodb.endpoint, () => ({ kind: 'pass' }));
  await using migration = await createMigration({
    servers,
    rows: ROWS,
    config: ({ source }) => {
      source.limits = {};
    },
  });
  const result = await migration.run(['backfill', '--all', '--json'], {
    env: { AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint },
  });
  expect(result.code).toBe(0);
  const writes = proxy.requests.filter(({ operation }) => operation === 'BatchWriteItem');
  const items = writes.flatMap(({ entries }) => entries);
  expect(items).toHaveLength(ITEMS);
  expect(writes.length).toBeLessThan((ITEMS / BATCH) * PARTLY_FILLED);
  const bytes = writes.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0);
  const itemBytes = items.reduce((sum, item) => sum + Buffer.byteLength(item), 0);
  expect(bytes - itemBytes).toBeLessThan(ITEMS * BYTES_AROUND_AN_ITEM);
});
