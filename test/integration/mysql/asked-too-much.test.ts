/**
 * SELECTs that fail for their time or size: the next one asks for fewer rows, and the scan goes on where the same
 * SELECT again would fail until patience ends. Time in which the consumer is waited for is not the source's fault.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { EventBus } from '../../../src/core/event-bus.js';
import type { EventMap } from '../../../src/core/events.js';
import type { Range } from '../../../src/core/model.js';
import { createDatabase, mysqlServers, type TestDatabase } from '../../support/mysql.js';
import { startMysqlProxy } from '../../support/mysql-proxy.js';
import { ownMysqlKinds, startOwnMysql } from '../../support/own-mysql.js';
import { openSource, openTable } from './source.js';

const EVERYTHING: Range = { index: 0, after: null, upTo: null, estimatedRows: 0 };
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

async function fill(database: TestDatabase, rows: number, bytes = 1): Promise<void> {
  await database.query('CREATE TABLE t (id INT PRIMARY KEY, body LONGTEXT)');
  for (let from = 0; from < rows; from += 1_000) {
    const values = numbers(Math.min(1_000, rows - from)).map((i) => `(${from + i}, REPEAT('x', ${bytes}))`);
    await database.query(`INSERT INTO t VALUES ${values.join()}`);
  }
}

function retries(): { readonly bus: EventBus; readonly events: EventMap['source.retried'][] } {
  const bus = new EventBus();
  const events: EventMap['source.retried'][] = [];
  bus.on('source.retried', (event) => events.push(event));
  return { bus, events };
}

describe.each(mysqlServers)('$name', { timeout: 60_000 }, (server) => {
  test.each([
    { form: 'all rows', where: null },
    { form: 'rows of a condition', where: 'id % 2 >= 0' },
  ])('a scan asks for fewer rows after an answer that breaks the connection midway: $form', async ({ where }) => {
    await using database = await createDatabase(server);
    await fill(database, 300, 10_000);
    await using proxy = await startMysqlProxy(server);
    proxy.breakAnswersOver(200_000);
    const { bus, events } = retries();
    const shard = { ...database.shard(), port: proxy.port };
    await using source = openSource(shard, { chunkRows: 100, chunkBytes: 4_000_000, retryTimeoutSeconds: 8 }, bus);
    const table = await openTable(source, 't', ['id', 'body'], where);
    const seen: number[] = [];
    for await (const { rows } of table.scan(EVERYTHING, null, AbortSignal.timeout(50_000)))
      seen.push(...rows.map(([id]) => Number(id)));
    expect(seen).toEqual(numbers(300));
    expect(events.length).toBeGreaterThan(0);
    expect(events.length).toBeLessThan(12);
  });

  test('a scan does not count the time in which it waits for its consumer as patience', async () => {
    await using database = await createDatabase(server);
    await fill(database, 120, 1_000);
    await using proxy = await startMysqlProxy(server);
    const { bus, events } = retries();
    const limits = { chunkRows: 12, chunkBytes: 5_000, retryTimeoutSeconds: 2, scansPerServer: 1 };
    await using source = openSource({ ...database.shard(), port: proxy.port }, limits, bus);
    const table = await openTable(source, 't', ['id', 'body']);
    const seen: number[] = [];
    for await (const { rows } of table.scan(EVERYTHING, null, AbortSignal.timeout(50_000))) {
      const first = seen.length === 0;
      seen.push(...rows.map(([id]) => Number(id)));
      if (!first) continue;
      // The watch over the server connects as well.
      proxy.refuse(Infinity);
      bus.on('source.retried', ({ attempt }) => {
        if (attempt === 2) proxy.refuse(0);
      });
      for (const connection of proxy.connections) connection.reset();
      // Longer than patience: a writer whose budget is small.
      await sleep(4_000);
    }
    expect(seen).toEqual(numbers(120));
    expect(events.map(({ attempt }) => attempt)).toEqual([1, 2]);
  });
});

const TIMEOUTS = [
  { kind: 'mysqld', options: ['--max-execution-time=1000'], reasons: ['ER_QUERY_TIMEOUT', 'ER_QUERY_INTERRUPTED'] },
  { kind: 'mariadb', options: ['--max-statement-time=1'], reasons: ['ER_STATEMENT_TIMEOUT'] },
  // It has no such limit: ours ends what is silent for so long.
  { kind: 'mysql-5.6', options: [], reasons: ['FERRY_DEADLINE'] },
];
const kinds = await ownMysqlKinds();

describe.each(TIMEOUTS.filter(({ kind }) => kinds.includes(kind)))('$kind', { timeout: 90_000 }, (own) => {
  test('a scan whose SELECT takes too long asks for fewer rows until it passes', async () => {
    await using server = await startOwnMysql(own.kind, { options: own.options });
    await using database = await createDatabase(server);
    await fill(database, 4_000);
    const { bus, events } = retries();
    const limits = { chunkRows: 1_600, statementIdleTimeoutSeconds: 2, retryTimeoutSeconds: 10 };
    await using source = openSource(database.shard(), limits, bus);
    // Cheap at first, so that a SELECT has grown to 1,600 rows when they become dear: 4 ms each, 6.4 s together.
    const table = await openTable(source, 't', ['id'], 'IF(id < 2300, 0, SLEEP(0.004)) = 0');
    const seen: number[] = [];
    for await (const { rows } of table.scan(EVERYTHING, null, AbortSignal.timeout(80_000)))
      seen.push(...rows.map(([id]) => Number(id)));
    expect(seen).toEqual(numbers(4_000));
    expect(own.reasons).toEqual(expect.arrayContaining(events.map(({ reason }) => reason)));
    expect(events.length).toBeGreaterThan(0);
    expect(events.length).toBeLessThan(6);
  });
});
