/** Defines the YAML shape of `target`: the DynamoDB table, and how much capacity dynaferry may consume. */
import * as z from 'zod';
import { duration, keyAttributeName, keyType, optional, pattern, resourceName, text, whole } from './fields.js';

const indexKey = () =>
  z.strictObject({
    name: keyAttributeName().describe('name of the key attribute of the index'),
    type: keyType().default('S'),
  });

const index = z
  .strictObject({
    name: resourceName().describe('name of the global secondary index'),
    partitionKey: indexKey().describe('partition key of the index'),
    sortKey: optional(indexKey()).describe('sort key of the index; default: none'),
    projection: z
      .enum(['all', 'keys-only'])
      .default('all')
      .describe('attributes that the index holds: all (default) or keys-only; DynamoDB charges each write for them'),
  })
  .describe('a global secondary index');

const create = z
  .strictObject({
    billing: z
      .enum(['on-demand', 'provisioned'])
      .default('on-demand')
      .describe('billing mode of a created table; provisioned uses writeCapacity and readCapacity'),
    indexes: z.array(index).default([]).describe('global secondary indexes of a created table'),
  })
  .describe('settings of the table that --create-table creates');

const version = z
  .strictObject({
    attribute: text().describe(
      "attribute that holds an item's version, in the application's items too: it grows with each change; a number, or ISO times of one length",
    ),
    tombstoneRetention: optional(duration()).describe(
      'how long the application keeps the item that replaces a deleted one, with a newer version: 7d, 12h. Without it, a deleted item can come back',
    ),
  })
  .describe('decides whether an item of the application or of this migration is newer; for liveWriter: concurrent');

/** The default of `target.retryTimeoutSeconds`. */
export const DEFAULT_RETRY_TIMEOUT_SECONDS = 300;

/** The limit is far above any account's quota: a larger number is a typing error. */
const MAX_UNITS = 10_000_000;

export const targetShape = z
  .strictObject({
    table: resourceName().describe('name of the DynamoDB table'),
    region: optional(pattern(/^[a-z0-9-]+$/, 'must be an AWS region in lower case, such as eu-central-1')).describe(
      "AWS region; default: the AWS SDK's own chain (AWS_REGION, profile)",
    ),
    endpoint: optional(
      z.url({ protocol: /^https?$/, error: 'must be a URL that begins with http:// or https://' }),
    ).describe('URL of another endpoint, such as DynamoDB Local; default: the endpoint of the region'),
    writeCapacity: whole(1, MAX_UNITS).describe(
      'write capacity units a second for the whole migration: all shards with their index writes, and all runs of this machine on its state',
    ),
    readCapacity: whole(1, MAX_UNITS)
      .optional()
      .describe('read capacity units a second for verify and diff, shared in the same way; default: as writeCapacity'),
    maxInFlightRequests: whole(1, 1024).default(32).describe('most requests in flight of one shard'),
    retryTimeoutSeconds: whole(1, 86_400)
      .default(DEFAULT_RETRY_TIMEOUT_SECONDS)
      .describe('how long dynaferry retries a failing or throttling target without any progress, in seconds'),
    liveWriter: z
      .enum(['none', 'concurrent'])
      .default('none')
      .describe(
        'whether another program writes the same items during the run: none (default) writes them in batches; concurrent writes them one by one with a condition',
      ),
    version: optional(version),
    create: create.prefault({}),
  })
  .describe('the DynamoDB table that receives the items');
