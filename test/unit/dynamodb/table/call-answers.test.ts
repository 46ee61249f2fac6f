/**
 * Each member of a table's description, in turn, as what it cannot be: that is no answer, or nobody reads it. The SDK
 * itself reads the answers here; only the socket is missing.
 */
import { DescribeTableCommand, DynamoDBClient, ScanCommand, type TableDescription } from '@aws-sdk/client-dynamodb';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { checkAnswers } from '../../../../src/dynamodb/table/call-answers.js';
import { RequestFailure } from '../../../../src/dynamodb/failures/service-errors.js';
import { factsOf } from '../../../../src/dynamodb/table/describe-table.js';

const INDEX = {
  IndexName: 'byTime',
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'at', KeyType: 'RANGE' },
  ],
  IndexStatus: 'ACTIVE',
  Backfilling: false,
  Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: ['a'] },
};
/** With all that is read of it. */
const TABLE = {
  TableName: 'T',
  TableStatus: 'ACTIVE',
  TableId: 'id',
  TableArn: 'arn:aws:dynamodb:eu-west-1:123456789012:table/T',
  ItemCount: 7,
  CreationDateTime: 1.5e9,
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' },
    { AttributeName: 'sk', KeyType: 'RANGE' },
  ],
  AttributeDefinitions: ['pk', 'sk', 'at'].map((name) => ({ AttributeName: name, AttributeType: 'S' })),
  BillingModeSummary: { BillingMode: 'PROVISIONED' },
  ProvisionedThroughput: { ReadCapacityUnits: 1, WriteCapacityUnits: 1 },
  WarmThroughput: { WriteUnitsPerSecond: 4_000 },
  StreamSpecification: { StreamEnabled: true },
  SSEDescription: { InaccessibleEncryptionDateTime: 1.5e9 },
  ArchivalSummary: { ArchivalBackupArn: 'arn' },
  GlobalSecondaryIndexes: [INDEX],
  LocalSecondaryIndexes: [INDEX],
  Replicas: [{ RegionName: 'eu-central-1', ReplicaStatus: 'ACTIVE' }],
};
const ODD: readonly unknown[] = [null, 0, true, 'x', [null], { S: 'x' }];

type Place = readonly (string | number)[];

/** Of every member, of every depth. */
function placesIn(value: unknown, at: Place = []): readonly Place[] {
  if (typeof value !== 'object' || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([name, inner]) => placesIn(inner, [...at, name]))];
}

function withOdd(table: object, place: Place, odd: unknown): unknown {
  if (place.length === 0) return odd;
  const copy = structuredClone(table);
  let holder = copy as Record<string | number, unknown>;
  for (const name of place.slice(0, -1)) holder = holder[name] as Record<string | number, unknown>;
  holder[place.at(-1) as string] = odd;
  return copy;
}

let body = '';
const headers = (): Record<string, string> => ({ 'x-amzn-requestid': 'R', 'x-amz-crc32': String(crc32(body)) });
const client = new DynamoDBClient({
  region: 'eu-west-1',
  credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  maxAttempts: 1,
  requestHandler: {
    handle: () =>
      Promise.resolve({ response: { statusCode: 200, headers: headers(), body: Readable.from([Buffer.from(body)]) } }),
  } as never,
});
checkAnswers(client);

/** As the SDK gives it on. @throws RequestFailure where it is no answer */
async function answered(table: unknown): Promise<TableDescription | undefined> {
  body = JSON.stringify({ Table: table });
  return (await client.send(new DescribeTableCommand({ TableName: 'T' }))).Table;
}

/** Members of the facts that are not of the type that they promise. */
const misfits = ({ name, status, identity, details, replicas, indexes }: ReturnType<typeof factsOf>): unknown[] => [
  ...[name, status, identity, details.backup ?? '', ...replicas.flatMap((each) => [each.region, each.status])]
    .concat(indexes.flatMap((each) => [each.name, each.status, each.projection].flat()))
    .filter((text) => typeof text !== 'string'),
  ...indexes.map(({ backfilling }) => backfilling).filter((flag) => typeof flag !== 'boolean'),
  ...[details.keyLostAt].filter((time) => time !== null && !(time instanceof Date)),
];

describe('answers to DescribeTable', () => {
  test('checkAnswers lets a whole answer to DescribeTable pass', async () => {
    expect(factsOf('T', (await answered(TABLE)) as TableDescription)).toMatchObject({
      replicas: [{ region: 'eu-central-1', status: 'ACTIVE' }],
      stream: true,
      account: '123456789012',
      itemCount: 7,
    });
  });

  test.each(['', 'arn', 'arn:aws:dynamodb:eu-west-1:12:table/T', 'arn:aws:s3:eu-west-1:123456789012:table/T'])(
    'factsOf takes no account from the ARN "%s"',
    (TableArn) => {
      expect(
        factsOf('T', { ...TABLE, TableArn, CreationDateTime: new Date(0) } as unknown as TableDescription).account,
      ).toBeNull();
    },
  );

  test.each(['ACTIVE', 'DELETING'])(
    'checkAnswers refuses a member of another type in a table that is %s, or factsOf reads it without a misfit',
    async (status) => {
      const table = { ...TABLE, TableStatus: status };
      let refused = 0;
      for (const place of placesIn(table)) {
        for (const odd of ODD) {
          const what = `${place.join('/')}: ${JSON.stringify(odd)}`;
          try {
            const description = (await answered(withOdd(table, place, odd))) as TableDescription;
            if (description.KeySchema) expect(misfits(factsOf('T', description)), what).toEqual([]);
          } catch (thrown) {
            expect(thrown, what).toBeInstanceOf(RequestFailure);
            refused += 1;
          }
        }
      }
      expect(refused).toBeGreaterThan(placesIn(table).length);
    },
  );
});

describe('answers to Scan', () => {
  const scanned = async (answer: unknown): Promise<unknown> => {
    body = JSON.stringify(answer);
    return (await client.send(new ScanCommand({ TableName: 'T' }))).Items;
  };

  test('checkAnswers lets the keys of items pass, and a table without items', async () => {
    expect(
      await scanned({ Items: [{ pk: { S: 'a' }, sk: { N: '1' } }], LastEvaluatedKey: { pk: { B: 'YQ==' } } }),
    ).toHaveLength(1);
    expect(await scanned({ Items: [] })).toEqual([]);
  });

  test.each([
    {},
    { Items: null },
    { Items: {} },
    { Items: [1] },
    { Items: [{ pk: 'a' }] },
    { Items: [{ pk: { S: 1 } }] },
  ])('checkAnswers refuses %j as an answer to Scan: an empty table needs an empty list', async (answer) => {
    await expect(scanned(answer)).rejects.toBeInstanceOf(RequestFailure);
  });
});
