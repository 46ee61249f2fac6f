/** Which labels of an ENUM or SET are known for sure, by number, from what information_schema prints. */
import { expect, test } from 'vitest';
import type { ColumnInfo } from '../../../../src/core/model.js';
import { enumerationOf } from '../../../../src/mysql/keyset/enumerated-key.js';

const column = (columnType: string): ColumnInfo =>
  ({ dataType: columnType.slice(0, columnType.indexOf('(')), columnType }) as ColumnInfo;

test('enumerationOf does not know a label that may be printed otherwise than it is stored', () => {
  expect(enumerationOf(column("enum('a','b\\\\c','what?','\ufffd','d')"))).toEqual({
    highest: 5,
    labels: ['', 'a', null, null, null, 'd'],
  });
});

test('enumerationOf knows a value of a SET where it knows each of its members', () => {
  expect(enumerationOf(column("set('a','?','b')"))?.labels).toEqual(['', 'a', null, null, 'b', 'a,b', null, null]);
});
