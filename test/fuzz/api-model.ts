/**
 * What the answers of the operations look like that dynaferry sends, written down by hand from AWS's API reference:
 * members that no emulator sends are in it too. An answer is changed along it, so that a change meets each member,
 * there or not, by what it should be.
 */

export type Shape =
  | { readonly kind: 'structure'; readonly members: Readonly<Record<string, Shape>> }
  | { readonly kind: 'map'; readonly of: Shape }
  | { readonly kind: 'list'; readonly of: Shape }
  | { readonly kind: 'string'; readonly values: readonly string[] }
  | { readonly kind: 'number' }
  | { readonly kind: 'boolean' }
  /** An attribute value, `{"S":"text"}`. */
  | { readonly kind: 'value' };

const structure = (members: Readonly<Record<string, Shape>>): Shape => ({ kind: 'structure', members });
const map = (of: Shape): Shape => ({ kind: 'map', of });
const list = (of: Shape): Shape => ({ kind: 'list', of });
const oneOf = (...values: readonly string[]): Shape => ({ kind: 'string', values });
const text = oneOf('another', '');
const number: Shape = { kind: 'number' };
const boolean: Shape = { kind: 'boolean' };
const item = map({ kind: 'value' });

const capacity = structure({ CapacityUnits: number, ReadCapacityUnits: number, WriteCapacityUnits: number });
const consumedCapacity = structure({
  TableName: text,
  CapacityUnits: number,
  ReadCapacityUnits: number,
  WriteCapacityUnits: number,
  Table: capacity,
  LocalSecondaryIndexes: map(capacity),
  GlobalSecondaryIndexes: map(capacity),
});
const collectionMetrics = structure({ ItemCollectionKey: item, SizeEstimateRangeGB: list(number) });
const keySchema = list(structure({ AttributeName: text, KeyType: oneOf('HASH', 'RANGE') }));
const projection = structure({ ProjectionType: oneOf('ALL', 'KEYS_ONLY', 'INCLUDE'), NonKeyAttributes: list(text) });
const throughput = structure({
  ReadCapacityUnits: number,
  WriteCapacityUnits: number,
  NumberOfDecreasesToday: number,
  LastIncreaseDateTime: number,
});
const warmThroughput = structure({ ReadUnitsPerSecond: number, WriteUnitsPerSecond: number, Status: text });
const index = structure({
  IndexName: text,
  IndexArn: text,
  KeySchema: keySchema,
  Projection: projection,
  IndexStatus: oneOf('ACTIVE', 'CREATING', 'UPDATING', 'DELETING'),
  Backfilling: boolean,
  ProvisionedThroughput: throughput,
  WarmThroughput: warmThroughput,
  ItemCount: number,
  IndexSizeBytes: number,
});

/** By operation; `ConditionalCheckFailedException` is the refusal of a PutItem. */
export const OUTPUTS: Readonly<Record<string, Shape>> = {
  BatchWriteItem: structure({
    UnprocessedItems: map(
      list(structure({ PutRequest: structure({ Item: item }), DeleteRequest: structure({ Key: item }) })),
    ),
    ItemCollectionMetrics: map(list(collectionMetrics)),
    ConsumedCapacity: list(consumedCapacity),
  }),
  BatchGetItem: structure({
    Responses: map(list(item)),
    UnprocessedKeys: map(
      structure({
        Keys: list(item),
        ConsistentRead: boolean,
        AttributesToGet: list(text),
        ProjectionExpression: text,
        ExpressionAttributeNames: map(text),
      }),
    ),
    ConsumedCapacity: list(consumedCapacity),
  }),
  PutItem: structure({
    Attributes: item,
    ConsumedCapacity: consumedCapacity,
    ItemCollectionMetrics: collectionMetrics,
  }),
  ConditionalCheckFailedException: structure({
    __type: oneOf('com.amazonaws.dynamodb.v20120810#InternalServerError', 'x#ThrottlingException', ''),
    message: text,
    Item: item,
  }),
  DescribeTable: structure({
    Table: structure({
      TableName: text,
      TableArn: text,
      TableId: text,
      TableStatus: oneOf('ACTIVE', 'CREATING', 'UPDATING', 'DELETING', 'ARCHIVING', 'ARCHIVED'),
      CreationDateTime: number,
      ItemCount: number,
      TableSizeBytes: number,
      KeySchema: keySchema,
      AttributeDefinitions: list(structure({ AttributeName: text, AttributeType: oneOf('S', 'N', 'B') })),
      BillingModeSummary: structure({ BillingMode: oneOf('PROVISIONED', 'PAY_PER_REQUEST') }),
      ProvisionedThroughput: throughput,
      WarmThroughput: warmThroughput,
      OnDemandThroughput: structure({ MaxReadRequestUnits: number, MaxWriteRequestUnits: number }),
      StreamSpecification: structure({ StreamEnabled: boolean, StreamViewType: oneOf('KEYS_ONLY', 'NEW_IMAGE') }),
      GlobalSecondaryIndexes: list(index),
      LocalSecondaryIndexes: list(index),
      SSEDescription: structure({
        Status: text,
        SSEType: text,
        KMSMasterKeyArn: text,
        InaccessibleEncryptionDateTime: number,
      }),
      ArchivalSummary: structure({ ArchivalDateTime: number, ArchivalReason: text, ArchivalBackupArn: text }),
      Replicas: list(structure({ RegionName: text, ReplicaStatus: text })),
      TableClassSummary: structure({ TableClass: text }),
      DeletionProtectionEnabled: boolean,
    }),
  }),
  Scan: structure({
    Items: list(item),
    Count: number,
    ScannedCount: number,
    LastEvaluatedKey: item,
    ConsumedCapacity: consumedCapacity,
  }),
  DescribeTimeToLive: structure({
    TimeToLiveDescription: structure({
      TimeToLiveStatus: oneOf('ENABLING', 'DISABLING', 'ENABLED', 'DISABLED'),
      AttributeName: text,
    }),
  }),
};
