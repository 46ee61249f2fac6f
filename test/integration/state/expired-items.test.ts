/**
 * A file of an earlier version: its verifications took whatever was past its time for present, so they prove nothing
 * any more.
 */
import { expect, test } from 'vitest';
import { createDatabase } from '../../../src/state/sqlite/database.js';
import { shardFiles } from '../../../src/state/sqlite/files.js';
import { openStateStore } from '../../../src/state/open.js';
import { readShardStatus } from '../../../src/state/status/read-status.js';
import { STATE } from '../../../src/state/sqlite/schema.js';
import { sampleChunk } from '../../contract/state-store-samples.js';
import { temporaryFolder } from '../../support/temporary.js';

/** A file as the version before had it, with a backfill and a verification of two chunks. */
function earlier(folder: string, ttl: string): void {
  const before = STATE.migrations.findIndex((sql) => sql.includes('expired_items'));
  createDatabase(shardFiles(folder, 's01'), { ...STATE, migrations: STATE.migrations.slice(0, before) }, (database) => {
    const digest = sampleChunk().sourceDigest;
    database.exec(`
      INSERT INTO meta (only, shard, created_at, fingerprint) VALUES (1, 's01', 1, '{"mapping":{"logs":{"items":[{"ttl":${ttl}}]}}}');
      INSERT INTO plans (table_name, scan_key, planned_at) VALUES ('logs', 'PRIMARY', 1);
      INSERT INTO ranges (table_name, range_index, estimated_rows) VALUES ('logs', 0, 10);
      INSERT INTO passes (id, kind, table_name, started_at, finished_at) VALUES (1, 'backfill', 'logs', 1, 2), (2, 'verify', 'logs', 3, 4);
      INSERT INTO pass_ranges (pass, range_index, watermark, complete, chunks, rows, items)
        VALUES (1, 0, 'a', 1, 1, 10, 10), (2, 0, 'a', 1, 1, 10, 10);
      INSERT INTO chunks (pass, range_index, sequence, last, rows, items, bad_rows, expired_rows, units, source_digest, target_digest,
                          missing, differing, unresolved, done_at)
        VALUES (1, 0, 0, 'a', 10, 10, 0, 0, 1, '${digest}', NULL, 0, 0, 0, 2),
               (2, 0, 0, 'a', 10, 10, 0, 0, 1, '${digest}', '${digest}', 0, 0, 0, 4);
    `);
  });
}

test.each([
  ['with TTL is distrusted', '{"attribute":"ttl"}', 'backfilled'],
  ['without TTL holds', 'null', 'verified'],
])('an upgraded state file says that a verification of a mapping %s', async (_, ttl, phase) => {
  await using folder = await temporaryFolder();
  earlier(folder.path, ttl);
  const store = openStateStore({ folder: folder.path, shard: 's01', create: false });
  expect(readShardStatus({ folder: folder.path, shard: 's01' })?.phase).toBe(phase);
  expect(store.passes.summary('backfill', 'logs')?.counts).toMatchObject({ rows: 10, items: 10, expiredItems: 0 });
  expect(store.passes.open('verify', 'logs').id).toBe(3);
  store.close();
});
