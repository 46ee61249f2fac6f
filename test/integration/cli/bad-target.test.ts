/**
 * Targets that do not fit or cannot be used: told at once, with nothing written, and a right run afterwards succeeds.
 */
import { DescribeTableCommand, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createTable } from '../../support/dynamodb.js';
import { createMigration, dynamodbPairs, onePair, type Migration } from '../../support/migration.js';
import { expectRefusal, jsonError } from './refusal.js';

const NO_CREDENTIALS = {
  AWS_ACCESS_KEY_ID: undefined,
  AWS_SECRET_ACCESS_KEY: undefined,
  // As on an operator's laptop: the SDK goes on to ask the instance metadata service, which is not there.
  AWS_EC2_METADATA_DISABLED: undefined,
};
/** The SDK asks the metadata service for some seconds; a run that hangs would take minutes. */
const SECONDS_WITHOUT_CREDENTIALS = 20;

/** A right run after the wrong one: nothing that was refused stands in its way. */
async function movesAfterwards(migration: Migration, rows: number): Promise<void> {
  expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
  expect(await migration.items()).toHaveLength(2 * rows);
}

describe.each(dynamodbPairs)('a target of the wrong kind: $name', { timeout: 120_000 }, (servers) => {
  it('dynaferry refuses a target table with another key schema', async () => {
    await using migration = await createMigration({ servers, rows: 20 });
    await using other = await createTable(servers.dynamodb, {
      partitionKey: { name: 'pk', type: 'S' },
      sortKey: { name: 'created', type: 'N' },
    });
    const right = migration.table.name;
    migration.configure((config) => (config.target['table'] = other.name));
    const refusal = {
      code: 'E_TARGET_KEY_SCHEMA',
      exit: 3,
      fact: /has partition key pk \(S\), sort key created \(N\); the mapping makes .*sort key sk \(S\)/,
      next: /target\.table/,
    } as const;
    for (const command of ['check', 'backfill', 'verify']) expectRefusal(await migration.run([command]), refusal);
    // --create-table is no way to alter a table that is there.
    expectRefusal(await migration.run(['backfill', '--create-table']), refusal);
    expect(await other.items()).toEqual([]);
    migration.configure((config) => (config.target['table'] = right));
    await movesAfterwards(migration, 20);
  });

  it('dynaferry refuses a target table that does not exist, until --create-table makes it with the keys of the mapping', async () => {
    await using migration = await createMigration({ servers, rows: 20, table: 'missing' });
    for (const args of [['check'], ['backfill'], ['verify'], ['check', '--all']]) {
      expectRefusal(await migration.run(args), {
        code: 'E_TARGET_TABLE_MISSING',
        exit: 3,
        fact: new RegExp(migration.table.name),
        next: /--create-table/,
      });
    }
    const names = await migration.table.client.send(new ListTablesCommand({}));
    expect(names.TableNames).not.toContain(migration.table.name);

    expect(await migration.run(['backfill', '--create-table'])).toMatchObject({ code: 0 });
    const { Table } = await migration.table.client.send(new DescribeTableCommand({ TableName: migration.table.name }));
    expect(Table?.KeySchema).toEqual([
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ]);
    expect(await migration.items()).toHaveLength(40);
  });
});

describe.each(onePair)('a target out of reach: $name', { timeout: 120_000 }, (servers) => {
  it('dynaferry reports missing AWS credentials within seconds', async () => {
    await using migration = await createMigration({ servers, rows: 20 });
    for (const args of [['check'], ['plan'], ['diff'], ['backfill'], ['verify']]) {
      const begun = performance.now();
      const result = await migration.run(args, { env: NO_CREDENTIALS });
      expect((performance.now() - begun) / 1_000, args.join(' ')).toBeLessThan(SECONDS_WITHOUT_CREDENTIALS);
      expectRefusal(result, {
        code: 'E_TARGET_CREDENTIALS',
        exit: 5,
        fact: /no AWS credentials/,
        next: /AWS_PROFILE|AWS_ACCESS_KEY_ID/,
      });
    }
    expect(jsonError(await migration.run(['backfill', '--json'], { env: NO_CREDENTIALS })).error.code).toBe(
      'E_TARGET_CREDENTIALS',
    );
    await movesAfterwards(migration, 20);
  });

  it('check reports that no AWS region is known', async () => {
    await using migration = await createMigration({ servers, rows: 20 });
    expectRefusal(await migration.run(['check'], { env: { AWS_REGION: undefined } }), {
      code: 'E_TARGET_CONNECT',
      exit: 5,
      fact: /region/,
      next: /AWS_REGION/,
    });
  });

  it('check reports an endpoint of the target where nothing listens', async () => {
    await using migration = await createMigration({ servers, rows: 20 });
    const unused = createServer().listen(0, '127.0.0.1');
    await once(unused, 'listening');
    const { port } = unused.address() as AddressInfo;
    unused.close();
    await once(unused, 'close');
    const env = { AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${port}` };
    expectRefusal(await migration.run(['check'], { env }), {
      code: 'E_TARGET_CONNECT',
      exit: 5,
      fact: /ECONNREFUSED/,
      next: /endpoint/,
    });
    await movesAfterwards(migration, 20);
  });
});
