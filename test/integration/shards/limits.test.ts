/** Each limit is changed while a run is under way, and what the servers see of it changes with it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { EventMap } from '../../../src/core/events.js';
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.js';
import { createMigration, onePair, type ConfigDocument, type Migration } from '../../support/migration.js';
import { startMysqlProxy } from '../../support/mysql-proxy.js';
import { superviseMigration, type Supervised } from '../../support/supervised.js';
import { notesConfig } from '../../support/two-sources.js';

const ROWS = 5_000;
/** Enough for five ranges. */
const MANY_ROWS = 10_000;
const PATIENCE = { timeout: 60_000, interval: 50 };
const LATE_MS = 200;

const notes = (rows: number): readonly string[] => [
  'CREATE TABLE notes (account VARCHAR(8) NOT NULL, id INT NOT NULL, body VARCHAR(400), PRIMARY KEY (account, id))',
  ...Array.from({ length: rows / 1_000 }, (_, part) => {
    const ids = Array.from({ length: 1_000 }, (_, i) => part * 1_000 + i);
    return `INSERT INTO notes VALUES ${ids.map((id) => `('a', ${id}, REPEAT('x', 400))`).join()}`;
  }),
];

/** Each row takes so many seconds to read, so that SELECTs are seen at work. */
const slowRows =
  (seconds: number) =>
  ({ source }: ConfigDocument): void =>
    void Object.assign(source.table ?? {}, { where: `SLEEP(${seconds}) = 0` });

/** SELECTs of the migration at work on the server now. */
async function selectsNow({ databases }: Migration): Promise<number> {
  const [database] = databases;
  const rows = (await database?.query(
    `SELECT COUNT(*) AS running FROM information_schema.processlist WHERE info LIKE '%SLEEP(%' AND info NOT LIKE '%processlist%' AND db = '${database.name}'`,
  )) as unknown as readonly { readonly running: number | string }[];
  return Number(rows[0]?.running ?? 0);
}

/** The most in some looks, one after the other. */
async function mostSelects(migration: Migration, looks = 30): Promise<number> {
  let most = 0;
  for (let look = 0; look < looks; look++) {
    most = Math.max(most, await selectsNow(migration));
    await sleep(20);
  }
  return most;
}

/** Requests that were under way at once, of those that came in the last so many ms; each takes LATE_MS at least. */
function requestsNow({ requests }: FaultProxy, lastMs: number): number {
  const times = requests.map(({ at }) => at);
  const end = times.at(-1) ?? 0;
  const recent = times.filter((at) => at > end - lastMs);
  return Math.max(0, ...recent.map((at) => times.filter((other) => other <= at && other > at - LATE_MS).length));
}

const reads = ({ events }: Supervised): readonly EventMap['chunk.read'][] =>
  events.flatMap((record) => (record.name === 'chunk.read' ? [record.payload] : []));

/** Rows of each of the next chunks that are read. */
async function nextChunks(run: Supervised, count: number): Promise<readonly number[]> {
  const before = reads(run).length;
  await expect.poll(() => reads(run).length - before, PATIENCE).toBeGreaterThanOrEqual(count);
  return reads(run)
    .slice(before)
    .map(({ rows }) => rows);
}

describe.each(onePair)('limits of a run that goes on: $name', { timeout: 180_000 }, (servers) => {
  const open = (...alter: readonly ((config: ConfigDocument) => void)[]): Promise<Migration> =>
    openWith(ROWS, ...alter);
  const openWith = (rows: number, ...alter: readonly ((config: ConfigDocument) => void)[]): Promise<Migration> =>
    createMigration({
      servers,
      rows: () => notes(rows),
      config: (config) => {
        notesConfig(config);
        Object.assign(config.source.limits, { rangesPerTable: 8, chunkRows: 20 });
        for (const each of alter) each(config);
      },
    });

  test('setLimits() changes scansPerServer during a run: more SELECTs at once, then fewer', async () => {
    await using migration = await openWith(
      MANY_ROWS,
      slowRows(0.02),
      ({ source }) => void Object.assign(source.limits, { scansPerServer: 1 }),
    );
    await using run = await superviseMigration(migration);
    await expect.poll(() => selectsNow(migration), PATIENCE).toBe(1);
    expect(await mostSelects(migration)).toBe(1);
    run.supervisor.setLimits({ scansPerServer: 4 });
    await expect.poll(() => selectsNow(migration), PATIENCE).toBe(4);
    run.supervisor.setLimits({ scansPerServer: 2 });
    await expect.poll(() => selectsNow(migration), PATIENCE).toBeLessThanOrEqual(2);
    await sleep(1_000);
    expect(await mostSelects(migration)).toBe(2);
    expect(run.supervisor.limits.scansPerServer).toBe(2);
  });

  test('setLimits() changes maxInFlightRequests during a backfill: more requests at once, then fewer', async () => {
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, () => ({ kind: 'late', ms: LATE_MS }));
    await using migration = await open(({ target }) => void Object.assign(target, { maxInFlightRequests: 2 }));
    migration.configure(({ source }) => void Object.assign(source.limits, { chunkRows: 200, scansPerServer: 4 }));
    await using run = await superviseMigration(migration, { env: { AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint } });
    await expect.poll(() => proxy.requests.length, PATIENCE).toBeGreaterThan(10);
    expect(proxy.mostAtOnce).toBe(2);
    run.supervisor.setLimits({ maxInFlightRequests: 8 });
    await expect.poll(() => proxy.mostAtOnce, PATIENCE).toBe(8);
    run.supervisor.setLimits({ maxInFlightRequests: 1 });
    await sleep(5 * LATE_MS);
    const sent = proxy.requests.length;
    await expect.poll(() => proxy.requests.length, PATIENCE).toBeGreaterThan(sent + 5);
    expect(requestsNow(proxy, 4 * LATE_MS)).toBe(1);
  });

  test('setLimits() raises maxInFlightRequests during a verification', async () => {
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, ({ operation }) =>
      operation === 'BatchGetItem' ? { kind: 'late', ms: LATE_MS } : { kind: 'pass' },
    );
    await using migration = await open();
    expect(await migration.run(['backfill', '--all'])).toMatchObject({ code: 0 });
    migration.configure(({ target }) => void Object.assign(target, { maxInFlightRequests: 1 }));
    migration.configure(({ source }) => void Object.assign(source.limits, { chunkRows: 200, scansPerServer: 4 }));
    const env = { AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint };
    await using run = await superviseMigration(migration, { verb: 'verify', env });
    await expect.poll(() => proxy.requests.length, PATIENCE).toBeGreaterThan(3);
    expect(proxy.mostAtOnce).toBe(1);
    run.supervisor.setLimits({ maxInFlightRequests: 3 });
    await expect.poll(() => proxy.mostAtOnce, PATIENCE).toBe(3);
  });

  test('setLimits() changes everyEvent, chunkRows, chunkBytes and chunkMs: events of chunks come, and chunks are smaller', async () => {
    await using migration = await open(
      slowRows(0.002),
      ({ source }) => void Object.assign(source.limits, { chunkRows: 100, chunkMs: 60_000, scansPerServer: 1 }),
    );
    await using run = await superviseMigration(migration);
    const { supervisor } = run;
    await expect.poll(() => run.of('s01').progress?.counts.rows ?? 0, PATIENCE).toBeGreaterThan(0);
    expect(reads(run)).toEqual([]);
    supervisor.setLimits({ everyEvent: true });
    expect(Math.max(...(await nextChunks(run, 4)))).toBe(100);
    supervisor.setLimits({ chunkRows: 30 });
    expect((await nextChunks(run, 6)).slice(3).every((rows) => rows <= 30)).toBe(true);
    // About four rows.
    supervisor.setLimits({ chunkBytes: 1_700 });
    expect((await nextChunks(run, 8)).slice(5).every((rows) => rows <= 5)).toBe(true);
    supervisor.setLimits({ chunkBytes: 4 * 2 ** 20, chunkRows: 2_000, chunkMs: 20 });
    // Two ms a row, at the least.
    const rows = (await nextChunks(run, 12)).slice(6);
    expect(rows.reduce((sum, each) => sum + each, 0) / rows.length).toBeLessThan(20);
    supervisor.setLimits({ everyEvent: false });
    await sleep(1_000);
    const heard = reads(run).length;
    await sleep(1_000);
    expect(reads(run)).toHaveLength(heard);
  });

  test('setLimits() changes maxThreadsRunning and maxPauseSeconds: a run spares a busy server, then fails', async () => {
    await using migration = await open(slowRows(0.005));
    await using run = await superviseMigration(migration);
    const { supervisor } = run;
    const count = (name: string): number => run.events.filter((event) => event.name === name).length;
    await expect.poll(() => run.of('s01').progress?.counts.rows ?? 0, PATIENCE).toBeGreaterThan(0);
    const busy = migration.databases[0]?.query('SELECT SLEEP(30)');
    expect(count('source.paused')).toBe(0);
    supervisor.setLimits({ maxThreadsRunning: 1 });
    await expect.poll(() => count('source.paused'), PATIENCE).toBe(1);
    supervisor.setLimits({ maxThreadsRunning: 10_000 });
    await expect.poll(() => count('source.resumed'), PATIENCE).toBe(1);
    supervisor.setLimits({ maxThreadsRunning: 1 });
    await expect.poll(() => count('source.paused'), PATIENCE).toBe(2);
    supervisor.setLimits({ maxPauseSeconds: 1 });
    const [outcome] = await supervisor.outcomes;
    expect(outcome).toMatchObject({ status: 'failed', fault: { code: 'E_SOURCE_BUSY' } });
    await busy;
  });

  test('setLimits() lowers targetPatienceSeconds: a run gives up a target that refuses everything sooner', async () => {
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, () => ({ kind: 'throttle' }));
    await using migration = await open();
    await using run = await superviseMigration(migration, { env: { AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint } });
    await expect.poll(() => proxy.requests.length, PATIENCE).toBeGreaterThan(3);
    expect(run.of('s01').state).toBe('running');
    run.supervisor.setLimits({ targetPatienceSeconds: 1 });
    const [outcome] = await run.supervisor.outcomes;
    expect(outcome).toMatchObject({ status: 'failed', fault: { code: 'E_TARGET_UNAVAILABLE' } });
  });

  test('setLimits() lowers sourcePatienceSeconds: a run gives up a source that fails sooner', async () => {
    await using proxy = await startMysqlProxy(servers.mysql);
    await using migration = await open(slowRows(0.005), ({ source }) => {
      Object.assign(source.shards[0] ?? {}, { port: proxy.port });
    });
    await using run = await superviseMigration(migration);
    await expect.poll(() => run.of('s01').progress?.counts.rows ?? 0, PATIENCE).toBeGreaterThan(0);
    proxy.refuse(10_000);
    for (const connection of proxy.connections) connection.reset();
    await expect.poll(() => run.events.some(({ name }) => name === 'source.retried'), PATIENCE).toBe(true);
    run.supervisor.setLimits({ sourcePatienceSeconds: 1 });
    const [outcome] = await run.supervisor.outcomes;
    expect(outcome).toMatchObject({ status: 'failed', fault: { code: 'E_SOURCE_LOST' } });
  });

  test('setLimits() refuses wrong limits, and changes nothing', async () => {
    await using migration = await open();
    await using run = await superviseMigration(migration);
    const { supervisor } = run;
    const before = supervisor.limits;
    const refused = expect.objectContaining({ code: 'E_LIMIT_INVALID' }) as Error;
    expect(() => supervisor.setLimits({ chunkMs: 100, maxInFlightRequests: 0 })).toThrow(refused);
    expect(() => supervisor.setLimits({ chunkMs: 100, shunkMs: 1 } as object)).toThrow(refused);
    expect(supervisor.limits).toEqual(before);
    expect(() => supervisor.pause('s09')).toThrow(expect.objectContaining({ code: 'E_SHARD_UNKNOWN' }) as Error);
  });
});
