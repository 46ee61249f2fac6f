/** Reads the facts about the target table before a run: keys, indexes, capacity, streams, TTL. */
import type { Projection, TableDescription } from '@aws-sdk/client-dynamodb';
import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import type { KeyType } from '../../config/model.js';
import { FerryError } from '../../core/errors.js';
import type { TargetConnection } from '../client.js';
import { callService } from './sdk-call.js';
import { requireUsable, type StateDetails } from './table-states.js';
import { describeTtl, type TtlSetting } from './time-to-live.js';

export interface KeyAttribute {
  readonly name: string;
  readonly type: KeyType;
}

export interface TableKeys {
  readonly partitionKey: KeyAttribute;
  readonly sortKey: KeyAttribute | null;
}

export interface IndexFacts extends TableKeys {
  readonly name: string;
  /** Local indexes share the table's partitions and capacity, and limit an item collection to 10 GB. */
  readonly local: boolean;
  /** Names of the attributes that its entries hold beside the keys of table and index; `all`: the whole item. */
  readonly projection: 'all' | readonly string[];
  /** `ACTIVE`, `CREATING`, ... DynamoDB creates a local index together with its table. */
  readonly status: string;
  /** DynamoDB is still adding the older items to the index. */
  readonly backfilling: boolean;
}

export interface ReplicaFacts {
  readonly region: string;
  readonly status: string;
}

export interface TableFacts extends TableKeys {
  readonly name: string;
  /**
   * Distinguishes this table from any other, also from a later one with its name: its ARN, and its id or creation time.
   */
  readonly identity: string;
  /** The AWS account in the table's ARN, 12 digits; null: the ARN is missing or has another form. */
  readonly account: string | null;
  /** Items in the table, as the service last counted them; AWS counts about every six hours. null: it did not say. */
  readonly itemCount: number | null;
  /** `ACTIVE`, `CREATING`, `UPDATING`, `DELETING`, `ARCHIVED`, ... */
  readonly status: string;
  readonly details: StateDetails;
  readonly indexes: readonly IndexFacts[];
  /** The replicas of a global table in other regions. */
  readonly replicas: readonly ReplicaFacts[];
  readonly billing: 'on-demand' | 'provisioned';
  /** Write capacity units a second of the table itself; null: the table is on demand. */
  readonly provisionedWriteUnits: number | null;
  /** Write units a second that the table takes at once; null: the service does not report it. */
  readonly warmWriteUnits: number | null;
  readonly stream: boolean;
  readonly ttl: TtlSetting;
}

/**
 * @returns null if the table does not exist
 * @throws FerryError E_TARGET_CONNECT, E_TARGET_ACCESS, E_TARGET_CREDENTIALS
 */
export async function describeTargetTable(
  connection: TargetConnection,
  table: string,
  signal: AbortSignal,
): Promise<TableFacts | null> {
  const facts = await lookAtTable(connection, table, signal);
  return facts === null ? null : { ...facts, ttl: await describeTtl(connection, table, signal) };
}

/**
 * Reads everything except TTL, with one request.
 * @returns null if the table does not exist
 * @throws as `describeTargetTable`; FerryError E_TARGET_NOT_ACTIVE
 */
export async function lookAtTable(
  connection: TargetConnection,
  table: string,
  signal: AbortSignal,
): Promise<Omit<TableFacts, 'ttl'> | null> {
  const send = async (): Promise<TableDescription | null> => {
    const { Table } = await connection.client.send(new DescribeTableCommand({ TableName: table }), {
      abortSignal: signal,
    });
    return Table ?? null;
  };
  const description = await callService('DescribeTable', table, signal, send, {
    ResourceNotFoundException: () => null,
  });
  if (description === null) return null;
  const { KeySchema: keys, TableId, CreationDateTime } = description;
  // AWS describes a table that is being deleted without its keys. Then its state is the only fact.
  if (!keys || (!TableId && !CreationDateTime)) requireUsable(table, statusOf(description), detailsOf(description));
  return factsOf(table, description);
}

function statusOf({ TableStatus }: TableDescription): string {
  return TableStatus ?? 'UNKNOWN';
}

function detailsOf({ SSEDescription, ArchivalSummary }: TableDescription): StateDetails {
  return {
    keyLostAt: SSEDescription?.InaccessibleEncryptionDateTime ?? null,
    backup: ArchivalSummary?.ArchivalBackupArn ?? null,
  };
}

/**
 * Returns the facts in an answer to DescribeTable that `call-answers.ts` has checked. It reads only members that are in
 * the shape there.
 */
export function factsOf(table: string, description: TableDescription): Omit<TableFacts, 'ttl'> {
  const types = new Map(
    description.AttributeDefinitions?.map(({ AttributeName, AttributeType }) => [AttributeName, AttributeType]),
  );
  const attribute = (name: string | undefined): KeyAttribute => ({ name: name ?? '', type: keyType(types.get(name)) });
  const keysOf = (schema: TableDescription['KeySchema']): TableKeys => {
    const named = (role: string): string | undefined => schema?.find(({ KeyType }) => KeyType === role)?.AttributeName;
    const sort = named('RANGE');
    return { partitionKey: attribute(named('HASH')), sortKey: sort === undefined ? null : attribute(sort) };
  };
  const provisioned = description.ProvisionedThroughput?.WriteCapacityUnits ?? 0;
  const onDemand = description.BillingModeSummary?.BillingMode === 'PAY_PER_REQUEST' || provisioned === 0;
  return {
    ...keysOf(description.KeySchema),
    name: description.TableName ?? table,
    identity: identityOf(description),
    account: /^arn:[\w-]+:dynamodb:[^:]*:(\d{12}):/.exec(description.TableArn ?? '')?.[1] ?? null,
    itemCount: description.ItemCount ?? null,
    status: statusOf(description),
    details: detailsOf(description),
    indexes: [
      ...(description.GlobalSecondaryIndexes ?? []).map((index) => ({
        ...keysOf(index.KeySchema),
        name: index.IndexName ?? '',
        local: false,
        projection: projectionOf(index.Projection),
        status: index.IndexStatus ?? 'ACTIVE',
        backfilling: index.Backfilling ?? false,
      })),
      ...(description.LocalSecondaryIndexes ?? []).map((index) => ({
        ...keysOf(index.KeySchema),
        name: index.IndexName ?? '',
        local: true,
        projection: projectionOf(index.Projection),
        status: 'ACTIVE',
        backfilling: false,
      })),
    ],
    replicas: (description.Replicas ?? []).map(({ RegionName, ReplicaStatus }) => ({
      region: RegionName ?? '',
      status: ReplicaStatus ?? 'ACTIVE',
    })),
    billing: onDemand ? 'on-demand' : 'provisioned',
    provisionedWriteUnits: onDemand ? null : provisioned,
    warmWriteUnits: description.WarmThroughput?.WriteUnitsPerSecond ?? null,
    stream: description.StreamSpecification?.StreamEnabled ?? false,
  };
}

/** Returns `all` if the service does not report a projection. */
function projectionOf(projection: Projection | undefined): IndexFacts['projection'] {
  if (projection?.ProjectionType === 'KEYS_ONLY') return [];
  return projection?.ProjectionType === 'INCLUDE' ? (projection.NonKeyAttributes ?? []) : 'all';
}

/**
 * Returns what distinguishes tables: AWS's TableId, or on DynamoDB Local, which has none, the creation time in ms. A
 * table with neither looks like one that replaces it, so nothing may rely on it.
 */
function identityOf({ TableArn, TableId, CreationDateTime }: TableDescription): string {
  const own = TableId ?? (CreationDateTime === undefined ? undefined : isoTime(CreationDateTime));
  if (own !== undefined && own !== '') return `${TableArn ?? ''} ${own}`;
  throw new FerryError(
    'E_TARGET_REQUEST',
    'DescribeTable answered without TableId and CreationDateTime: dynaferry cannot distinguish this table from another one with its name',
    'check the endpoint: is it DynamoDB?',
  );
}

/** Returns undefined if it is not a valid time. */
function isoTime(time: Date): string | undefined {
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

function keyType(type: string | undefined): KeyType {
  if (type === 'S' || type === 'N' || type === 'B') return type;
  throw new FerryError(
    'E_TARGET_REQUEST',
    'DescribeTable answered with a key attribute without a type',
    'check the endpoint: is it DynamoDB?',
  );
}
