/**
 * What a column that would sort differently in a text key than in MySQL can be written as instead; and that this does
 * sort.
 */
import { expect, test } from 'vitest';
import { columnExpression } from '../../../../src/mapping/template/expression.js';
import { column, compile, rule, table } from '../tables.js';

test.each<[string, string, string]>([
  ['unsigned numbers, filled up', 'int unsigned', '{c:pad(10)}'],
  ['unsigned numbers, as wide as they may be', 'bigint unsigned', '{c:pad(20)}'],
  ['numbers with a sign', 'int', '{c:sortable}'],
  ['numbers with decimals', 'decimal(10,2)', '{c:sortable}'],
  ['numbers with decimals, unsigned', 'decimal(10,2) unsigned', '{c:sortable}'],
  ['bits', 'bit(9)', '{c:sortable}'],
])('columnExpression proposes a form that sorts: %s, %s is written as %s', (_what, definition, remedy) => {
  const info = column('c', definition);
  const { sorts, sortRemedy } = columnExpression(info, 0);
  expect({ sorts, sortRemedy }).toEqual({ sorts: false, sortRemedy: remedy });
  const mapping = compile(table({ id: 'int', c: info }), rule('{id}', remedy));
  expect(mapping.columns).toEqual(['id', 'c']);
});

test('columnExpression finds no text that sorts for floating point', () => {
  for (const type of ['float', 'double', 'double unsigned']) {
    const { dataType } = column('c', type);
    const { sorts, sortRemedy } = columnExpression(column('c', type), 0);
    expect({ sorts, sortRemedy }).toEqual({ sorts: false, sortRemedy: `a column of another type than ${dataType}` });
  }
});
