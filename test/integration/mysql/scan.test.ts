/** Scans under adverse conditions: killed connections, large rows, slow consumers, changing tables, a busy server. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { EventBus } from '../../../src/core/event-bus.js';
import type { EventRecord } from '../../../src/core/events.js';
import type { Range } from '../../../src/core/model.js';
import type { RowChunk } from '../../../src/core/row-block.js';
import { startMysqlProxy } from '../../support/mysql-proxy.js';
import { createDatabase, mysqlServers, type TestDatabase } from '../../support/mysql.js';
import { openSource, openTable } from './source.js';

const signal = new AbortController().signal;
const EVERYTHING: Range = { index: 0, after: null, upTo: null, estimatedRows: 0 };

function recorder(): { readonly bus: EventBus; readonly events: EventRecord[] } {
  const bus = new EventBus();
  const events: EventRecord[] = [];
  bus.onAny((event) => events.push(event));
  return { bus, events };
}

async function fill(database: TestDatabase, rows: number, body = 'x'): Promise<void> {
  await database.query('CREATE TABLE t (id INT PRIMARY KEY, body LONGTEXT)');
  await database.query(`INSERT INTO t VALUES ${Array.from({ length: rows }, (_, i) => `(${i}, '${body}')`).join()}`);
}

async function killOthers(database: TestDatabase): Promise<number> {
  const rows = await database.query(
    'SELECT id AS id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()',
  );
  for (const { id } of rows) await database.query(`KILL ${String(id)}`);
  return rows.length;
}

const ids = (chunks: readonly RowChunk[]): number[] => chunks.flatMap(({ rows }) => rows.map(([id]) => Number(id)));
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe.each(mysqlServers)('$name', (server) => {
  test('a scan reconnects after a connection broke within a SELECT, and neither loses nor repeats a row', async () => {
    await using database = await createDatabase(server);
    await fill(database, 260);
    await database.query("UPDATE t SET body = REPEAT('y', 200000) WHERE id >= 100");
    const { bus, events } = recorder();
    await using proxy = await startMysqlProxy(server);
    bus.on('source.retried', () => proxy.breakAnswersOver(Infinity));
    await using shard = openSource({ ...database.shard(), port: proxy.port }, { chunkBytes: 400_000 }, bus);
    const source = await openTable(shard, 't', ['id', 'body']);
    const chunks: RowChunk[] = [];
    for await (const chunk of source.scan(EVERYTHING, null, signal)) {
      chunks.push(chunk);
      // Less than one row has: it breaks in the middle.
      if (chunks.length === 4 || chunks.length === 20) proxy.breakAnswersOver(150_000);
    }
    expect(ids(chunks)).toEqual(numbers(260));
    expect(events.filter(({ name }) => name === 'source.retried').length).toBeGreaterThan(1);
  });

  test('a scan opens a new connection when a proxy reports that it lost the server', async () => {
    await using database = await createDatabase(server);
    await fill(database, 500);
    await using proxy = await startMysqlProxy(server);
    const { bus, events } = recorder();
    await using shard = openSource({ ...database.shard(), port: proxy.port }, { chunkRows: 20 }, bus);
    const source = await openTable(shard, 't', ['id']);
    const chunks: RowChunk[] = [];
    let opened = 0;
    for await (const chunk of source.scan(EVERYTHING, null, signal)) {
      chunks.push(chunk);
      if (chunks.length !== 3) continue;
      ({ opened } = proxy);
      proxy.failNext(2_013, '`t`');
    }
    expect(ids(chunks)).toEqual(numbers(500));
    expect(events.filter(({ name }) => name === 'source.retried')).toHaveLength(1);
    expect(proxy.opened).toBe(opened + 1);
  });

  test('a scan replaces a connection that is killed between SELECTs', async () => {
    await using database = await createDatabase(server);
    await fill(database, 500);
    await using shard = openSource(database.shard(), { chunkRows: 20, chunkMs: 60_000 });
    const source = await openTable(shard, 't', ['id', 'body']);
    const chunks: RowChunk[] = [];
    for await (const chunk of source.scan(EVERYTHING, null, signal)) {
      chunks.push(chunk);
      if (chunks.length % 5 === 0) await killOthers(database);
    }
    expect(ids(chunks)).toEqual(numbers(500));
    // It is no sign that too much was asked for: of ten rows each, it would take forty and more.
    expect(chunks.length).toBeLessThan(35);
  });

  test('large rows close a chunk at its limit of bytes, within one SELECT', async () => {
    await using database = await createDatabase(server);
    await fill(database, 60);
    await database.query("UPDATE t SET body = REPEAT('y', 200000) WHERE id BETWEEN 20 AND 40");
    await using shard = openSource(database.shard(), { chunkRows: 1_000, chunkBytes: 500_000 });
    const source = await openTable(shard, 't', ['id', 'body']);
    const chunks: RowChunk[] = [];
    for await (const chunk of source.scan(EVERYTHING, null, signal)) {
      chunks.push(chunk);
    }
    expect(ids(chunks)).toEqual(numbers(60));
    for (const { bytes } of chunks) expect(bytes).toBeLessThan(500_000 + 200_010);
    expect(chunks.length).toBeGreaterThan(7);
    // A SELECT is given up where it comes to more than four chunks: its rows are asked for again, fewer at a time.
    const bySelect = new Map<number, number>();
    for (const { bytes, readAt } of chunks)
      bySelect.set(readAt.monotonic, (bySelect.get(readAt.monotonic) ?? 0) + bytes);
    expect(Math.max(...bySelect.values())).toBeLessThan(4 * 500_000 + 200_010);
    expect(bySelect.size).toBeGreaterThan(1);
  });

  test('rows somewhat larger than expected make several chunks of one SELECT', async () => {
    await using database = await createDatabase(server);
    await fill(database, 60);
    await database.query("UPDATE t SET body = REPEAT('y', 200000) WHERE id BETWEEN 20 AND 28");
    await using shard = openSource(database.shard(), { chunkRows: 1_000, chunkBytes: 500_000 });
    const source = await openTable(shard, 't', ['id', 'body']);
    const chunks: RowChunk[] = [];
    for await (const chunk of source.scan(EVERYTHING, null, signal)) chunks.push(chunk);
    expect(ids(chunks)).toEqual(numbers(60));
    // Three large rows close a chunk, and the small ones behind them are the last one.
    expect(chunks.map(({ bytes }) => Math.round(bytes / 100_000))).toEqual([6, 6, 6, 0]);
    expect(new Set(chunks.map(({ readAt }) => readAt.monotonic)).size).toBe(1);
  });

  test('a scan reads one chunk ahead of its consumer, and not more', async () => {
    await using database = await createDatabase(server);
    await fill(database, 500, 'old');
    await using shard = openSource(database.shard(), { chunkRows: 100 });
    const source = await openTable(shard, 't', ['id', 'body']);
    const bodies: (readonly unknown[])[] = [];
    for await (const { rows } of source.scan(EVERYTHING, null, signal)) {
      bodies.push([...new Set(rows.map(([, body]) => body))]);
      if (bodies.length > 1) continue;
      // Time enough to read them all, if reading did not wait for the consumer.
      await sleep(300);
      await database.query("UPDATE t SET body = 'new'");
    }
    expect(bodies).toEqual([['old'], ['old'], ['new'], ['new'], ['new']]);
  });

  test('a scan reads rows that are inserted ahead of its cursor, not those behind it', async () => {
    await using database = await createDatabase(server);
    await database.query('CREATE TABLE t (id INT PRIMARY KEY, body LONGTEXT)');
    await database.query(
      `INSERT INTO t VALUES ${numbers(500)
        .map((i) => `(${i * 2}, 'x')`)
        .join()}`,
    );
    await using shard = openSource(database.shard(), { chunkRows: 10 });
    const source = await openTable(shard, 't', ['id', 'body']);
    const seen: number[] = [];
    for await (const { rows } of source.scan(EVERYTHING, null, signal)) {
      seen.push(...rows.map(([id]) => Number(id)));
      const at = seen.at(-1) ?? 0;
      if (seen.length === 100) {
        // The row of the cursor itself, one behind it, one that is being read ahead or later, and one at the end.
        await database.query(`DELETE FROM t WHERE id IN (${at}, ${at - 2}, 900)`);
        await database.query(`INSERT INTO t VALUES (${at - 1}, 'x'), (901, 'x'), (5000, 'x')`);
      }
    }
    const expected = numbers(500)
      .map((i) => i * 2)
      .filter((id) => id !== 900);
    expect(seen).toEqual([...expected, 901, 5_000].sort((a, b) => a - b));
  });

  test('an aborted signal destroys the running SELECT of a scan at once', async () => {
    await using database = await createDatabase(server);
    await fill(database, 10);
    await using shard = openSource(database.shard());
    const source = await openTable(shard, 't', ['id'], 'SLEEP(5) = 0');
    const stop = new AbortController();
    const started = performance.now();
    const reading = (async () => {
      for await (const chunk of source.scan(EVERYTHING, null, stop.signal)) expect(chunk).toBeUndefined();
    })();
    setTimeout(() => {
      stop.abort();
    }, 100);
    await expect(reading).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    expect(performance.now() - started).toBeLessThan(2_000);
    await killOthers(database);
  });

  test('a scan pauses while the server is busy, says so, and continues', async () => {
    await using database = await createDatabase(server);
    await fill(database, 300);
    // Every statement that runs is one too many, the question itself included.
    const { bus, events } = recorder();
    await using shard = openSource(database.shard(), { maxThreadsRunning: 0 }, bus);
    const source = await openTable(shard, 't', ['id', 'body']);
    const stop = new AbortController();
    const reading = (async () => {
      for await (const chunk of source.scan(EVERYTHING, null, stop.signal)) expect(chunk).toBeUndefined();
    })();
    await expect.poll(() => events.map(({ name }) => name)).toContain('source.paused');
    stop.abort();
    await expect(reading).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    await expect.poll(() => events.map(({ name }) => name)).toContain('source.resumed');
  });

  test('a scan warns once of a replica that it cannot ask, and does not wait for it', async () => {
    await using database = await createDatabase(server);
    await fill(database, 300);
    const { bus, events } = recorder();
    // Itself, which is no replica; and a port where nothing listens.
    const replicas = [server, { host: '127.0.0.1', port: 1 }];
    await using shard = openSource({ ...database.shard(), replicas }, { chunkRows: 10 }, bus);
    const source = await openTable(shard, 't', ['id']);
    const chunks: RowChunk[] = [];
    for await (const chunk of source.scan(EVERYTHING, null, signal)) {
      chunks.push(chunk);
      if (chunks.length === 2) await sleep(1_200);
    }
    expect(ids(chunks)).toEqual(numbers(300));
    const told = events.flatMap(({ name, payload }) => (name === 'source.probe_failed' ? [payload] : []));
    const wanted = ['replica 127.0.0.1:1: ECONNREFUSED', `replica ${server.host}:${server.port}: it is not a replica`];
    expect(told.map(({ gauge, reason }) => `${gauge}: ${reason}`).sort()).toEqual(wanted.sort());
  });
});
