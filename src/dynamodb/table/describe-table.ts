/** Reads what there is to know of the target table before a run: keys, indexes, capacity, streams, TTL. */
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
  /** Names of what its entries hold beside the keys of table and index; `all`: the whole item. */
  readonly projection: 'all' | readonly string[];
  /** `ACTIVE`, `CREATING`, ...; a local index is there as soon as its table is. */
  readonly status: string;
  /** Items that were there before it are being taken into it. */
  readonly backfilling: boolean;
}

export interface ReplicaFacts {
  readonly region: string;
  readonly status: string;
}

export interface TableFacts extends TableKeys {
  readonly name: string;
  /**
   * Tells this table from any other, also from one that takes its name and place later: its ARN, and its id or time of
   * creation.
   */
  readonly identity: string;
  /** `ACTIVE`, `CREATING`, `UPDATING`, `DELETING`, `ARCHIVED`, ... */
  readonly status: string;
  readonly details: StateDetails;
  readonly indexes: readonly IndexFacts[];
  /** The replicas of a global table in other regions. */
  readonly replicas: readonly ReplicaFacts[];
  readonly billing: 'on-demand' | 'provisioned';
  /** WCU per second of the table itself; null where it is on demand. */
  readonly provisionedWriteUnits: number | null;
  /** Write units per second that the table takes at once; null where the service does not tell. */
  readonly warmWriteUnits: number | null;
  readonly stream: boolean;
  readonly ttl: TtlSetting;
}

/**
 * @returns null where there is no such table
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
 * One request: all but its TTL.
 * @returns null where there is no such table
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
  // AWS describes a table that is being deleted without its keys: its state is all there is to say of it.
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
 * What an answer to DescribeTable says, once `call-answers.ts` has found it one; reads no member that is not in the
 * shape there.
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

/** ALL, where the service does not tell. */
function projectionOf(projection: Projection | undefined): IndexFacts['projection'] {
  if (projection?.ProjectionType === 'KEYS_ONLY') return [];
  return projection?.ProjectionType === 'INCLUDE' ? (projection.NonKeyAttributes ?? []) : 'all';
}

/**
 * Tells tables apart: by TableId, AWS's own answer to "the same table?"; on DynamoDB Local, which has none, by the time
 * of creation in ms. A table with neither cannot be told from one that takes its place, so nothing may rest on it.
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

/** undefined: it is no time. */
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
