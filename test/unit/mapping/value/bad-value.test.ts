/**
 * What a bad row is said to be of: its column's type as declared, but never the members of an ENUM or SET, which are
 * values.
 */
import { expect, test } from 'vitest';
import { typeText } from '../../../../src/mapping/value/bad-value.js';
import { column } from '../tables.js';

test.each([
  ["enum('private','secret')", 'utf8mb4', 'enum'],
  ["set('private','secret')", 'utf8mb4', 'set'],
  ["enum('private','secret')", 'latin1', 'enum, latin1'],
  ['varchar(40)', 'utf8mb4', 'varchar(40)'],
  ['varchar(40)', 'utf8mb3', 'varchar(40)'],
  ['varchar(40)', 'gbk', 'varchar(40), gbk'],
  ['decimal(65,30)', null, 'decimal(65,30)'],
])('typeText reports %s in %s as %s', (definition, charset, told) => {
  expect(typeText(column('c', definition, { charset }))).toBe(told);
});
