/**
 * Items that are not there and whose time is over: what TTL may have deleted is counted as that, and never as seen;
 * what it cannot have deleted is missing. DynamoDB Local and dynalite delete nothing by themselves here within a test's
 * time: the test deletes.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DeleteItemCommand, UpdateTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from 'vitest';
import type { CliResult } from '../../support/cli.js';
import { startFaultProxy, type FaultPlan } from '../../support/fault-proxy.js';
import { PASS, type Fate } from '../../support/fault-proxy/fates.js';
import { createMigration, dynamodbPairs, type Migration, type Servers } from '../../support/migration.js';

interface Outcome {
  readonly status: string;
  readonly counts: { readonly rows: number; readonly items: number; readonly expiredItems: number };
  readonly missing: number;
  readonly unresolved: number;
  readonly doubtful: number;
  readonly findings: { readonly differences: readonly { readonly keyText: string }[] };
}

function outcomeOf(result: CliResult): Outcome {
  const [outcome] = (JSON.parse(result.stdout) as { shards: Outcome[] }).shards;
  if (outcome === undefined) throw new Error(`no shard in the document: ${result.stdout}${result.stderr}`);
  return outcome;
}

const DAY_MS = 86_400_000;
const ROWS = 10;
const at = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');

/** Ten rows of the same time, each of which expires after 30 days, and may be deleted as if by TTL. */
async function expiring(servers: Servers, time: number, expired: 'keep' | 'skip' = 'keep'): Promise<Migration> {
  return await createMigration({
    servers,
    rows: () => [
      'CREATE TABLE logs (id INT PRIMARY KEY, at DATETIME NOT NULL, old INT NOT NULL)',
      `INSERT INTO logs VALUES ${Array.from({ length: ROWS }, (_, id) => `(${id}, '${at(time)}', ${Math.floor(Date.now() / 1_000) - 86_400})`).join()}`,
    ],
    config: (config) => {
      config.source.table = { name: 'logs' };
      config.mapping = {
        logs: {
          items: [
            {
              partitionKey: { name: 'pk', template: 'LOG' },
              sortKey: { name: 'sk', template: '{id:pad(10)}' },
              ttl: { attribute: 'ttl', column: 'at', retention: '30d', expired },
            },
          ],
        },
      };
    },
  });
}

async function deleteAll(migration: Migration): Promise<void> {
  for (const { pk, sk } of await migration.items()) {
    if (pk === undefined || sk === undefined) throw new Error('an item without a key');
    await migration.table.client.send(new DeleteItemCommand({ TableName: migration.table.name, Key: { pk, sk } }));
  }
}

async function setTtl({ table }: Migration, attribute: string, enabled = true): Promise<void> {
  const TimeToLiveSpecification = { Enabled: enabled, AttributeName: attribute };
  await table.client.send(new UpdateTimeToLiveCommand({ TableName: table.name, TimeToLiveSpecification }));
}

/** For the environment of a process whose wall clock is ahead. */
function clockAhead({ folder }: Migration, ms: number): Record<string, string> {
  const file = join(folder, 'clock');
  writeFileSync(file, String(ms));
  const script = new URL('../../faults/scripts/jumping-clock.js', import.meta.url).href;
  return { NODE_OPTIONS: `--import ${script}`, JUMPING_CLOCK: file };
}

const withTtl = dynamodbPairs.filter(({ dynamodb }) => dynamodb.name !== 'dynalite');

describe.each(dynamodbPairs)('absent items whose time is over, TTL off: $name', { timeout: 120_000 }, (servers) => {
  it('verify reports expired items as missing while TTL is off, as for rows of 2015 with a retention of 30 days', async () => {
    await using migration = await expiring(servers, Date.parse('2015-01-01T00:00:00Z'));
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    await deleteAll(migration);
    const result = await migration.run(['verify', '--json']);
    expect(outcomeOf(result)).toMatchObject({ missing: ROWS, counts: { rows: ROWS, items: 0, expiredItems: 0 } });
    expect(result.code).toBe(1);
    const said = await migration.run(['verify']);
    expect(said.stdout).toMatch(/^s01 {2}NOT verified: 10 missing: 10 rows, 0 items seen/m);
    expect((await migration.run(['status'])).stdout).toMatch(/^s01 +differences .*10 wrong/m);
  });
});

describe.each(withTtl)('absent items of rows that are skipped once expired: $name', { timeout: 120_000 }, (servers) => {
  const UNTIL_OVER_MS = 15_000;

  it('verify reports absent items of skipped rows as missing, also where they expire between two looks', async () => {
    await using migration = await expiring(servers, Date.now(), 'skip');
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    await deleteAll(migration);
    const over = Date.now() + UNTIL_OVER_MS;
    await migration.databases[0]?.query('UPDATE logs SET at = ?', [at(over - 30 * DAY_MS)]);
    const late = (): Fate => ({ kind: 'late', ms: Math.max(0, over + 1_000 - Date.now()) });
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, ({ operation }) =>
      operation === 'BatchGetItem' ? late() : PASS,
    );
    const result = await migration.run(['verify', '--json'], { env: { AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint } });
    expect(outcomeOf(result)).toMatchObject({ missing: ROWS, counts: { items: 0, expiredItems: 0, expiredRows: 0 } });
    expect(result.code).toBe(1);
  });
});

describe.each(withTtl)('absent items and TTL: $name', { timeout: 120_000 }, (servers) => {
  const YESTERDAY = Date.now() - 31 * DAY_MS;

  it.each([
    ['TTL is on, but for another attribute, which the item has not', YESTERDAY, 'expires', 0],
    ['TTL is on, but for another attribute, which the item holds as a key', YESTERDAY, 'sk', 0],
    ['TTL is on, for another attribute that is over too', YESTERDAY, 'old', ROWS],
    ['their time was over for five years when they were written', Date.now() - 6 * 365 * DAY_MS, 'ttl', 0],
    ['their time is not over', Date.now(), 'ttl', 0],
    ['their time is over', YESTERDAY, 'ttl', ROWS],
  ])('verify tells items that TTL deleted from missing ones, where %s', async (_, time, attribute, deleted) => {
    await using migration = await expiring(servers, time);
    await setTtl(migration, attribute);
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    await deleteAll(migration);
    const result = await migration.run(['verify', '--json']);
    expect(outcomeOf(result)).toMatchObject({
      missing: ROWS - deleted,
      unresolved: 0,
      counts: { rows: ROWS, items: 0, expiredItems: deleted },
    });
    expect(result.code).toBe(deleted === ROWS ? 0 : 1);
    if (deleted < ROWS) return;
    const said = await migration.run(['verify']);
    expect(said.stdout).toMatch(/^s01 {2}verified: 10 rows, 0 items seen \(10 probably deleted by TTL, /m);
    expect(said.stdout).toContain('except 10 items that TTL has probably deleted');
    expect((await migration.run(['status'])).stdout).toMatch(/^s01 +verified .*equal except 10 deleted by TTL/m);
  });

  // DynamoDB Local itself deletes what has expired, every now and then once TTL is on: where it did so just then, the
  // test has no items.
  it('verify sees items that exist, and reports their differences, whatever their TTL says', { retry: 6 }, async () => {
    await using migration = await expiring(servers, YESTERDAY);
    await setTtl(migration, 'ttl');
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    expect(outcomeOf(await migration.run(['verify', '--json']))).toMatchObject({
      status: 'done',
      counts: { rows: ROWS, items: ROWS, expiredItems: 0 },
    });
  });

  it.each([
    ['off', async (migration: Migration) => await setTtl(migration, 'ttl', false)],
    [
      'to another attribute',
      async (migration: Migration) => {
        await setTtl(migration, 'ttl', false);
        await setTtl(migration, 'old');
      },
    ],
  ])('verify reports items seemingly deleted by TTL as unresolved when TTL is switched %s', async (_, change) => {
    await using migration = await expiring(servers, YESTERDAY);
    await setTtl(migration, 'ttl');
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    await deleteAll(migration);
    const changes: Promise<void>[] = [];
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, ({ operation }) => {
      if (operation !== 'BatchGetItem') return PASS;
      if (changes.length === 0) changes.push(change(migration));
      return { kind: 'late', ms: 1_000 };
    });
    const env = { AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint };
    const result = await migration.run(['verify', '--json'], { env });
    await Promise.all(changes);
    expect(outcomeOf(result)).toMatchObject({
      status: 'unproven',
      missing: 0,
      unresolved: ROWS,
      doubtful: ROWS,
      counts: { items: 0, expiredItems: 0 },
    });
    expect(result.code).toBe(7);
    expect((await migration.run(['status'])).stdout).toMatch(/^s01 +unproven .*10 unresolved/m);
    await setTtl(migration, 'ttl').catch(async () => {
      await setTtl(migration, 'old', false);
      await setTtl(migration, 'ttl');
    });
    expect(await migration.run(['verify'])).toMatchObject({ code: 0 });
  });

  it('verify reports absent items as missing, and says why, where AWS refuses to tell whether TTL is on', async () => {
    await using migration = await expiring(servers, YESTERDAY);
    await setTtl(migration, 'ttl');
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    await deleteAll(migration);
    const control: FaultPlan = ({ operation }) =>
      operation === 'DescribeTimeToLive' ? { kind: 'error', status: 400, name: 'AccessDeniedException' } : PASS;
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, () => PASS, undefined, { control });
    const env = { AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint };
    const result = await migration.run(['verify', '--json'], { env });
    expect(outcomeOf(result)).toMatchObject({ missing: ROWS, counts: { items: 0, expiredItems: 0 } });
    expect(result.stderr).toContain('AWS refused DescribeTimeToLive');
  });

  it('verify reports absent items as missing where they have expired only by a clock ahead of the service', async () => {
    await using migration = await expiring(servers, Date.now() - 30 * DAY_MS + 600_000);
    await setTtl(migration, 'ttl');
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    await deleteAll(migration);
    const result = await migration.run(['verify', '--json'], { env: clockAhead(migration, 20 * 60_000) });
    expect(outcomeOf(result)).toMatchObject({ missing: ROWS, counts: { items: 0, expiredItems: 0 } });
  });
});
