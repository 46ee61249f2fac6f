/**
 * A table of an emulator for many rounds, each with partitions of its own; what it holds is looked at past the proxy.
 */
import { randomBytes } from 'node:crypto';
import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  CreateTableCommand,
  DeleteTableCommand,
  DynamoDBClient,
  waitUntilTableExists,
  type AttributeValue,
} from '@aws-sdk/client-dynamodb';
import type { MappedItem } from '../../src/core/model.js';
import { canonicalItemText } from '../../src/mapping/item/canonical.js';
import type { DynamodbServer } from '../support/servers/server.js';

export const AWS = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_REGION: 'us-east-1' } as const;

export interface Stage {
  readonly server: DynamodbServer;
  readonly table: string;
  /** It says what a refused put met. */
  readonly tells: boolean;
  put(items: readonly MappedItem[]): Promise<void>;
  /** By key text; none where there is none. */
  held(items: readonly MappedItem[]): Promise<ReadonlyMap<string, string>>;
  close(): Promise<void>;
}

const CREDENTIALS = { accessKeyId: AWS.AWS_ACCESS_KEY_ID, secretAccessKey: AWS.AWS_SECRET_ACCESS_KEY };

export async function openStage(server: DynamodbServer): Promise<Stage> {
  const table = `fuzz_${randomBytes(6).toString('hex')}`;
  const client = new DynamoDBClient({
    endpoint: server.endpoint,
    region: AWS.AWS_REGION,
    credentials: CREDENTIALS,
  });
  await createFuzzTable(client, table);
  return {
    server,
    table,
    tells: server.name !== 'dynalite',
    async put(items) {
      for (const part of slices(items, 25)) {
        const puts = part.map(({ text }) => ({
          PutRequest: { Item: JSON.parse(text) as Record<string, AttributeValue> },
        }));
        await client.send(new BatchWriteItemCommand({ RequestItems: { [table]: puts } }));
      }
    },
    async held(items) {
      const found = new Map<string, string>();
      for (const part of slices(items, 100)) {
        const Keys = part.map(({ keyText }) => JSON.parse(keyText) as Record<string, AttributeValue>);
        const request = { RequestItems: { [table]: { Keys, ConsistentRead: true } } };
        const { Responses } = await client.send(new BatchGetItemCommand(request));
        for (const item of Responses?.[table] ?? []) {
          found.set(JSON.stringify({ pk: item['pk'], sk: item['sk'] }), canonicalItemText(item));
        }
      }
      return found;
    },
    async close() {
      await client.send(new DeleteTableCommand({ TableName: table }));
      client.destroy();
    },
  };
}

export async function createFuzzTable(client: DynamoDBClient, table: string): Promise<void> {
  await client.send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' },
        { AttributeName: 'sk', AttributeType: 'S' },
      ],
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
    }),
  );
  await waitUntilTableExists({ client, maxWaitTime: 20, minDelay: 0.05, maxDelay: 0.5 }, { TableName: table });
}

function slices<T>(all: readonly T[], length: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / length) }, (_, i) => all.slice(i * length, (i + 1) * length));
}
