import { describe, expect, it } from 'vitest';
import { parseTemplate } from '../../../../src/mapping/template/template.js';

const column = (name: string, ...functions: { name: string; argument: number | null }[]) => ({
  kind: 'expression',
  column: name,
  functions,
});
const literal = (text: string) => ({ kind: 'literal', text });

describe('parseTemplate', () => {
  it.each([
    ['', []],
    ['MSG', [literal('MSG')]],
    ['{sid}', [column('sid')]],
    ['ACCT#{account_sid}', [literal('ACCT#'), column('account_sid')]],
    ['{a}{b}', [column('a'), column('b')]],
    ['{at:epoch-ms:pad(14)}', [column('at', { name: 'epoch-ms', argument: null }, { name: 'pad', argument: 14 })]],
    ['{a: lower : hash(8) }', [column('a', { name: 'lower', argument: null }, { name: 'hash', argument: 8 })]],
    ['{{a}}', [literal('{a}')]],
    ['{{{a}}}', [literal('{'), column('a'), literal('}')]],
    ['é{a}👋', [literal('é'), column('a'), literal('👋')]],
  ])('parseTemplate takes %j apart', (source, parts) => {
    expect(parseTemplate(source)).toEqual(parts);
  });

  it.each([
    ['{sid', '"{" at character 1 has no closing brace'],
    ['MSG#{sid', '"{" at character 5 has no closing brace'],
    ['sid}', '"}" at character 4 has no opening brace'],
    ['{a}}', '"}" at character 4 has no opening brace'],
    ['{}', 'the name of a column is missing at character 2'],
    ['a{:iso}', 'the name of a column is missing at character 3'],
    ['{at:}', '"" at character 5 is not a function'],
    ['x{at:ISO}', '"ISO" at character 6 is not a function'],
    ['{at:epoch-ms:pad(x)}', '"pad(x)" at character 14 is not a function'],
    ['{at:iso,lower}', '"iso,lower" at character 5 is not a function'],
    ['{n:pad(-3)}', '"pad(-3)" at character 4 is not a function'],
    ['{n:pad(9999999)}', '"pad(9999999)" at character 4 is not a function'],
  ])('parseTemplate finds a fault in %j: %s', (source, message) => {
    expect(() => parseTemplate(source)).toThrow(
      expect.objectContaining({ name: 'TemplateSyntaxError', message: expect.stringContaining(message) as string }),
    );
  });
});
