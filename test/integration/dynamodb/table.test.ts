/** Tables as the tool creates and describes them, on real servers. */
import { randomBytes } from 'node:crypto';
import { DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';
import { connectTarget, type TargetConnection } from '../../../src/dynamodb/client.js';
import { createTable, type NewTable } from '../../../src/dynamodb/table/create-table.js';
import { describeTargetTable } from '../../../src/dynamodb/table/describe-table.js';
import {
  createTable as createTestTable,
  dynamodbServers,
  type DynamodbServer,
  TEST_AWS_ENVIRONMENT,
} from '../../support/dynamodb.js';
import { type Fate, inOrder, type SeenRequest, startFaultProxy } from '../../support/fault-proxy.js';
import { tableStatus } from '../../support/fault-proxy/plans.js';

const never = new AbortController().signal;

interface NewTableUnderTest extends AsyncDisposable {
  readonly connection: TargetConnection;
  readonly wanted: NewTable;
}

async function newTable(server: DynamodbServer, given: Partial<NewTable> = {}): Promise<NewTableUnderTest> {
  Object.assign(process.env, TEST_AWS_ENVIRONMENT);
  const table = `ferry_${randomBytes(6).toString('hex')}`;
  const connection = await connectTarget({ region: null, endpoint: server.endpoint, table });
  const wanted: NewTable = {
    table,
    partitionKey: { name: 'pk', type: 'S' },
    sortKey: { name: 'sk', type: 'N' },
    billing: 'on-demand',
    indexes: [],
    writeCapacity: 120,
    readCapacity: 60,
    ttlAttribute: null,
    ...given,
  };
  return {
    connection,
    wanted,
    async [Symbol.asyncDispose]() {
      await connection.client.send(new DeleteTableCommand({ TableName: table })).catch(() => undefined);
      connection.close();
    },
  };
}

describe.each(dynamodbServers)('tables: $name', (server) => {
  test('createTable() whose answers are lost creates one table, with its TTL', async () => {
    const lost = new Set<string>();
    // The first of each: applied, and never answered.
    const control = ({ operation }: SeenRequest): Fate => {
      if (operation.startsWith('Describe') || lost.has(operation)) return { kind: 'pass' };
      lost.add(operation);
      return { kind: 'reset', applied: true };
    };
    await using proxy = await startFaultProxy(server.endpoint, () => ({ kind: 'pass' }), undefined, { control });
    await using place = await newTable({ ...server, endpoint: proxy.endpoint }, { ttlAttribute: 'expires' });
    const { ttl } = await createTable(place.connection, place.wanted, never);
    expect([...lost].sort()).toEqual(['CreateTable', 'UpdateTimeToLive']);
    // dynalite takes no TTL.
    if (server.name !== 'dynalite') expect(ttl).toMatchObject({ attribute: 'expires' });
  });

  test('createTable() creates an on-demand table with an index, waits until it is ACTIVE, and describes it as it is', async () => {
    await using place = await newTable(server, {
      ttlAttribute: 'expires',
      indexes: [
        {
          name: 'by_sid',
          partitionKey: { name: 'sid', type: 'S' },
          sortKey: { name: 'sk', type: 'N' },
          projection: 'keys-only',
        },
      ],
    });
    const facts = await createTable(place.connection, place.wanted, never);
    expect(facts).toMatchObject({
      name: place.wanted.table,
      status: 'ACTIVE',
      partitionKey: { name: 'pk', type: 'S' },
      sortKey: { name: 'sk', type: 'N' },
      billing: 'on-demand',
      provisionedWriteUnits: null,
      indexes: [{ name: 'by_sid', partitionKey: { name: 'sid', type: 'S' }, local: false, status: 'ACTIVE' }],
    });
    // dynalite tells that TTL is off, and knows no way to turn it on.
    expect(facts.ttl).toEqual(server.name === 'dynalite' ? null : { attribute: 'expires', status: 'ENABLED' });
    expect(await describeTargetTable(place.connection, place.wanted.table, never)).toEqual(facts);
  });

  test('createTable() creates a provisioned table with the capacity asked for, and without a sort key where none is asked for', async () => {
    await using place = await newTable(server, { billing: 'provisioned', sortKey: null });
    const facts = await createTable(place.connection, place.wanted, never);
    expect(facts).toMatchObject({ billing: 'provisioned', provisionedWriteUnits: 120, sortKey: null, stream: false });
  });

  test('describeTargetTable() tells local from global indexes, each with its projection', async () => {
    const at = (name: string) => ({ name, type: 'N' }) as const;
    await using table = await createTestTable(server, {
      partitionKey: { name: 'pk', type: 'S' },
      sortKey: { name: 'sk', type: 'N' },
      indexes: [{ name: 'global', partitionKey: { name: 'a', type: 'N' }, sortKey: null, projection: 'keys-only' }],
      localIndexes: [
        { name: 'whole', sortKey: at('a'), projection: 'all' },
        { name: 'keys', sortKey: at('b'), projection: 'keys-only' },
        { name: 'some', sortKey: at('c'), projection: ['d', 'e'] },
      ],
    });
    Object.assign(process.env, TEST_AWS_ENVIRONMENT);
    const connection = await connectTarget({ region: null, endpoint: server.endpoint, table: table.name });
    const { indexes } = (await describeTargetTable(connection, table.name, never)) ?? { indexes: [] };
    connection.close();
    const known = indexes.map(({ name, local, sortKey, projection }) => ({ name, local, sortKey, projection }));
    expect(known.sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
      { name: 'global', local: false, sortKey: null, projection: [] },
      { name: 'keys', local: true, sortKey: at('b'), projection: [] },
      { name: 'some', local: true, sortKey: at('c'), projection: ['d', 'e'] },
      { name: 'whole', local: true, sortKey: at('a'), projection: 'all' },
    ]);
  });

  test('createTable() leaves an existing table as it is', async () => {
    await using place = await newTable(server);
    const first = await createTable(place.connection, place.wanted, never);
    const second = await createTable(
      place.connection,
      { ...place.wanted, sortKey: { name: 'other', type: 'S' } },
      never,
    );
    expect(second).toEqual(first);
  });

  test.each([
    ['DELETING', /will not come back/],
    ['INACCESSIBLE_ENCRYPTION_CREDENTIALS', /KMS key/],
  ])('createTable() does not wait for a table that is %s', async (status, says) => {
    await using place = await newTable(server);
    await createTable(place.connection, place.wanted, never);
    const control = tableStatus(status);
    await using proxy = await startFaultProxy(server.endpoint, inOrder(), undefined, { control });
    const connection = await connectTarget({ region: null, endpoint: proxy.endpoint, table: place.wanted.table });
    await expect(createTable(connection, place.wanted, never)).rejects.toMatchObject({
      code: 'E_TARGET_NOT_ACTIVE',
      message: expect.stringMatching(says) as string,
    });
    connection.close();
  });

  test('describeTargetTable() returns null for a table that does not exist', async () => {
    await using place = await newTable(server);
    expect(await describeTargetTable(place.connection, place.wanted.table, never)).toBeNull();
  });
});

describe.each(dynamodbServers.slice(0, 1))('an endpoint where nothing listens', (server) => {
  test('describeTargetTable() fails with E_TARGET_CONNECT where nothing listens at the endpoint', async () => {
    const closed = await startFaultProxy(server.endpoint, inOrder());
    await closed[Symbol.asyncDispose]();
    Object.assign(process.env, TEST_AWS_ENVIRONMENT);
    const connection = await connectTarget({ region: null, endpoint: closed.endpoint, table: 't' });
    await expect(describeTargetTable(connection, 't', never)).rejects.toMatchObject({ code: 'E_TARGET_CONNECT' });
    await expect(describeTargetTable(connection, 't', AbortSignal.abort())).rejects.toMatchObject({
      code: 'E_INTERRUPTED',
    });
    connection.close();
  });
});
