/** The YAML shape of `target`: the DynamoDB table and what may be consumed of it. */
import * as z from 'zod';
import { duration, keyAttributeName, keyType, optional, pattern, resourceName, text, whole } from './fields.js';

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

const version = z
  .strictObject({
    attribute: text().describe(
      "attribute that holds an item's version, of every item and from the application too: it grows with each change; a number, or ISO times of one length",
    ),
    tombstoneRetention: optional(duration()).describe(
      'how long an item stays that the application puts in the place of one it deletes, of a newer version: 7d, 12h; unless given, nothing keeps a deleted item from coming back',
    ),
  })
  .describe('how items of a live writer and of this migration tell which is newer; with liveWriter: concurrent');

export const DEFAULT_RETRY_TIMEOUT_SECONDS = 300;

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
      'write capacity units a second that the whole migration may consume: all shards, index writes included, and all runs of this machine on its state',
    ),
    readCapacity: whole(1, MAX_UNITS)
      .optional()
      .describe(
        'read capacity units a second for verify and diff, shared in the same way; as writeCapacity unless given',
      ),
    maxInFlightRequests: whole(1, 1024).default(32).describe('requests in flight of one shard'),
    retryTimeoutSeconds: whole(1, 86_400)
      .default(DEFAULT_RETRY_TIMEOUT_SECONDS)
      .describe('how long a target that fails or throttles is waited for without any progress, in seconds'),
    liveWriter: z
      .enum(['none', 'concurrent'])
      .default('none')
      .describe(
        'whether another program writes the same items while dynaferry runs: none (default), then they are written in batches; concurrent, then one by one on a condition',
      ),
    version: optional(version),
    create: create.prefault({}),
  })
  .describe('where the items go');
