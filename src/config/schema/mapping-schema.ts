/** Defines the YAML shape of `mapping`: the operator's rules from a row to its items. */
import * as z from 'zod';
import { attributeName, columnName, duration, keyAttributeName, keyType, optional, text, whole } from './fields.js';

const template = () =>
  text().describe('template of literals and {column} or {column:function} parts, such as ACCT#{account_sid}');

const spread = z
  .strictObject({
    by: text().describe('column whose hash picks the suffix'),
    shards: whole(1, 10_000).describe('number of suffixes, each of which readers must query; 1: no suffix'),
    account: optional(text()).describe('column that holds the accounts; `overrides` lists some of its values'),
    overrides: z
      .record(z.string(), whole(1, 10_000).describe('number of suffixes of this account'))
      .default({})
      .describe('number of suffixes of single accounts, by the value of `account`'),
  })
  .describe('spreads large accounts over several partitions: a suffix #<hash(by) mod shards> on the partition key');

const key = {
  name: keyAttributeName().describe('name of the key attribute in the target table'),
  type: keyType().default('S'),
  template: template(),
};

/** DynamoDB's N holds 38 digits, but a YAML number keeps only 15: with more, a rule would change its value. */
const exactNumber = z
  .number()
  .refine(
    (value) =>
      String(value)
        .replace(/e.*$|\D/g, '')
        .replace(/^0+/, '').length <= 15,
    'has more than 15 digits, which a YAML number cannot hold exactly',
  )
  .refine(
    (value) => value === 0 || (Math.abs(value) >= 1e-130 && Math.abs(value) < 1e126),
    'is outside 1E-130 to 9.99E+125, the range of DynamoDB',
  );

const added = z
  .strictObject({
    template: template().optional(),
    constant: z
      .union([z.string(), exactNumber, z.boolean()], 'must be text, true, false or a number of at most 15 digits')
      .optional()
      .describe('the same value in every item: text, number, true or false'),
  })
  .transform(({ template, constant }, context) => {
    if (template !== undefined && constant === undefined) return { kind: 'template' as const, template };
    if (constant !== undefined && template === undefined) return { kind: 'constant' as const, value: constant };
    context.addIssue({ code: 'custom', message: 'must have either `template` or `constant`' });
    return z.NEVER;
  })
  .describe('an attribute that is not one column: { template: ... } or { constant: ... }');

const columnRule = z
  .strictObject({
    name: optional(attributeName()).describe("name of the attribute; default: the column's name"),
    type: optional(z.enum(['S', 'N', 'B', 'BOOL', 'SS', 'JSON'])).describe(
      "type of the attribute; default: that of the column's type; JSON: the map, list or scalar in the text",
    ),
    format: optional(z.enum(['iso', 'text', 'epoch-s', 'epoch-ms', 'epoch-us'])).describe(
      'dates and times only: iso (ISO 8601), text (as MySQL prints it, zero dates included), or a number since 1970 in seconds, milliseconds or microseconds',
    ),
    null: z
      .enum(['absent', 'keep'])
      .default('absent')
      .describe('what NULL becomes: no attribute (absent, the default) or the type NULL (keep)'),
  })
  .describe('how one column becomes an attribute');

const attributes = z
  .strictObject({
    columns: z
      .union([z.literal('all'), z.array(columnName()).min(1)], 'must be `all` or a list of column names')
      .default('all')
      .describe('columns that become attributes: all (default), or a list'),
    drop: z.array(columnName()).default([]).describe('columns that do not become attributes, where `columns` is all'),
    rules: z.record(text(), columnRule).default({}).describe('rules by column name; other columns take the defaults'),
    add: z
      .record(attributeName(), added)
      .default({})
      .describe('further attributes by name, each with either a template or a constant'),
  })
  .describe('which columns become attributes, and how');

const ttl = z
  .strictObject({
    attribute: attributeName().describe(
      'attribute that holds the expiry, in epoch seconds; switch TTL on for it in the table',
    ),
    column: text().describe('column that the retention counts from: a date or time, or whole epoch seconds'),
    retention: duration().describe(
      'how long an item lives after the time in the column: 400d, 36h, 90m or 30s; 0s: the column holds the expiry',
    ),
    expired: z
      .enum(['keep', 'skip'])
      .default('keep')
      .describe('what happens to expired rows: keep (default) writes them; skip leaves them out and counts them'),
  })
  .describe("the item's time to live");

const item = z
  .strictObject({
    name: optional(text()).describe('name of the item for messages; default: `item 1`, `item 2`, ...'),
    partitionKey: z
      .strictObject({ ...key, spread: optional(spread) })
      .describe('partition key: which partition the item lives in'),
    sortKey: optional(z.strictObject(key)).describe('sort key: the order within the partition; default: none'),
    attributes: attributes.prefault({}),
    ttl: optional(ttl),
  })
  .describe('the rules from a row to one item');

export const mappingShape = z
  .record(
    text(),
    z
      .strictObject({
        items: z.array(item).min(1).describe('items made from one row, in order'),
      })
      .describe('what a row of this table becomes'),
  )
  .describe('by table name: what one of its rows becomes');
