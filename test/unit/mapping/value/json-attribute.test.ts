import { describe, expect, it } from 'vitest';
import { jsonAttributeText } from '../../../../src/mapping/value/json-attribute.js';

function convert(text: string): { readonly text: string; readonly bytes: number } {
  const size = { bytes: 0 };
  return { text: jsonAttributeText(text, 'media', size), bytes: size.bytes };
}

const nested = (depth: number, inner: string): string => '['.repeat(depth) + inner + ']'.repeat(depth);

describe('jsonAttributeText', () => {
  it.each([
    ['null', '{"NULL":true}', 1],
    ['true', '{"BOOL":true}', 1],
    ['false', '{"BOOL":false}', 1],
    ['"é"', '{"S":"é"}', 2],
    ['""', '{"S":""}', 0],
    ['[]', '{"L":[]}', 3],
    ['{}', '{"M":{}}', 3],
    ['12345678901234567890', '{"N":"12345678901234567890"}', 11],
    ['0.1000000000000000055511151231257827', '{"N":"0.1000000000000000055511151231257827"}', 18],
    ['-0', '{"N":"0"}', 1],
    ['1.5E2', '{"N":"150"}', 3],
    ['[1,"a",[]]', '{"L":[{"N":"1"},{"S":"a"},{"L":[]}]}', 12], // 3 + 3 elements + 2 + 1 + 3
    ['{"b":1,"a":"x"}', '{"M":{"a":{"S":"x"},"b":{"N":"1"}}}', 10], // 3 + 2 entries + names 2 + 1 + 2
    ['{"10":1,"9":2}', '{"M":{"10":{"N":"1"},"9":{"N":"2"}}}', 12],
    ['{"__proto__":{"a":1},"constructor":2}', '{"M":{"__proto__":{"M":{"a":{"N":"1"}}},"constructor":{"N":"2"}}}', 34],
    ['{"a":1,"a":1}', '{"M":{"a":{"N":"1"}}}', 7],
    [String.raw`"\ud83d\udc4b"`, '{"S":"👋"}', 4],
    [String.raw`"\u0000\""`, String.raw`{"S":"\u0000\""}`, 2],
  ])('jsonAttributeText converts %s to %s', (text, expected, bytes) => {
    expect(convert(text)).toEqual({ text: expected, bytes });
  });

  it.each([
    ['', 'text that is not JSON, or repeats a name with another value'],
    ['{a:1}', 'text that is not JSON, or repeats a name with another value'],
    ['[1,]', 'text that is not JSON, or repeats a name with another value'],
    ['NaN', 'text that is not JSON, or repeats a name with another value'],
    ['{"a":1,"a":2}', 'text that is not JSON, or repeats a name with another value'],
    ['{"":1}', 'JSON with an empty name, which DynamoDB cannot store'],
    ['{"a":[{"":1}]}', 'JSON with an empty name, which DynamoDB cannot store'],
    ['1E400', 'a JSON number with magnitude outside 1E-130 to 9.99E+125'],
    [`[${'1'.repeat(39)}]`, 'a JSON number with more than 38 significant digits'],
    [String.raw`"\ud83d"`, 'JSON with half of a surrogate pair, which has no UTF-8 form'],
    [String.raw`{"\udc4b":1}`, 'JSON with half of a surrogate pair, which has no UTF-8 form'],
    [nested(32, ''), 'JSON nested deeper than 31 lists and maps'],
    [nested(100_000, ''), 'JSON nested deeper than 31 lists and maps'],
  ])('jsonAttributeText refuses %.40s as a bad value: %s', (text, reason) => {
    expect(() => convert(text)).toThrow(expect.objectContaining({ name: 'BadValue', column: 'media', reason }));
  });

  it('jsonAttributeText takes 31 levels, with a scalar in the last', () => {
    // 31 lists, 30 of which have an element that is a list, and one that has a number.
    expect(convert(nested(31, '1')).bytes).toBe(31 * 3 + 31 + 2);
  });
});
