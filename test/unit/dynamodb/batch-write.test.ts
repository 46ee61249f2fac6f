import { describe, expect, test } from 'vitest';
import { BatchWriteFormat } from '../../../src/dynamodb/batch-write.js';
import { keyTextOf } from '../../../src/dynamodb/key-text.js';
import type { QueuedItem } from '../../../src/dynamodb/partition-queue.js';
import { PendingWrite } from '../../../src/dynamodb/pending-write.js';
import { KEY_NAMES, sampleItems } from '../../contract/item-writer-samples.js';

const write = new PendingWrite(1);
const batch: readonly QueuedItem[] = sampleItems(3, 3, 'é"\\\u0001😀').map((item) => ({
  item,
  write,
  units: 1,
  attempts: 0,
  next: null,
  nextOfChain: null,
}));
const format = new BatchWriteFormat('my-table', KEY_NAMES);
const itemOf = (queued: QueuedItem | undefined): unknown => JSON.parse(queued?.item.text ?? '');

describe('BatchWriteFormat', () => {
  test('joins the ready texts to one request', () => {
    expect(JSON.parse(format.body(batch).toString('utf8'))).toEqual({
      RequestItems: { 'my-table': batch.map((queued) => ({ PutRequest: { Item: itemOf(queued) } })) },
      ReturnConsumedCapacity: 'INDEXES',
    });
  });

  test('finds the items of UnprocessedItems, by whatever name the table has there', () => {
    for (const table of ['my-table', 'arn:aws:dynamodb:eu-west-1:1:table/my-table']) {
      const json = JSON.stringify({ UnprocessedItems: { [table]: [{ PutRequest: { Item: itemOf(batch[1]) } }] } });
      expect(format.answer(json, batch)).toEqual({
        unprocessed: new Set([batch[1]]),
        newer: new Set(),
        incomparable: false,
        units: null,
        indexed: true,
      });
    }
  });

  test('adds up what was consumed', () => {
    const answer = (capacities: unknown) =>
      format.answer(JSON.stringify({ UnprocessedItems: {}, ConsumedCapacity: capacities }), batch)?.units;
    expect(
      answer([
        {
          TableName: 't',
          CapacityUnits: 6,
          Table: { CapacityUnits: 3 },
          GlobalSecondaryIndexes: { g: { CapacityUnits: 3 } },
        },
      ]),
    ).toBe(6);
    expect(answer([{ CapacityUnits: 2.5 }, { CapacityUnits: 1 }])).toBe(3.5);
    expect(answer([])).toBeNull();
    expect(answer(undefined)).toBeNull();
  });

  test('an answer that cannot be read, or speaks of other items, counts for nothing', () => {
    expect(format.answer('{"Unproc', batch)).toBeNull();
    const strange = {
      UnprocessedItems: { 'my-table': [{ PutRequest: { Item: { pk: { S: 'x' }, sk: { S: 'y' } } } }] },
    };
    expect(format.answer(JSON.stringify(strange), batch)).toBeNull();
    expect(format.answer('{"UnprocessedItems":{"my-table":[{}]}}', batch)).toBeNull();
  });
});

describe('keyTextOf', () => {
  test('is the partition key, then the sort key, whatever the order of the attributes', () => {
    const item = { sk: { N: '7' }, body: { S: 'x' }, pk: { B: 'AAE=' } };
    expect(keyTextOf(item, KEY_NAMES)).toBe('{"pk":{"B":"AAE="},"sk":{"N":"7"}}');
    expect(keyTextOf(item, { partitionKey: 'pk', sortKey: null })).toBe('{"pk":{"B":"AAE="}}');
    expect(keyTextOf({ pk: { S: 'x' } }, KEY_NAMES)).toBeNull();
    expect(keyTextOf({ sk: { S: 'x' } }, KEY_NAMES)).toBeNull();
  });
});
