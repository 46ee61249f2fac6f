/** Members of a SET from its type, and from the text of a value. */
import { expect, test } from 'vitest';
import { declaredMembers, emptyMembers, membersOf, printedSet } from '../../../src/core/set-members.js';

test('declaredMembers reads labels as information_schema writes them, with quotes and commas in them', () => {
  expect(declaredMembers({ columnType: "set('a','it''s','','x,y')" })).toEqual(['a', "it's", '', 'x,y']);
});

test('emptyMembers finds the places of empty members, of a SET alone', () => {
  expect(emptyMembers({ dataType: 'set', columnType: "set('a','','b','')" })).toEqual([1, 3]);
  expect(emptyMembers({ dataType: 'set', columnType: "set('a','''','b')" })).toEqual([]);
  expect(emptyMembers({ dataType: 'enum', columnType: "enum('a','')" })).toEqual([]);
});

test.each([
  ['', [], ''],
  ['a', ['a'], 'a'],
  ['a,', ['a', ''], 'a,'],
  [',', [''], ''],
  [',b', ['', 'b'], 'b'],
  ['a,,b', ['a', '', 'b'], 'a,,b'],
  [',,', ['', ''], ''],
])('the SET value %j has the members %j and prints as %j', (text, members, printed) => {
  expect(membersOf(text)).toEqual(members);
  expect(printedSet(text)).toBe(printed);
});
