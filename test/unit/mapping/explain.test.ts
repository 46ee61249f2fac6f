/**
 * What `explain` says of a row is what the mapping makes of it: every attribute, every byte, every part of its keys.
 */
import { expect, it } from 'vitest';
import { explainRow } from '../../../src/mapping/explain.js';
import { attributesOf, compile, mapRow, onlyItem, rowOf, rule, table } from './tables.js';

const info = table({ id: 'int', account: 'varchar(9)', price: 'decimal(10,2)', body: 'text', secret: 'text' });
const mapping = compile(
  info,
  rule('A#{account:lower}', '{id:sortable}', {
    pk: { spread: { by: 'id', shards: 2, account: 'account', overrides: { AC1: 8 } } },
    attributes: {
      columns: 'all',
      drop: ['secret'],
      rules: { price: { name: 'cost', type: 'S', format: null, null: 'absent' } },
      add: { kind: { kind: 'constant', value: 'message' }, label: { kind: 'template', template: '{account}/{id}' } },
    },
  }),
);

it('explainRow says of each attribute what the item holds', () => {
  const cells = { id: '7', account: 'AC1', price: '12.50', body: null, secret: 's' };
  const item = onlyItem(mapRow(mapping, cells));
  const explained = explainRow(mapping, rowOf(mapping, cells), { now: 0 });
  const [only] = explained.items;
  const values = (only?.attributes ?? []).filter(({ value }) => value !== null);
  expect(Object.fromEntries(values.map(({ name, value }) => [name, JSON.parse(value ?? '') as unknown]))).toEqual(
    attributesOf(item),
  );
  expect(only).toMatchObject({
    bytes: item.bytes,
    writeUnits: 1,
    spread: { shards: 8, overridden: true },
    leftOut: [{ column: 'secret', why: 'dropped', path: ['attributes', 'drop', 0] }],
  });
  const keyText = (index: number): string => (only?.keys[index]?.parts ?? []).map(({ text }) => text).join('');
  expect([`${keyText(0)}${only?.spread?.suffix ?? ''}`, keyText(1)]).toEqual(
    ['pk', 'sk'].map((name) => (attributesOf(item)[name] as { S: string }).S),
  );
  expect(only?.attributes.find(({ name }) => name === 'body')).toMatchObject({ type: null, bad: null, path: null });
});

it('explainRow goes on behind a bad value, and names it', () => {
  const cells = { id: '7', account: null, price: '1.00', body: 'b', secret: null };
  const explained = explainRow(mapping, rowOf(mapping, cells), { now: 0 });
  expect(explained).toMatchObject({ outcome: 'bad', bad: { column: 'account', kind: 'NULL' } });
  const attributes = explained.items[0]?.attributes ?? [];
  expect(attributes.filter(({ bad }) => bad !== null).map(({ name }) => name)).toEqual(['label', 'pk']);
  expect(attributes.find(({ name }) => name === 'body')).toMatchObject({ type: 'S', value: '{"S":"b"}' });
});
