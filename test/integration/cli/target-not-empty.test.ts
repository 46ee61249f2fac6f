/**
 * Targets that hold items which no state of this migration knows: dynaferry refuses a first backfill into such a table,
 * since puts would replace items with equal keys. It refuses none into a table that its own states know.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import {
  CreateTableCommand,
  DeleteTableCommand,
  PutItemCommand,
  type TableDescription,
} from '@aws-sdk/client-dynamodb';
import { DescribeTableCommand, waitUntilTableExists, waitUntilTableNotExists } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from 'vitest';
import { archiveState } from '../../../src/state/restart.js';
import { PASS } from '../../support/fault-proxy/fates.js';
import { startFaultProxy } from '../../support/fault-proxy.js';
import type { Item } from '../../support/dynamodb.js';
import {
  createMigration,
  dynamodbPairs,
  onePair,
  type ConfigDocument,
  type Migration,
} from '../../support/migration.js';
import { expectRefusal } from './refusal.js';

/** A row of each shard will map to the key of the precious item: `A#1` and 38. */
const ROWS = (shard: number): readonly string[] => [
  'CREATE TABLE events (account VARCHAR(20) NOT NULL, id INT NOT NULL, body TEXT, PRIMARY KEY (account, id))',
  `INSERT INTO events VALUES ('${shard + 1}', 38, 'a'), ('${shard + 1}', 39, 'b')`,
];
const PRECIOUS: Item = { pk: { S: 'A#1' }, sk: { S: '000000000038' }, precious: { N: '1' } };
const OTHER: Item = { pk: { S: 'USER#secret-name' }, sk: { S: 'PROFILE' }, precious: { N: '1' } };

function eventsConfig(config: ConfigDocument): void {
  config.source.table = { name: 'events', shardedBy: 'account' };
  config.mapping = {
    events: {
      items: [
        {
          partitionKey: { name: 'pk', template: 'A#{account}' },
          sortKey: { name: 'sk', template: '{id:pad(12)}' },
        },
      ],
    },
  };
}

async function put({ table }: Migration, ...items: readonly Item[]): Promise<void> {
  for (const Item of items) await table.client.send(new PutItemCommand({ TableName: table.name, Item }));
}

/** Deletes the table and creates it again, empty, with the same keys. */
async function recreate({ table }: Migration): Promise<void> {
  const TableName = table.name;
  const { Table } = await table.client.send(new DescribeTableCommand({ TableName }));
  const { AttributeDefinitions, KeySchema } = Table as TableDescription;
  const patience = { client: table.client, maxWaitTime: 20, minDelay: 0.05, maxDelay: 0.5 };
  await table.client.send(new DeleteTableCommand({ TableName }));
  await waitUntilTableNotExists(patience, { TableName });
  await table.client.send(
    new CreateTableCommand({ TableName, AttributeDefinitions, KeySchema, BillingMode: 'PAY_PER_REQUEST' }),
  );
  await waitUntilTableExists(patience, { TableName });
}

const NOT_EMPTY = {
  code: 'E_TARGET_NOT_EMPTY',
  exit: 3,
  fact: /already holds items/,
  next: /target\.table.*--into-existing/,
} as const;

describe.each(dynamodbPairs)('a first backfill into a table with items: $name', { timeout: 240_000 }, (servers) => {
  const events = async (shards = 1): Promise<Migration> =>
    await createMigration({ servers, shards, rows: ROWS, config: eventsConfig });

  it('backfill and check refuse a table whose item has the key of a row, and the item stays', async () => {
    await using migration = await events();
    await put(migration, PRECIOUS);
    for (const args of [['check'], ['backfill'], ['backfill', '--create-table']]) {
      const result = await migration.run(args);
      expectRefusal(result, NOT_EMPTY);
      const told = result.stdout + result.stderr;
      expect(told).toMatch(/Of one item that dynaferry looked at, 1 has a pk that begins with "A#"/);
      expect(told).not.toMatch(/000000000038|precious/);
    }
    expect(await migration.items()).toEqual([PRECIOUS]);
  });

  it('backfill --into-existing overwrites the item, after a warning, and later runs need no such option', async () => {
    await using migration = await events();
    await put(migration, PRECIOUS, OTHER);
    expect(await migration.run(['check', '--into-existing'])).toMatchObject({ code: 0 });
    const moved = await migration.run(['backfill', '--into-existing']);
    expect(moved).toMatchObject({ code: 0 });
    expect(moved.stderr).toMatch(/warning E_TARGET_NOT_EMPTY: table \S+ already holds items/);
    expect(moved.stderr).not.toContain('secret-name');
    const items = await migration.items();
    expect(items).toHaveLength(3);
    expect(items).not.toContainEqual(PRECIOUS);
    for (const args of [['check'], ['backfill'], ['backfill', '--restart'], ['verify']]) {
      const again = await migration.run(args);
      expect(again, args.join(' ')).toMatchObject({ code: 0 });
      expect(again.stdout + again.stderr).not.toContain('E_TARGET_NOT_EMPTY');
    }
  });

  it('the first backfill of another shard goes into a table that the state of a moved shard knows', async () => {
    await using migration = await events(2);
    expect(await migration.run(['backfill', '--shard', 's01'])).toMatchObject({ code: 0 });
    expect(await migration.run(['check'])).toMatchObject({ code: 0 });
    expect(await migration.run(['backfill', '--shard', 's02'])).toMatchObject({ code: 0 });
    expect(await migration.items()).toHaveLength(4);
    // Without the states, nobody knows whose they are.
    rmSync(migration.stateFolder, { recursive: true });
    expectRefusal(await migration.run(['backfill', '--all']), NOT_EMPTY);
  });

  it('a restart into a table that was created again refuses other items there', async () => {
    await using migration = await events();
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    await recreate(migration);
    await put(migration, OTHER);
    // A resume is refused for the other table, as before.
    expectRefusal(await migration.run(['backfill']), {
      code: 'E_STATE_CHANGED',
      exit: 6,
      fact: /target/,
      next: /restart/,
    });
    const restart = await migration.run(['backfill', '--restart']);
    expectRefusal(restart, NOT_EMPTY);
    expect(restart.stderr).toMatch(/none has a key that begins as the mapping's own keys do \("A#"\)/);
    expect(await migration.items()).toEqual([OTHER]);
    expect(await migration.run(['backfill', '--restart', '--into-existing'])).toMatchObject({ code: 0 });
    expect(await migration.items()).toHaveLength(3);
  });
});

describe.each(onePair)('the look at the items of a target: $name', { timeout: 240_000 }, (servers) => {
  const events = async (config: (config: ConfigDocument) => void = () => undefined): Promise<Migration> =>
    await createMigration({
      ...{ servers, rows: ROWS },
      config: (document) => {
        eventsConfig(document);
        config(document);
      },
    });

  it('a first backfill beside a live writer warns of the items in the table, and overwrites no newer one', async () => {
    await using migration = await events(({ target, mapping }) => {
      Object.assign(target, { liveWriter: 'concurrent', version: { attribute: 'v', tombstoneRetention: '7d' } });
      const { items } = mapping['events'] as { items: Record<string, unknown>[] };
      Object.assign(items[0] ?? {}, { attributes: { rules: { id: { name: 'v' } } } });
    });
    const newer: Item = { ...PRECIOUS, v: { N: '100' } };
    await put(migration, newer);
    const moved = await migration.run(['backfill']);
    expect(moved).toMatchObject({ code: 0 });
    expect(moved.stderr).toMatch(/warning E_TARGET_NOT_EMPTY: .* already holds items/);
    expect(await migration.items()).toContainEqual(newer);

    // The items of that application are not ours: a restart without the condition would overwrite them.
    migration.configure(({ target }) => {
      delete target['liveWriter'];
      delete target['version'];
    });
    expectRefusal(await migration.run(['backfill', '--restart']), NOT_EMPTY);
    expect(await migration.items()).toContainEqual(newer);
  });

  it('a first backfill whose role may not Scan the table warns that it could not look', async () => {
    await using migration = await events();
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, () => PASS, undefined, {
      control: ({ operation }) =>
        operation === 'Scan' ? { kind: 'error', status: 400, name: 'AccessDeniedException' } : PASS,
    });
    const env = { AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint };
    for (const args of [['check'], ['backfill']]) {
      const result = await migration.run(args, { env });
      expect(result, args.join(' ')).toMatchObject({ code: 0 });
      expect(result.stdout + result.stderr).toMatch(
        /warning E_TARGET_ACCESS: AWS denied dynamodb:Scan on table [^]*next: allow dynamodb:Scan/,
      );
    }
  });

  it('a dry run, verify and a run that resumes send no Scan', async () => {
    await using migration = await events();
    const scans: string[] = [];
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, () => PASS, undefined, {
      control: ({ operation }) => {
        if (operation === 'Scan') scans.push(operation);
        return PASS;
      },
    });
    const env = { AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint };
    expect(await migration.run(['backfill', '--dry-run'], { env })).toMatchObject({ code: 0 });
    expect(scans).toEqual([]);
    expect(await migration.run(['backfill'], { env })).toMatchObject({ code: 0 });
    expect(scans).toEqual(['Scan']);
    for (const args of [['backfill'], ['verify'], ['backfill', '--retry-bad'], ['diff'], ['backfill', '--restart']]) {
      expect(await migration.run(args, { env }), args.join(' ')).toMatchObject({ code: 0 });
    }
    expect(scans).toEqual(['Scan']);
  });

  it('an interrupted restart goes on into its own table', async () => {
    await using migration = await events();
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    // As a restart that was killed after it had put the state aside.
    expect(archiveState({ folder: migration.stateFolder, shard: 's01' })).not.toBeNull();
    const resumed = await migration.run(['backfill']);
    expect(resumed).toMatchObject({ code: 0 });
    expect(resumed.stderr).not.toContain('E_TARGET_NOT_EMPTY');
  });

  it('a damaged state of one shard does not let the first backfill of another one into the table', async () => {
    await using migration = await createMigration({ servers, shards: 2, rows: ROWS, config: eventsConfig });
    await put(migration, PRECIOUS);
    mkdirSync(migration.stateFolder, { recursive: true });
    writeFileSync(`${migration.stateFolder}/s02.db`, 'no state at all');
    const first = await migration.run(['backfill', '--shard', 's01']);
    expect(first).toMatchObject({ code: 3 });
    expect(first.stderr).toMatch(/error E_TARGET_NOT_EMPTY: .*The state of shard s02 cannot be read/);
    expect(await migration.items()).toEqual([PRECIOUS]);
  });

  it('a damaged state does not hide the items: a restart of its shard warns of them', async () => {
    await using migration = await events();
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    writeFileSync(`${migration.stateFolder}/s01.db`, 'no state at all');
    const restart = await migration.run(['backfill', '--restart']);
    expect(restart).toMatchObject({ code: 0 });
    expect(restart.stderr).toMatch(/warning E_TARGET_NOT_EMPTY: .*The state of shard s01 cannot be read/);
  });
});
