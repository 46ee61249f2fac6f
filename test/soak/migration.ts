/** What the soak moves: two shards of the message log, one item a row, into one table. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CreateTableCommand,
  DynamoDBClient,
  paginateScan,
  waitUntilTableExists,
  type AttributeDefinition,
} from '@aws-sdk/client-dynamodb';
import { createConnection } from 'mysql2/promise';
import { stringify } from 'yaml';
import { seedShard } from '../../fixtures/postflight/generate.js';
import type { MysqlServer } from '../support/servers/server.js';

export const SHARDS = ['s01', 's02'];
const USER = 'soak';
/** Above the pace: for larger items, and for what throttles and resumes take. */
const HEADROOM = 1.6;
const AWS = { AWS_ACCESS_KEY_ID: 'soak', AWS_SECRET_ACCESS_KEY: 'soak', AWS_REGION: 'us-east-1' };

export interface SoakSource {
  /** Ends one connection of dynaferry, whatever it does. @returns false where there was none */
  killConnection(choose: number): Promise<boolean>;
  close(): Promise<void>;
}

export async function seedSoakSource(server: MysqlServer, rows: number): Promise<SoakSource> {
  const { host, port, user, password } = server;
  const connection = await createConnection({ host, port, user, password });
  await connection.query(`CREATE USER '${USER}'@'127.0.0.1'`);
  await connection.query(`GRANT REPLICATION CLIENT ON *.* TO '${USER}'@'127.0.0.1'`);
  const now = new Date(new Date().toISOString().slice(0, 10));
  for (const [shard, database] of SHARDS.entries()) {
    const count = shard === 0 ? Math.ceil(rows / 2) : Math.floor(rows / 2);
    await connection.query(`CREATE DATABASE ${database} CHARACTER SET utf8mb4`);
    await connection.query(`GRANT SELECT ON ${database}.* TO '${USER}'@'127.0.0.1'`);
    await connection.query(`USE ${database}`);
    await seedShard(connection, { seed: 1, shard, shards: SHARDS.length, count, now });
    await connection.query('ANALYZE TABLE messages');
  }
  return {
    async killConnection(choose) {
      const [found] = await connection.query('SELECT id FROM information_schema.processlist WHERE user = ?', [USER]);
      const ids = (found as { id?: number; ID?: number }[]).map((row) => row.id ?? row.ID ?? 0);
      const id = ids[Math.floor(choose * ids.length)];
      if (id === undefined) return false;
      // It may have gone by itself in between.
      await connection.query(`KILL ${id}`).catch(() => undefined);
      return true;
    },
    close: () => connection.end(),
  };
}

export interface SoakTable {
  readonly name: string;
  /** Items, by a plain Scan. */
  count(): Promise<number>;
  close(): Promise<void>;
}

export async function createSoakTable(endpoint: string): Promise<SoakTable> {
  const name = 'soak';
  const client = new DynamoDBClient({
    endpoint,
    region: AWS.AWS_REGION,
    credentials: { accessKeyId: AWS.AWS_ACCESS_KEY_ID, secretAccessKey: AWS.AWS_SECRET_ACCESS_KEY },
  });
  const keys: AttributeDefinition[] = ['pk', 'sk'].map((key) => ({ AttributeName: key, AttributeType: 'S' }));
  await client.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: keys,
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
    }),
  );
  await waitUntilTableExists({ client, maxWaitTime: 20, minDelay: 0.1, maxDelay: 0.5 }, { TableName: name });
  return {
    name,
    async count() {
      let items = 0;
      for await (const page of paginateScan({ client }, { TableName: name, Select: 'COUNT', ConsistentRead: true })) {
        items += page.Count ?? 0;
      }
      return items;
    },
    close() {
      client.destroy();
      return Promise.resolve();
    },
  };
}

interface Setting {
  readonly state: string;
  readonly mysql: MysqlServer;
  readonly table: string;
  readonly endpoint: string;
  /** Rows a second. */
  readonly pace: { readonly write: number; readonly read: number };
}

/** @returns the environment to run dynaferry with */
export function writeConfig(
  folder: string,
  { state, mysql, table, endpoint, pace }: Setting & { readonly source: SoakSource },
): Readonly<Record<string, string>> {
  const config = {
    state,
    source: {
      shards: SHARDS.map((id) => ({
        id,
        host: mysql.host,
        port: mysql.port,
        user: USER,
        password: '${SOAK_PASSWORD}',
        database: id,
      })),
      table: { name: 'messages', shardedBy: 'account_sid', globallyUnique: ['sid'] },
      // What a kill makes again stays small beside the pace.
      limits: { chunkRows: 250 },
    },
    target: { table, writeCapacity: Math.ceil(pace.write * HEADROOM), readCapacity: Math.ceil(pace.read * HEADROOM) },
    mapping: {
      messages: {
        items: [
          {
            name: 'message',
            partitionKey: { name: 'pk', template: 'ACCT#{account_sid}' },
            sortKey: { name: 'sk', template: '{created_at:iso}#{sid}' },
          },
        ],
      },
    },
  };
  writeFileSync(join(folder, 'dynaferry.yaml'), stringify(config));
  return { ...AWS, AWS_ENDPOINT_URL_DYNAMODB: endpoint, SOAK_PASSWORD: '' };
}
