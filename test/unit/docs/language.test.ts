/** What people read keeps the rules of language of CONTRIBUTING.md, as far as a program can check them. */
import { expect, test } from 'vitest';
import { fileFaults, repositoryFaults } from '../../support/language/repository.js';
import { docstringFaults, forbiddenWords, languageFaults, titleFaults } from '../../support/language/rules.js';
import { textsOf } from '../../support/language/texts.js';

test('messages, comments, documentation and titles of tests keep the rules of language', { timeout: 120_000 }, () => {
  expect(repositoryFaults().map(({ path, line, fault }) => `${path}:${line}  ${fault}`)).toEqual([]);
});

test('the rules of language forbid the words that CONTRIBUTING.md lists', () => {
  expect(forbiddenWords('Write *a*. Do not write *tell of,\nanew*.')).toEqual(['tell of', 'anew']);
  expect(() => forbiddenWords('Write well.')).toThrow('Do not write');
  expect(languageFaults('It reads the rows anew.')).toEqual(['"anew" in: It reads the rows anew.']);
  expect(languageFaults('The log\ntells   of it')).toEqual(['"tells of" in: The log tells of it']);
  expect(languageFaults('The renewal of `whoever` is at manewals')).toEqual([]);
});

test('the rules of language count the words of a sentence', () => {
  const words = (count: number): string => Array.from({ length: count }, () => 'word').join(' ');
  expect(
    languageFaults(`${words(25)}. ${words(25)}\n\n${words(25)}\n- ${words(25)}\n| ${words(25)} | ${words(25)} |`),
  ).toEqual([]);
  expect(languageFaults(words(26))).toEqual([`26 words: ${words(26)}`]);
  expect(languageFaults(`${words(24)} \`a command of many words\` — e.g.`)).toHaveLength(1);
  expect(languageFaults(`${words(24)} \`a command of many words\` —`)).toEqual([]);
  expect(languageFaults(`See:\n\`\`\`\n${words(30)}\n\`\`\`\n`)).toEqual([]);
});

test('the rules of language want a verb or a subject first in a docstring', () => {
  expect(docstringFaults('Of all cells.')).toHaveLength(1);
  expect(docstringFaults('Returns all cells.')).toEqual([]);
  expect(docstringFaults('Officially, it waits.')).toEqual([]);
});

test('the rules of language want a title of a test that stands alone', () => {
  expect(titleFaults('is none')).toHaveLength(1);
  expect(titleFaults('of several shards, one ends')).toHaveLength(1);
  expect(titleFaults('is frozen all through')).toHaveLength(1);
  expect(titleFaults('a loaded config is frozen')).toEqual([]);
});

test('the texts of a source are its messages, comments, docstrings and titles, each with its line', () => {
  const source = [
    '/** The file. */',
    "import { a } from 'a path that is long';",
    '/** Of a thing. */',
    'export function f(): string {',
    '  // One comment',
    '  // of two lines.',
    '  return `shard ${a} has been lost`;',
    '}',
    "const url = 'https://example.com/a//b c d e';",
    "test.each([1])('title %s', () => query('SELECT a FROM b WHERE c'));",
    'interface I {',
    '  /** As of now. */',
    '  m(): void;',
    '  /** Of the machine, in ms. */',
    '  field: number;',
    '}',
  ].join('\n');
  expect(textsOf(source).sort((a, b) => a.line - b.line)).toEqual([
    { kind: 'comment', text: 'The file.', line: 1 },
    { kind: 'message', text: 'a path that is long', line: 2 },
    { kind: 'docstring', text: 'Of a thing.', line: 3 },
    { kind: 'comment', text: 'One comment\nof two lines.', line: 5 },
    { kind: 'message', text: 'shard X has been lost', line: 7 },
    { kind: 'message', text: 'https://example.com/a//b c d e', line: 9 },
    { kind: 'title', text: 'title %s', line: 10 },
    { kind: 'docstring', text: 'As of now.', line: 12 },
    { kind: 'comment', text: 'Of the machine, in ms.', line: 14 },
  ]);
});

test('a fault of language is told with its line; in a test, the titles alone count', () => {
  expect(fileFaults('src/a.ts', "\n// Whoever comes.\nf('it was not begun at all');")).toEqual([
    { line: 3, fault: 'message: "begun" in: it was not begun at all' },
    { line: 2, fault: 'comment: "Whoever" in: Whoever comes.' },
  ]);
  expect(fileFaults('test/a.test.ts', "\n// Whoever comes.\ntest('is begun', () => f());")).toEqual([
    { line: 3, fault: 'a title of less than three words: is begun' },
  ]);
  expect(fileFaults('a.md', 'One.\n\nTwo is begun.\n')).toEqual([{ line: 3, fault: '"begun" in: Two is begun.' }]);
});
