/**
 * Items with entries in local indexes weigh what DynamoDB Local says they weigh: at the limit it takes one, a byte
 * above it refuses it.
 */
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';
import { LocalEntries } from '../../../src/mapping/item/local-indexes.js';
import { MAX_ITEM_BYTES } from '../../../src/mapping/value/item-size.js';
import { storedBytes } from '../../../src/mapping/item/stored-size.js';
import { createTable, dynamodbServers, type Item, type LocalIndexKeys } from '../../support/dynamodb.js';

/** Names and values of lengths of their own, so that no two of them make up for each other. */
const PK = 'p'.repeat(10);
const SK = 's'.repeat(100);
const AT = 'a'.repeat(200);
const KEYS = { [PK]: { S: 'P'.repeat(1_000) }, [SK]: { S: 'S'.repeat(700) }, [AT]: { S: 'é'.repeat(150) } };
const OTHERS = { n: { N: '-1234.5' }, b: { B: new Uint8Array(333) }, t: { S: 'ü'.repeat(2_000) } };
const at = { name: AT, type: 'S' } as const;

const CASES: readonly { readonly name: string; readonly localIndexes: readonly LocalIndexKeys[] }[] = [
  { name: 'all', localIndexes: [{ name: 'all', sortKey: at, projection: 'all' }] },
  { name: 'keys only', localIndexes: [{ name: 'keys', sortKey: at, projection: 'keys-only' }] },
  { name: 'some', localIndexes: [{ name: 'some', sortKey: at, projection: ['t', 'b', 'none'] }] },
  {
    name: 'several',
    localIndexes: [
      { name: 'all', sortKey: at, projection: 'all' },
      { name: 'on_number', sortKey: { name: 'n', type: 'N' }, projection: ['t'] },
      { name: 'on_sort_key', sortKey: { name: SK, type: 'S' }, projection: 'keys-only' },
    ],
  },
  {
    name: 'a sort key that the item lacks',
    localIndexes: [{ name: 'none', sortKey: { name: 'none', type: 'N' }, projection: 'all' }],
  },
];

const LOCAL = dynamodbServers.filter(({ name }) => name === 'dynamodb-local');

describe.each(LOCAL)('entries in local indexes: $name', (server) => {
  test.each(CASES)(
    'the mapping computes the size of an item with local indexes ($name) as DynamoDB Local does',
    async ({ localIndexes }) => {
      const keys = { partitionKey: { name: PK, type: 'S' }, sortKey: { name: SK, type: 'S' } } as const;
      await using table = await createTable(server, { ...keys, localIndexes });
      const indexes = localIndexes.map(({ projection, ...index }) => ({
        ...index,
        projection: projection === 'keys-only' ? [] : projection,
      }));
      const entries = new LocalEntries(indexes, [PK, SK]);
      const itemOf = (body: string): Item => ({ ...KEYS, ...OTHERS, body: { S: body } });
      /** What the service counts: see the note in local-indexes.ts on the table's sort key. */
      const uncounted = localIndexes.filter(
        ({ projection, sortKey }) => projection !== 'all' && sortKey.name !== SK && sortKey.name !== 'none',
      ).length;
      const sizeOf = (body: string): number => {
        const item = jsonOf(itemOf(body));
        return storedBytes(item) + entries.bytesOf(item) - uncounted * storedBytes(jsonOf({ [SK]: KEYS[SK] as never }));
      };
      const bodies = localIndexes.filter(({ name, projection }) => name !== 'none' && projection === 'all').length + 1;
      const most = Math.floor((MAX_ITEM_BYTES - sizeOf('')) / bodies);
      const put = async (bytes: number): Promise<unknown> =>
        await table.client.send(new PutItemCommand({ TableName: table.name, Item: itemOf('x'.repeat(bytes)) }));
      await put(most);
      await expect(put(most + 1)).rejects.toMatchObject({
        name: 'ValidationException',
        message: expect.stringMatching(/Item size/) as string,
      });
      expect(sizeOf('x'.repeat(most))).toBeLessThanOrEqual(MAX_ITEM_BYTES);
      expect(sizeOf('x'.repeat(most + 1))).toBeGreaterThan(MAX_ITEM_BYTES);
    },
  );
});

/** As the JSON protocol has it: binary in base64. */
function jsonOf(item: Item): Readonly<Record<string, unknown>> {
  const binary = (value: unknown): unknown =>
    value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
  return Object.fromEntries(
    Object.entries(item).map(([name, value]) => [
      name,
      Object.fromEntries(Object.entries(value).map(([type, content]) => [type, binary(content)])),
    ]),
  );
}
