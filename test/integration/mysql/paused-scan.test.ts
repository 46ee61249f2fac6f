/**
 * A SELECT is paused while its consumer is busy, and its connection is lost meanwhile: the scan goes on behind the last
 * chunk given, and no permit to run a statement is lost with it. With one permit, a lost one is a scan that stands
 * still for ever.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Range } from '../../../src/core/model.js';
import type { RowChunk } from '../../../src/core/row-block.js';
import { createDatabase, mysqlServers, type TestDatabase } from '../../support/mysql.js';
import { openSource, openTable } from './source.js';

const EVERYTHING: Range = { index: 0, after: null, upTo: null, estimatedRows: 0 };
/** A chunk is some rows, and a SELECT many chunks: it is paused most of the time. */
const PAUSING = { scansPerServer: 1, chunkBytes: 65_536, statementIdleTimeoutSeconds: 5, retryTimeoutSeconds: 30 };

const ids = (chunks: readonly RowChunk[]): number[] => chunks.flatMap(({ rows }) => rows.map(([id]) => Number(id)));
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

async function fill(database: TestDatabase, rows: number, bytes: number): Promise<void> {
  await database.query('CREATE TABLE t (id INT PRIMARY KEY, body LONGTEXT)');
  const values = numbers(rows).map((id) => `(${id}, REPEAT('x', ${bytes}))`);
  await database.query(`INSERT INTO t VALUES ${values.join()}`);
}

async function killOthers(database: TestDatabase): Promise<void> {
  const others = await database.query(
    'SELECT id AS id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()',
  );
  for (const { id } of others) await database.query(`KILL ${String(id)}`).catch(() => undefined);
}

describe.each(mysqlServers)('$name', { timeout: 60_000 }, (server) => {
  test('concurrent scans share one permit and read all rows, though their connections are killed', async () => {
    const signal = AbortSignal.timeout(50_000);
    await using database = await createDatabase(server);
    await fill(database, 120, 100_000);
    await using shard = openSource(database.shard(), PAUSING);
    const source = await openTable(shard, 't', ['id', 'body']);
    const ranges = await source.planRanges(2, signal);
    const killing = { on: true };
    const killer = (async () => {
      while (killing.on) {
        await sleep(400);
        await killOthers(database);
      }
    })();
    const scans = [EVERYTHING, EVERYTHING, ...ranges].map(async (range) => {
      const chunks: RowChunk[] = [];
      for await (const chunk of source.scan(range, null, signal)) {
        chunks.push(chunk);
        if (chunks.length === 60) killing.on = false;
        await sleep(30);
      }
      return ids(chunks);
    });
    const [first, second, ...parts] = await Promise.all(scans);
    killing.on = false;
    await killer;
    expect(first).toEqual(numbers(120));
    expect(second).toEqual(numbers(120));
    expect(parts.flat()).toEqual(numbers(120));
  });
});
