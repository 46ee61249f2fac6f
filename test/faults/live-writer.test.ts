/**
 * The application writes to the target at full speed while the backfill runs, over a connection that fails in every
 * way, with writes that land late and a kill in between. At the end, key by key: nothing newer was overwritten, nothing
 * deleted came back, and every row that the application left alone has arrived.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from 'vitest';
import type { Item } from '../support/dynamodb.js';
import { atRandom, type Fate, seededRandom, startFaultProxy } from '../support/fault-proxy.js';
import { letLateWriteWindowPass } from '../support/late-writes.js';
import { sameItem, startApplication } from '../support/live-application.js';
import { createMigration, dynamodbPairs, type ConfigDocument, type Migration } from '../support/migration.js';

const SEED = 20261123;
const TIMEOUT_MS = 180_000;
const ROWS = 400;
/** Of every row in MySQL when the backfill begins. */
const VERSION = 1000;
const GROUPS = 20;
const FAULTY = 0.25;

const FATES: readonly Fate[] = [
  { kind: 'error', status: 500, name: 'InternalServerError', applied: true },
  { kind: 'error', status: 503, name: 'ServiceUnavailable' },
  { kind: 'error', status: 400, name: 'TransactionConflictException' },
  { kind: 'reset', applied: true },
  { kind: 'reset', applied: false },
  { kind: 'drop', applied: true },
  { kind: 'garbled', applied: true },
  { kind: 'late', ms: 200 },
  // Land while the application goes on, and after all is over.
  { kind: 'held', sender: 'reset', ms: 700 },
  { kind: 'held', sender: 'reset' },
];

/** What was in the target before, by the row's place in its group; from LIVE on, the application's own. */
const OLDER = 0;
const EQUAL = 1;
const UNVERSIONED = 2;
const LIVE = 10;

const ids = Array.from({ length: ROWS }, (_, index) => index + 1);
const inGroup = (place: number): number[] => ids.filter((id) => id % GROUPS === place);
const isLive = (id: number): boolean => id % GROUPS >= LIVE;

const sortKey = (id: number): string => String(id).padStart(10, '0');
const keyOf = (id: number): Item => ({ pk: { S: `N#${id % 40}` }, sk: { S: sortKey(id) } });
const mappedItem = (id: number): Item => ({ ...keyOf(id), version: { N: String(VERSION) }, body: { S: `row ${id}` } });

function notes(): readonly string[] {
  const values = ids.map((id) => `(${id}, ${id % 40}, ${VERSION}, 'row ${id}')`).join(',');
  return [
    'CREATE TABLE notes (id INT PRIMARY KEY, account INT NOT NULL, version BIGINT NOT NULL, body VARCHAR(100))',
    `INSERT INTO notes VALUES ${values}`,
  ];
}

function liveConfig({ source, target, mapping }: ConfigDocument): void {
  source.table = { name: 'notes' };
  source.limits = { chunkRows: 20, rangesPerTable: 4, scansPerServer: 2 };
  Object.assign(target, {
    // So slow that the application goes through its keys several times.
    writeCapacity: 200,
    liveWriter: 'concurrent',
    version: { attribute: 'version', tombstoneRetention: '1h' },
  });
  delete mapping['messages'];
  mapping['notes'] = {
    items: [
      {
        partitionKey: { name: 'pk', template: 'N#{account}' },
        sortKey: { name: 'sk', template: '{id:pad(10)}' },
        attributes: { columns: ['version', 'body'] },
      },
    ],
  };
}

async function put(migration: Migration, items: readonly Item[]): Promise<void> {
  const { client, name } = migration.table;
  await Promise.all(items.map(async (Item) => await client.send(new PutItemCommand({ TableName: name, Item }))));
}

async function itemsById(migration: Migration): Promise<ReadonlyMap<number, Item>> {
  return new Map((await migration.table.items()).map((item) => [Number(item['sk']?.S), item]));
}

interface Outcome {
  readonly counts: { readonly items: number; readonly newerItems: number };
  readonly missing: number;
  readonly differing: number;
  readonly unresolved: number;
}

function outcomeOf(stdout: string): Outcome | undefined {
  return (JSON.parse(stdout) as { readonly shards: readonly Outcome[] }).shards[0];
}

describe.each(dynamodbPairs.slice(0, 1))('a live writer beside a backfill from $name', (servers) => {
  it(
    `a backfill overwrites nothing newer, and loses no row, of a live writer beside it (seed ${SEED})`,
    { timeout: TIMEOUT_MS },
    async () => {
      await using migration = await createMigration({ servers, rows: notes, config: liveConfig });
      const [database] = migration.databases;
      const random = seededRandom(SEED);
      await using proxy = await startFaultProxy(servers.dynamodb.endpoint, atRandom(random, FAULTY, FATES));
      const through = { env: { AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint } };
      const older = inGroup(OLDER).map((id) => ({ ...keyOf(id), version: { N: '999' }, body: { S: 'old' } }));
      const kept = [
        ...inGroup(EQUAL).map((id) => ({ ...mappedItem(id), body: { S: 'of the same version' } })),
        ...inGroup(UNVERSIONED).map((id) => ({ ...keyOf(id), body: { S: 'of no version' } })),
      ];
      await put(migration, [...older, ...kept]);

      const requests = async (count: number): Promise<void> => {
        while (proxy.requests.length < count) {
          expect(killed.stderr).not.toMatch(/^error /m);
          await sleep(20);
        }
      };
      await using killed = await migration.spawn(['backfill'], through);
      // Some items are the backfill's by then, however slowly it begins: the application goes over them as well.
      await requests(ROWS / 20);
      await using application = startApplication(
        { client: migration.table.client, name: migration.table.name, keyOf },
        {
          ids: ids.filter(isLive),
          firstVersion: VERSION,
          random: seededRandom(SEED + 1),
          writeRow: async (id, version, body) => {
            if (body === null) await database?.query('DELETE FROM notes WHERE id = ?', [id]);
            else await database?.query('UPDATE notes SET version = ?, body = ? WHERE id = ?', [version, body, id]);
          },
        },
      );
      await requests(ROWS / 3);
      killed.killGroup('SIGKILL');
      await killed.result;
      const backfill = await migration.run(['backfill', '--json'], { ...through, timeoutMs: TIMEOUT_MS });
      expect(backfill, `${backfill.stdout}\n${backfill.stderr.slice(-2_000)}`).toMatchObject({ code: 0 });
      await application.stop();
      const landedLate = await proxy.releaseHeld();

      const found = await itemsById(migration);
      const wanted = new Map([
        ...ids.map((id) => [id, mappedItem(id)] as const),
        ...kept.map((item: Item) => [Number(item['sk']?.S), item] as const),
        ...application.written,
      ]);
      const wrong = ids
        .filter((id) => !sameItem(wanted.get(id) ?? {}, found.get(id)))
        .map((id) => `${JSON.stringify(wanted.get(id))} is ${JSON.stringify(found.get(id) ?? null)}`);
      expect({ wrong: wrong.slice(0, 5), overwritten: application.overwritten.slice(0, 5) }).toEqual({
        wrong: [],
        overwritten: [],
      });

      // It was a test: both sides met, faults came, and writes landed after all was over.
      expect(application.puts).toBeGreaterThan(ROWS);
      expect(application.overForeign).toBeGreaterThan(0);
      expect(landedLate).toBeGreaterThan(0);
      expect(proxy.requests.every(({ operation }) => operation === 'PutItem')).toBe(true);
      expect(outcomeOf(backfill.stdout)?.counts.newerItems).toBeGreaterThan(kept.length / 2);

      await verifies(migration, { differing: kept.length, application: application.written });
      await put(migration, [...inGroup(EQUAL), ...inGroup(UNVERSIONED)].map(mappedItem));
      await verifies(migration, { differing: 0, application: application.written });
      const [newer] = await newerRows(migration, application.written);
      const diff = await migration.run(['diff', '--keys', String(newer)]);
      expect(diff.stdout).toMatch(/^ {2}newer .*\n {4}body: stays as it is in the target/m);
      expect(diff).toMatchObject({ code: 0 });
      const said = await migration.run(['status']);
      expect(said.stdout).toMatch(/equal except \d+ newer/);
      expect(said.stdout).toMatch(/s01: \d+ items in the target were newer and stayed as they are/);
    },
  );

  it('a backfill beside a live writer writes no row that it read too long ago', { timeout: TIMEOUT_MS }, async () => {
    await using migration = await createMigration({ servers, rows: notes, config: liveConfig });
    migration.configure(({ source, target }) => {
      Object.assign(source.limits, { maxReplicaLagSeconds: 1 });
      // Twenty-five minutes for writes that land late and for clocks, a second of lag: two seconds are left to a row.
      const version = { attribute: 'version', tombstoneRetention: `${25 * 60 + 3}s` };
      Object.assign(target, { writeCapacity: 10, retryTimeoutSeconds: 1, version });
    });
    const slow = await migration.run(['backfill']);
    expect(slow).toMatchObject({ code: 5 });
    expect(slow.stderr).toContain('E_LIVE_WRITER');
    expect(slow.stderr).toMatch(/next: run the same command again: it reads the rows again/);
    expect((await migration.table.items()).length).toBeLessThan(ROWS);
    migration.configure(({ target }) => Object.assign(target, { writeCapacity: 100_000, retryTimeoutSeconds: 2 }));
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    expect((await migration.table.items()).length).toBe(ROWS);
  });
});

/** Rows that are there and whose item the application has made newer. */
async function newerRows(migration: Migration, written: ReadonlyMap<number, Item>): Promise<readonly number[]> {
  const rows = (await migration.databases[0]?.query('SELECT id, version FROM notes')) ?? [];
  return rows
    .filter(({ id, version }) => Number(written.get(Number(id))?.['version']?.N ?? 0) > Number(version))
    .map(({ id }) => Number(id));
}

/** Once no write can land any more: what is newer is counted, and whatever else differs is told. */
async function verifies(
  migration: Migration,
  expected: { readonly differing: number; readonly application: ReadonlyMap<number, Item> },
): Promise<void> {
  letLateWriteWindowPass(migration.stateFolder, ['s01']);
  const newer = await newerRows(migration, expected.application);
  expect(newer.length).toBeGreaterThan(0);
  const verify = await migration.run(['verify', '--json']);
  expect(outcomeOf(verify.stdout), verify.stderr.slice(-2_000)).toMatchObject({
    missing: 0,
    differing: expected.differing,
    unresolved: 0,
    counts: { newerItems: newer.length },
  });
  expect(verify.code).toBe(expected.differing === 0 ? 0 : 1);
}
