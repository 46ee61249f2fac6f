import { describe, expect, test } from 'vitest';
import { ItemDelete } from '../../../../src/core/item/write-operation.js';
import { UnreadableAnswer } from '../../../../src/dynamodb/http/answer-shape.js';
import { BatchWriteFormat } from '../../../../src/dynamodb/write/batch-write.js';
import { keyTextOf } from '../../../../src/dynamodb/key-text.js';
import { QueuedOperation } from '../../../../src/dynamodb/write/queued-operation.js';
import { PendingWrite } from '../../../../src/dynamodb/write/pending-write.js';
import { KEY_NAMES, sampleItems } from '../../../contract/item-writer-samples.js';

const write = new PendingWrite(1);
const batch: readonly QueuedOperation[] = sampleItems(3, 3, 'é"\\\u0001😀').map(
  (item) => new QueuedOperation(item, write),
);
const format = new BatchWriteFormat('my-table', KEY_NAMES);
const itemOf = (queued: QueuedOperation | undefined): unknown => {
  const { buffer, start, end } = queued?.operation ?? { buffer: Buffer.of() };
  return JSON.parse(buffer.toString('utf8', start, end));
};

describe('BatchWriteFormat', () => {
  test('BatchWriteFormat joins the ready texts to one request', () => {
    expect(JSON.parse(format.body(batch).toString('utf8'))).toEqual({
      RequestItems: { 'my-table': batch.map((queued) => ({ PutRequest: { Item: itemOf(queued) } })) },
      ReturnConsumedCapacity: 'INDEXES',
    });
  });

  test('BatchWriteFormat joins deletes by their keys, among puts', () => {
    const operations = batch.map(({ operation }, index) =>
      index === 1 ? operation : new ItemDelete(operation, operation.row),
    );
    const mixed = operations.map((operation) => new QueuedOperation(operation, write));
    expect(mixed.map(({ units }) => units)).toEqual([1, 1, 1]);
    const Delete = (queued: QueuedOperation | undefined) => ({ DeleteRequest: { Key: itemOf(queued) } });
    const requests = [Delete(mixed[0]), put(itemOf(mixed[1])), Delete(mixed[2])];
    expect(JSON.parse(format.body(mixed).toString('utf8'))).toMatchObject({ RequestItems: { 'my-table': requests } });
    expect(itemOf(mixed[0])).toEqual(JSON.parse(operations[0]?.keyText ?? ''));
    const answered = (...entries: unknown[]) => format.answer(unprocessed(...entries), mixed).unprocessed;
    expect(answered(requests[2], requests[1])).toEqual(new Set([mixed[2], mixed[1]]));
    // As the other kind it was not sent.
    expect(() => answered(put(itemOf(batch[0])))).toThrow(UnreadableAnswer);
    expect(() => answered(Delete(mixed[1]))).toThrow(UnreadableAnswer);
  });

  test('BatchWriteFormat finds the items of UnprocessedItems, by whatever name the table has there', () => {
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

  test('BatchWriteFormat adds up what was consumed', () => {
    const answer = (capacities: unknown) =>
      format.answer(JSON.stringify({ UnprocessedItems: {}, ConsumedCapacity: capacities }), batch).units;
    expect(
      answer([
        {
          TableName: 'my-table',
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

  const put = (Item: unknown) => ({ PutRequest: { Item } });
  const unprocessed = (...operations: unknown[]): string =>
    JSON.stringify({ UnprocessedItems: { 'my-table': operations } });

  test.each<[string, string]>([
    ['a cut off one', '{"Unproc'],
    ['none', ''],
    ['an object of nothing', '{}'],
    ['another object', '{"message":"ok"}'],
    ['a list', '[]'],
    ['a list of null', '[null]'],
    ['a number', '5'],
    ['null', 'null'],
    ['a text', '"ok"'],
    ['null for UnprocessedItems', '{"UnprocessedItems":null}'],
    ['a list for UnprocessedItems', '{"UnprocessedItems":[]}'],
    ['null for a table', '{"UnprocessedItems":{"my-table":null}}'],
    ['no item for a table', '{"UnprocessedItems":{"my-table":[]}}'],
    ['an object for a table', '{"UnprocessedItems":{"my-table":{}}}'],
    ['another table', JSON.stringify({ UnprocessedItems: { other: [put(itemOf(batch[0]))] } })],
    ['two tables', JSON.stringify({ UnprocessedItems: { 'my-table': [put(itemOf(batch[0]))], other: [] } })],
    ['a request of null', unprocessed(null)],
    ['a request of nothing', unprocessed({})],
    ['a put of null', unprocessed({ PutRequest: null })],
    ['an item of null', unprocessed(put(null))],
    ['an item that is a list', unprocessed(put([]))],
    ['an item that was not sent', unprocessed(put({ pk: { S: 'x' }, sk: { S: 'y' } }))],
    ['an item twice', unprocessed(put(itemOf(batch[0])), put(itemOf(batch[0])))],
    ['a delete', unprocessed({ DeleteRequest: { Key: itemOf(batch[0]) } })],
    ['null for what was consumed', '{"UnprocessedItems":{},"ConsumedCapacity":null}'],
    ['an object for what was consumed', '{"UnprocessedItems":{},"ConsumedCapacity":{}}'],
    ['null for one consumption', '{"UnprocessedItems":{},"ConsumedCapacity":[null]}'],
    ['a consumption of nothing', '{"UnprocessedItems":{},"ConsumedCapacity":[{}]}'],
    ['units as text', '{"UnprocessedItems":{},"ConsumedCapacity":[{"CapacityUnits":"3"}]}'],
    ['units of another table', '{"UnprocessedItems":{},"ConsumedCapacity":[{"TableName":"t","CapacityUnits":3}]}'],
  ])('BatchWriteFormat refuses an unreadable answer: %s', (_, json) => {
    expect(() => format.answer(json, batch)).toThrow(UnreadableAnswer);
  });
});

describe('keyTextOf', () => {
  test('keyTextOf gives the partition key, then the sort key, whatever the order of the attributes', () => {
    const item = { sk: { N: '7' }, body: { S: 'x' }, pk: { B: 'AAE=' } };
    expect(keyTextOf(item, KEY_NAMES)).toBe('{"pk":{"B":"AAE="},"sk":{"N":"7"}}');
    expect(keyTextOf(item, { partitionKey: 'pk', sortKey: null })).toBe('{"pk":{"B":"AAE="}}');
    expect(keyTextOf({ pk: { S: 'x' } }, KEY_NAMES)).toBeNull();
    expect(keyTextOf({ sk: { S: 'x' } }, KEY_NAMES)).toBeNull();
  });
});
