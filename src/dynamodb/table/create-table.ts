/** Creates the target table from the mapping's keys, waits until it can be used, and turns TTL on. */
import type { AttributeDefinition, CreateTableCommandInput, KeySchemaElement } from '@aws-sdk/client-dynamodb';
import { CreateTableCommand, UpdateTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import type { IndexConfig, TargetConfig } from '../../config/model.js';
import { FerryError } from '../../core/errors.js';
import type { TargetConnection } from '../client.js';
import { pause } from '../../core/async/sleep.js';
import { callService } from './sdk-call.js';
import type { TableFacts, TableKeys } from './describe-table.js';
import { describeTargetTable } from './describe-table.js';
import { requireUsable } from './table-states.js';
import { describeTtl } from './time-to-live.js';

export interface NewTable extends TableKeys {
  readonly table: string;
  readonly billing: TargetConfig['create']['billing'];
  readonly indexes: readonly IndexConfig[];
  /**
   * Write and read capacity units a second, used for provisioned billing. The mapping's budget counts index writes as
   * well.
   */
  readonly writeCapacity: number;
  readonly readCapacity: number;
  readonly ttlAttribute: string | null;
}

/** A new table is ready within seconds, with indexes within a minute. After five minutes something is wrong. */
const ACTIVE_WITHIN_MS = 5 * 60_000;
/** The first pause between two looks at a new table, in ms. Each later one is twice as long. */
const FIRST_LOOK_MS = 50;
/** The longest pause between two looks, in ms. */
const LONGEST_PAUSE_MS = 2000;

/**
 * Creates the table if it is not there. In either case the caller compares its facts with the mapping.
 * @throws FerryError E_TARGET_NOT_ACTIVE after five minutes, E_TARGET_ACCESS, E_TARGET_REQUEST, E_INTERRUPTED
 */
export async function createTable(
  connection: TargetConnection,
  wanted: NewTable,
  signal: AbortSignal,
): Promise<TableFacts> {
  let attempts = 0;
  const created = await callService<boolean>(
    'CreateTable',
    wanted.table,
    signal,
    async () => {
      attempts++;
      await connection.client.send(new CreateTableCommand(createTableInput(wanted)), { abortSignal: signal });
      return true;
    },
    // True also if an earlier attempt created the table and its answer was lost.
    { ResourceInUseException: () => attempts > 1 },
  );
  await untilActive(connection, wanted.table, signal);
  if (created && wanted.ttlAttribute !== null) await enableTtl(connection, wanted.table, wanted.ttlAttribute, signal);
  return await untilActive(connection, wanted.table, signal);
}

async function untilActive(connection: TargetConnection, table: string, signal: AbortSignal): Promise<TableFacts> {
  const deadline = performance.now() + ACTIVE_WITHIN_MS;
  for (let pauseMs = FIRST_LOOK_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    const facts = await describeTargetTable(connection, table, signal);
    const building = facts?.indexes.filter((index) => index.status !== 'ACTIVE') ?? [];
    if (facts?.status === 'ACTIVE' && building.length === 0) return facts;
    // Other states do not become ACTIVE by themselves, so nothing waits for them.
    if (facts !== null && facts.status !== 'CREATING') requireUsable(table, facts.status, facts.details);
    if (performance.now() > deadline) {
      const indexes = building.map(({ name, status }) => `, index ${name} ${status}`).join('');
      throw new FerryError(
        'E_TARGET_NOT_ACTIVE',
        `table ${table} was created but is still ${facts?.status ?? 'missing'}${indexes} after ${ACTIVE_WITHIN_MS / 1000} s`,
        'check the table in the AWS console; when it is ACTIVE, run the same command again',
      );
    }
    await pause(pauseMs, signal);
  }
}

async function enableTtl(
  connection: TargetConnection,
  table: string,
  attribute: string,
  signal: AbortSignal,
): Promise<void> {
  let attempts = 0;
  const send = async (): Promise<void> => {
    attempts++;
    const TimeToLiveSpecification = { Enabled: true, AttributeName: attribute };
    await connection.client.send(new UpdateTimeToLiveCommand({ TableName: table, TimeToLiveSpecification }), {
      abortSignal: signal,
    });
  };
  try {
    await callService('UpdateTimeToLive', table, signal, send, { UnknownOperationException: () => undefined });
  } catch (thrown) {
    // AWS refuses to switch TTL on twice. So an attempt whose answer was lost may have switched it on.
    if (attempts === 1 || !(thrown instanceof FerryError) || thrown.code !== 'E_TARGET_REQUEST') throw thrown;
    const ttl = await describeTtl(connection, table, signal);
    if (ttl === null || typeof ttl === 'string' || ttl.attribute !== attribute || ttl.status === 'DISABLING')
      throw thrown;
  }
}

function createTableInput(wanted: NewTable): CreateTableCommandInput {
  const throughput =
    wanted.billing === 'on-demand'
      ? {}
      : {
          ProvisionedThroughput: {
            WriteCapacityUnits: Math.max(1, Math.floor(wanted.writeCapacity)),
            ReadCapacityUnits: Math.max(1, Math.floor(wanted.readCapacity)),
          },
        };
  return {
    TableName: wanted.table,
    BillingMode: wanted.billing === 'on-demand' ? 'PAY_PER_REQUEST' : 'PROVISIONED',
    AttributeDefinitions: attributeDefinitions([wanted, ...wanted.indexes]),
    KeySchema: keySchema(wanted),
    ...throughput,
    ...(wanted.indexes.length === 0
      ? {}
      : {
          GlobalSecondaryIndexes: wanted.indexes.map((index) => ({
            IndexName: index.name,
            KeySchema: keySchema(index),
            Projection: { ProjectionType: index.projection === 'all' ? ('ALL' as const) : ('KEYS_ONLY' as const) },
            ...throughput,
          })),
        }),
  };
}

function keySchema(keys: TableKeys): KeySchemaElement[] {
  const partition: KeySchemaElement = { AttributeName: keys.partitionKey.name, KeyType: 'HASH' };
  return keys.sortKey === null ? [partition] : [partition, { AttributeName: keys.sortKey.name, KeyType: 'RANGE' }];
}

/** Returns one definition for each attribute that is part of a key. */
function attributeDefinitions(all: readonly TableKeys[]): AttributeDefinition[] {
  const types = new Map<string, AttributeDefinition>();
  for (const { partitionKey, sortKey } of all) {
    for (const { name, type } of sortKey === null ? [partitionKey] : [partitionKey, sortKey]) {
      types.set(name, { AttributeName: name, AttributeType: type });
    }
  }
  return [...types.values()];
}
