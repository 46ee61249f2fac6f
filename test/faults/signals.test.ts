/**
 * SIGINT and SIGTERM: the first saves the checkpoint and exits 130, and the resume sends nothing of a committed chunk again;
 * the second ends at once, and that loses nothing either.
 */
import { describe, expect, it } from 'vitest';
import { startFaultProxy, type FaultPlan, type FaultProxy } from '../support/fault-proxy.js';
import { createMigration, onePair, serverPairs, type Migration } from '../support/migration.js';

const ROWS = 1_500;
const ITEMS = 2 * ROWS;
/** The whole backfill would take ten seconds. */
const SLOW_UNITS = ITEMS / 10;
const SECOND = 1_000;

interface Counts {
  readonly rows: number;
  readonly chunks: number;
}

async function countsOf(migration: Migration, kind: 'backfill' | 'verify'): Promise<Counts> {
  const { stdout } = await migration.run(['status', '--json']);
  type Table = Readonly<Record<typeof kind, { readonly counts: Counts } | null>>;
  const { shards } = JSON.parse(stdout) as { shards: { tables: Table[] }[] };
  return shards[0]?.tables[0]?.[kind]?.counts ?? { rows: 0, chunks: 0 };
}

/** A migration whose requests all go through a proxy. */
function behindProxy(migration: Migration, endpoint: string, units: number): void {
  migration.configure((config) => {
    Object.assign(config.target, { endpoint, writeCapacity: units, readCapacity: units });
  });
}

const sent = (proxy: FaultProxy, operation: string): number =>
  proxy.requests.filter((request) => request.operation === operation).reduce((sum, { entries }) => sum + entries.length, 0);

const pass: FaultPlan = () => ({ kind: 'pass' });

describe.each(serverPairs)('a backfill from $name', { timeout: 120_000 }, (servers) => {
  it.each([
    { signal: 'SIGINT', to: 'process group' },
    { signal: 'SIGTERM', to: 'supervisor' },
  ] as const)('stopped by $signal to the $to resumes behind its checkpoint', async ({ signal, to }) => {
    await using migration = await createMigration({ servers, rows: ROWS });
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, pass);
    behindProxy(migration, proxy.endpoint, SLOW_UNITS);

    await using cli = await migration.spawn(['backfill']);
    await cli.waitFor(/s01 backfill messages/);
    for (const end = Date.now() + 60 * SECOND; sent(proxy, 'BatchWriteItem') < 400; ) {
      if (Date.now() > end) throw new Error(`nothing was sent within a minute:\n${cli.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    if (to === 'supervisor') cli.kill(signal);
    else cli.killGroup(signal);
    const stopped = await cli.result;
    expect(stopped).toMatchObject({ code: 130, signal: null });
    expect(stopped.stderr).toContain('stopping: writes in flight finish');
    expect(stopped.stdout).toMatch(/^s01 {2}interrupted, checkpoint saved: \d+ rows/m);
    expect(stopped.stdout).toContain('run the same command again to resume');

    const committed = await countsOf(migration, 'backfill');
    expect(committed.rows).toBeGreaterThan(0);
    expect(committed.rows).toBeLessThan(ROWS);
    const before = sent(proxy, 'BatchWriteItem');
    behindProxy(migration, proxy.endpoint, 100_000);
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    expect(sent(proxy, 'BatchWriteItem') - before).toBe(ITEMS - 2 * committed.rows);
    expect(await migration.items()).toHaveLength(ITEMS);
    expect((await countsOf(migration, 'backfill')).rows).toBe(ROWS);
  });
});

describe.each(onePair)('a verification of $name', { timeout: 120_000 }, (servers) => {
  it('stopped by SIGINT resumes behind its checkpoint', async () => {
    await using migration = await createMigration({ servers, rows: ROWS });
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, pass);
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });

    behindProxy(migration, proxy.endpoint, SLOW_UNITS);
    await using cli = await migration.spawn(['verify']);
    await cli.waitFor(/s01 verify messages/);
    for (const end = Date.now() + 60 * SECOND; (await countsOf(migration, 'verify')).rows < 200; ) {
      if (Date.now() > end) throw new Error(`nothing was verified within a minute:\n${cli.stderr}`);
    }
    cli.killGroup('SIGINT');
    expect(await cli.result).toMatchObject({ code: 130, signal: null });

    const committed = await countsOf(migration, 'verify');
    expect(committed.rows).toBeLessThan(ROWS);
    const before = sent(proxy, 'BatchGetItem');
    behindProxy(migration, proxy.endpoint, 100_000);
    expect(await migration.run(['verify'])).toMatchObject({ code: 0 });
    expect(sent(proxy, 'BatchGetItem') - before).toBe(ITEMS - 2 * committed.rows);
    expect((await countsOf(migration, 'verify')).rows).toBe(ROWS);
  });
});

describe.each(onePair)('a second signal to $name', { timeout: 120_000 }, (servers) => {
  it.each(['backfill', 'verify'] as const)('ends a %s at once, and nothing is lost', async (command) => {
    await using migration = await createMigration({ servers, rows: 300 });
    const items = 600;
    if (command === 'verify') expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    // Every answer takes longer than the test would wait.
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, () => ({ kind: 'late', ms: 20 * SECOND }));
    behindProxy(migration, proxy.endpoint, 100_000);

    await using cli = await migration.spawn([command]);
    const operation = command === 'backfill' ? 'BatchWriteItem' : 'BatchGetItem';
    for (const end = Date.now() + 60 * SECOND; sent(proxy, operation) === 0 && Date.now() < end; ) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    cli.killGroup('SIGINT');
    await cli.waitFor(/stopping: .*Ctrl-C again to end at once/);
    const begun = performance.now();
    cli.killGroup('SIGINT');
    expect(await cli.result).toMatchObject({ code: 130, signal: null });
    expect(performance.now() - begun).toBeLessThan(5 * SECOND);

    migration.configure((config) => delete config.target['endpoint']);
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    expect(await migration.items()).toHaveLength(items);
    expect(await migration.run(['verify'])).toMatchObject({ code: 0 });
  });
});
