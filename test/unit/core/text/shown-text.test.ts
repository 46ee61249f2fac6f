/** Text from outside on a screen: one line, no longer than it may be, and no command to the terminal. */
import { expect, test } from 'vitest';
import { namesOfServer, ofServer, shown, shownLines } from '../../../../src/core/text/shown-text.js';

test.each([
  ['what is plain', 'ThrottlingException é 漢 👩‍👧', 'ThrottlingException é 漢 👩‍👧'],
  ['a command to the terminal', '\u001b[2J\u009b1A', '\\u001b[2J\\u009b1A'],
  ['a line of its own', 'a\r\nb\u2028c', 'a\\u000d\\u000ab\\u2028c'],
  ['a text that is turned around', 'a\u202eb\u2066', 'a\\u202eb\\u2066'],
  ['half a surrogate pair', 'a\ud800', 'a\\ud800'],
])('shown turns a text into one safe line: %s', (_, text, line) => {
  expect(shown(text)).toBe(line);
});

test('shownLines keeps the lines of a text, and the meaning of JSON', () => {
  expect(shownLines('a\n\tb\u001b')).toBe('a\n\\u0009b\\u001b');
  const value = { a: '\u009b\u2028\u202e', b: 'é' };
  const json = JSON.stringify(value, null, 2);
  expect(shownLines(json)).not.toBe(json);
  expect(JSON.parse(shownLines(json))).toEqual(value);
});

test('ofServer cuts what a server says, whatever its characters become', () => {
  expect(ofServer('x'.repeat(200))).toBe('x'.repeat(200));
  for (const long of ['x'.repeat(201), '\u0000'.repeat(100), 'y'.repeat(1_000_000)]) {
    expect(ofServer(long)).toHaveLength(200);
    expect(ofServer(long)).toMatch(/…$/);
  }
  expect(namesOfServer(['a', 'b\n'])).toBe('a, b\\u000a');
  expect(namesOfServer(Array<string>(25).fill('n'))).toMatch(/^(n, ){19}n and 5 more$/);
});
