/** The YAML shape of `target`: the DynamoDB table and what may be consumed of it. */
import * as z from 'zod';
import { keyAttributeName, keyType, optional, pattern, resourceName, whole } from './fields.js';

const indexKey = () =>
  z.strictObject({
    name: keyAttributeName().describe('name of the attribute that the index is keyed by'),
    type: keyType().default('S'),
  });

const index = z
  .strictObject({
    name: resourceName().describe('name of the global secondary index'),
    partitionKey: indexKey().describe('partition key of the index'),
    sortKey: optional(indexKey()).describe('sort key of the index; none unless given'),
    projection: z
      .enum(['all', 'keys-only'])
      .default('all')
      .describe('attributes that the index holds: all (default) or keys-only; each write is charged for it'),
  })
  .describe('a global secondary index');

const create = z
  .strictObject({
    billing: z
      .enum(['on-demand', 'provisioned'])
      .default('on-demand')
      .describe('billing mode of a created table; provisioned takes writeCapacity and readCapacity'),
    indexes: z.array(index).default([]).describe('global secondary indexes of a created table'),
  })
  .describe('used by --create-table only');

/** Far above any account's quota: a larger number is a slip. */
const MAX_UNITS = 10_000_000;

export const targetShape = z
  .strictObject({
    table: resourceName().describe('name of the DynamoDB table'),
    region: optional(pattern(/^[a-z0-9-]+$/, 'must be an AWS region in lower case, such as eu-central-1')).describe(
      "AWS region; the AWS SDK's own chain (AWS_REGION, profile) unless given",
    ),
    endpoint: optional(
      z.url({ protocol: /^https?$/, error: 'must be a URL that begins with http:// or https://' }),
    ).describe("URL of another endpoint, such as DynamoDB Local; the region's own unless given"),
    writeCapacity: whole(1, MAX_UNITS).describe(
      'write capacity units a second that the whole migration may consume, all shards and index writes included',
    ),
    readCapacity: whole(1, MAX_UNITS)
      .optional()
      .describe('read capacity units a second for verify and diff, all shards together; as writeCapacity unless given'),
    requestsInFlight: whole(1, 1024).default(32).describe('requests in flight of one shard'),
    patienceSeconds: whole(1, 86_400)
      .default(300)
      .describe('how long a target that fails or throttles is waited for without any progress, in seconds'),
    liveWriter: z
      .enum(['none', 'concurrent'])
      .default('none')
      .describe('whether another program writes the same items while dynaferry runs: none (default) or concurrent'),
    create: create.prefault({}),
  })
  .describe('where the items go');
