import { describe, expect, test } from 'vitest';
import type { MappedItem } from '../../../../src/core/model.js';
import { UnreadableAnswer } from '../../../../src/dynamodb/http/answer-shape.js';
import { ConditionalPutFormat } from '../../../../src/dynamodb/write/conditional-put.js';
import { QueuedOperation } from '../../../../src/dynamodb/write/queued-operation.js';
import { PendingWrite } from '../../../../src/dynamodb/write/pending-write.js';
import { RequestFailure } from '../../../../src/dynamodb/failures/service-errors.js';
import { canonicalItemText } from '../../../../src/mapping/item/canonical.js';
import { storedBytes } from '../../../../src/mapping/item/stored-size.js';
import { bytesOf } from '../../../support/mapped-item.js';

const NAMES = { partitionKey: 'p k', sortKey: 'sk' };
const CONDITION = { attribute: 'ver"sion', canonicalText: canonicalItemText, storedBytes };
const format = new ConditionalPutFormat('my-table', NAMES, CONDITION);

type Attributes = Readonly<Record<string, unknown>>;

const attributesOf = (version: unknown, body = 'row'): Attributes => ({
  'p k': { S: 'a' },
  sk: { S: 'b' },
  // A map with an attribute of that very name, before the item's own.
  nested: { M: { 'ver"sion': { N: '99' } } },
  body: { S: body },
  'ver"sion': version,
});

function queued(attributes: Attributes, units = 1): QueuedOperation {
  const text = canonicalItemText(attributes);
  const item: MappedItem = {
    ...bytesOf(text),
    keyHash: 1,
    keyText: '{"p k":{"S":"a"},"sk":{"S":"b"}}',
    partition: '{"S":"a"}',
    bytes: storedBytes(attributes),
    expiresAt: null,
    row: [],
    cell: () => null,
    sharesCell: () => false,
  };
  return new QueuedOperation(item, new PendingWrite(1), units);
}

const bodyOf = (attributes: Attributes): Record<string, unknown> =>
  JSON.parse(format.body([queued(attributes)]).toString('utf8')) as Record<string, unknown>;

describe('conditional puts', () => {
  test('a conditional put carries the item and its own version', () => {
    expect(bodyOf(attributesOf({ N: '7' }))).toEqual({
      TableName: 'my-table',
      Item: attributesOf({ N: '7' }),
      ConditionExpression: 'attribute_not_exists(#key) OR #version < :version',
      ExpressionAttributeNames: { '#key': 'p k', '#version': 'ver"sion' },
      ExpressionAttributeValues: { ':version': { N: '7' } },
      ReturnConsumedCapacity: 'INDEXES',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
  });

  test('a conditional put compares a version of text with texts of its length alone', () => {
    expect(bodyOf(attributesOf({ S: '2026-01-01T00:00:00Z' }))).toMatchObject({
      ConditionExpression: 'attribute_not_exists(#key) OR (#version < :version AND size(#version) = :length)',
      ExpressionAttributeValues: { ':version': { S: '2026-01-01T00:00:00Z' }, ':length': { N: '20' } },
    });
  });

  test('the answer to a conditional put says what was consumed', () => {
    const answer = '{"ConsumedCapacity":{"TableName":"my-table","CapacityUnits":3.5}}';
    expect(format.answer(answer)).toMatchObject({ units: 3.5, unprocessed: new Set(), newer: new Set() });
  });

  test.each([
    '',
    '{"Consum',
    '{}',
    '{"message":"ok"}',
    '[]',
    '5',
    'null',
    '{"ConsumedCapacity":null}',
    '{"ConsumedCapacity":[]}',
    '{"ConsumedCapacity":{}}',
    '{"ConsumedCapacity":{"CapacityUnits":"1"}}',
    '{"ConsumedCapacity":{"TableName":"other","CapacityUnits":1}}',
  ])('a conditional put refuses the answer %s, which does not say that anything was written', (json) => {
    expect(() => format.answer(json)).toThrow(UnreadableAnswer);
  });
});

describe('failed conditions', () => {
  const failedOn = (held: unknown, sent: QueuedOperation) =>
    format.conditionFailed(new RequestFailure('ConditionalCheckFailedException', 400, true, [], null, held), [sent]);

  test('a condition that our own item failed is an acknowledgement, however the service spells the item', () => {
    const sent = queued(attributesOf({ N: '7' }));
    expect(failedOn(attributesOf({ N: '7.0' }), sent)).toEqual({
      unprocessed: new Set(),
      newer: new Set(),
      incomparable: false,
      units: 1,
      indexed: false,
    });
  });

  test.each([
    ['newer', attributesOf({ N: '8' }, 'live'), false],
    ['as new, of other content', attributesOf({ N: '7' }, 'live'), false],
    ['without a version', attributesOf(undefined, 'live'), true],
    ['of another type of version', attributesOf({ S: '7' }, 'live'), true],
  ])('a conditional put leaves an item there that is %s', (_, held, incomparable) => {
    const sent = queued(attributesOf({ N: '7' }));
    const clean = JSON.parse(JSON.stringify(held)) as Attributes;
    expect(failedOn(clean, sent)).toMatchObject({ newer: new Set([sent]), incomparable });
  });

  test('a failed condition consumes by the larger of both items', () => {
    const large = attributesOf({ N: '8' }, 'x'.repeat(2_500));
    expect(failedOn(large, queued(attributesOf({ N: '7' })))).toMatchObject({ units: 3 });
    expect(failedOn(attributesOf({ N: '8' }), queued(attributesOf({ N: '7' }), 5))).toMatchObject({ units: 5 });
  });

  test('a conditional put leaves an item there that its failed condition does not show', () => {
    const sent = queued(attributesOf({ N: '7' }));
    expect(failedOn(undefined, sent)).toEqual({
      unprocessed: new Set(),
      newer: new Set([sent]),
      incomparable: false,
      units: 1,
      indexed: false,
    });
  });

  const item = attributesOf({ N: '8' });
  const { sk: _, ...keyless } = item;
  test.each<[string, unknown]>([
    ['null', null],
    ['a list', [item]],
    ['a text', 'item'],
    ['without attributes', {}],
    ['without its key', keyless],
    ['of another key', { ...item, sk: { S: 'c' } }],
    ['of a version of null', attributesOf(null)],
    ['of a version that is no number', attributesOf({ N: 'abc' })],
    ['of a version of no type', attributesOf({})],
    ['of a version of two types', attributesOf({ N: '1', S: '1' })],
    ['of an unknown type', attributesOf({ V: '1' })],
    ['of a number for a number', attributesOf({ N: 1 })],
    ['of a NULL that is false', attributesOf({ NULL: false })],
    ['of a map that is a list', { ...item, nested: { M: [] } }],
  ])('a failed condition refuses an answer whose item is %s, as the put may have been written', (_name, held) => {
    expect(() => failedOn(held, queued(attributesOf({ N: '7' })))).toThrow(UnreadableAnswer);
  });

  test('conditionFailed ignores an error of another kind', () => {
    expect(format.conditionFailed(new RequestFailure('ValidationException', 400, true), [])).toBeNull();
  });
});
