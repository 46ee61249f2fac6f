/** Makes a DynamoDB table for one test: empty and ACTIVE at the start, deleted at the end. */
import { randomBytes } from 'node:crypto';
import {
  CreateTableCommand,
  DeleteTableCommand,
  DynamoDBClient,
  paginateScan,
  ResourceNotFoundException,
  waitUntilTableExists,
  type AttributeValue,
} from '@aws-sdk/client-dynamodb';
import { inject } from 'vitest';
import type { IndexConfig, KeyType } from '../../src/config/model.js';
import type { DynamodbServer } from './servers/server.js';
import { TEST_AWS_ENVIRONMENT } from './aws-environment.js';

export type { DynamodbServer } from './servers/server.js';

/** Every DynamoDB of this run; may be empty. For `describe.each(dynamodbServers)('$name', ...)`. */
export const dynamodbServers: readonly DynamodbServer[] = inject('dynamodbServers');

export { TEST_AWS_ENVIRONMENT };

const ACTIVE_WITHIN_SECONDS = 20;

export type Item = Record<string, AttributeValue>;

export interface KeyAttribute {
  readonly name: string;
  readonly type: KeyType;
}

export interface TableKeys {
  readonly partitionKey: KeyAttribute;
  readonly sortKey?: KeyAttribute;
  readonly indexes?: readonly IndexConfig[];
  readonly localIndexes?: readonly LocalIndexKeys[];
}

/** Its partition key is the table's. */
export interface LocalIndexKeys {
  readonly name: string;
  readonly sortKey: KeyAttribute;
  /** Names for INCLUDE. */
  readonly projection: 'all' | 'keys-only' | readonly string[];
}

export interface TestTable extends AsyncDisposable {
  readonly name: string;
  readonly endpoint: string;
  /** The SDK's own client with its own defaults: what a reader of the table would use. */
  readonly client: DynamoDBClient;
  /** Every item, strongly consistent, in the order of a Scan. */
  items(): Promise<Item[]>;
}

/** Makes a client for an emulator. The caller destroys it. */
export function testClient(endpoint: string): DynamoDBClient {
  return new DynamoDBClient({
    endpoint,
    region: TEST_AWS_ENVIRONMENT.AWS_REGION,
    credentials: {
      accessKeyId: TEST_AWS_ENVIRONMENT.AWS_ACCESS_KEY_ID,
      secretAccessKey: TEST_AWS_ENVIRONMENT.AWS_SECRET_ACCESS_KEY,
    },
  });
}

/** `await using table = await createTable(server, { partitionKey: { name: 'pk', type: 'S' } })` */
export async function createTable(server: DynamodbServer, keys: TableKeys): Promise<TestTable> {
  const name = `ferry_${randomBytes(6).toString('hex')}`;
  const client = testClient(server.endpoint);
  const { partitionKey, indexes = [], localIndexes = [] } = keys;
  await client.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: attributeDefinitions([
        keys,
        ...indexes,
        ...localIndexes.map(({ sortKey }) => ({ partitionKey, sortKey })),
      ]),
      KeySchema: keySchema(keys),
      ...(indexes.length === 0 ? {} : { GlobalSecondaryIndexes: indexes.map(globalIndex) }),
      ...(localIndexes.length === 0
        ? {}
        : { LocalSecondaryIndexes: localIndexes.map((index) => localIndex(index, partitionKey)) }),
    }),
  );
  await waitUntilTableExists(
    { client, maxWaitTime: ACTIVE_WITHIN_SECONDS, minDelay: 0.05, maxDelay: 0.5 },
    { TableName: name },
  );

  return {
    name,
    endpoint: server.endpoint,
    client,
    async items() {
      const items: Item[] = [];
      for await (const page of paginateScan({ client }, { TableName: name, ConsistentRead: true })) {
        items.push(...(page.Items ?? []));
      }
      return items;
    },
    async [Symbol.asyncDispose]() {
      try {
        await client.send(new DeleteTableCommand({ TableName: name }));
      } catch (error) {
        if (!(error instanceof ResourceNotFoundException)) throw error;
      } finally {
        client.destroy();
      }
    },
  };
}

type Keys = Pick<TableKeys, 'partitionKey'> & { readonly sortKey?: KeyAttribute | null };

function keySchema({ partitionKey, sortKey }: Keys) {
  const hash = { AttributeName: partitionKey.name, KeyType: 'HASH' as const };
  return sortKey ? [hash, { AttributeName: sortKey.name, KeyType: 'RANGE' as const }] : [hash];
}

function globalIndex(index: IndexConfig) {
  const type = index.projection === 'all' ? ('ALL' as const) : ('KEYS_ONLY' as const);
  return { IndexName: index.name, KeySchema: keySchema(index), Projection: { ProjectionType: type } };
}

function localIndex({ name, sortKey, projection }: LocalIndexKeys, partitionKey: KeyAttribute) {
  const projected =
    projection === 'all'
      ? { ProjectionType: 'ALL' as const }
      : projection === 'keys-only'
        ? { ProjectionType: 'KEYS_ONLY' as const }
        : { ProjectionType: 'INCLUDE' as const, NonKeyAttributes: [...projection] };
  return { IndexName: name, KeySchema: keySchema({ partitionKey, sortKey }), Projection: projected };
}

/** Each key attribute once: the service refuses doubles. */
function attributeDefinitions(schemas: readonly Keys[]) {
  const attributes = schemas.flatMap(({ partitionKey, sortKey }) =>
    sortKey ? [partitionKey, sortKey] : [partitionKey],
  );
  const types = new Map(attributes.map(({ name, type }) => [name, type]));
  return [...types].map(([name, type]) => ({ AttributeName: name, AttributeType: type }));
}
