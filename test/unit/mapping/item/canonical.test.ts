import { describe, expect, it } from 'vitest';
import { canonicalItemText, canonicalValueText } from '../../../../src/mapping/item/canonical.js';
import { escapeJson, isWellFormed, quoteJson } from '../../../../src/mapping/value/json-text.js';

describe('canonicalItemText', () => {
  it.each<[string, Record<string, unknown>, string]>([
    [
      'names sorted by UTF-16 code unit',
      { b: { S: '' }, B: { S: '' }, '10': { S: '' }, '9': { S: '' }, é: { S: '' } },
      '{"10":{"S":""},"9":{"S":""},"B":{"S":""},"b":{"S":""},"é":{"S":""}}',
    ],
    ['numbers normalised', { n: { N: '1.50E1' }, z: { N: '-0.0' } }, '{"n":{"N":"15"},"z":{"N":"0"}}'],
    [
      'sets sorted, each by its texts',
      { n: { NS: ['10', '9.0', '1'] }, s: { SS: ['b', 'a'] }, b: { BS: ['Yg==', 'YQ=='] } },
      '{"b":{"BS":["YQ==","Yg=="]},"n":{"NS":["1","10","9"]},"s":{"SS":["a","b"]}}',
    ],
    [
      'lists in their order',
      { l: { L: [{ S: 'b' }, { BOOL: false }, { NULL: true }] } },
      '{"l":{"L":[{"S":"b"},{"BOOL":false},{"NULL":true}]}}',
    ],
    ['maps sorted inside', { m: { M: { b: { N: '1' }, a: { M: {} } } } }, '{"m":{"M":{"a":{"M":{}},"b":{"N":"1"}}}}'],
    ['minimal escapes', { 's"': { S: '/"\\\n\u2028é' } }, '{"s\\"":{"S":"/\\"\\\\\\n\u2028é"}}'],
    ['binary as base64', { b: { B: 'AQI=' } }, '{"b":{"B":"AQI="}}'],
  ])('canonicalItemText makes the canonical form: %s', (_, item, text) => {
    expect(canonicalItemText(item)).toBe(text);
  });

  it('canonicalItemText keeps a name that JavaScript gives a meaning', () => {
    const text = '{"__proto__":{"S":"x"},"constructor":{"N":"1"}}';
    expect(canonicalItemText(JSON.parse(text) as Record<string, unknown>)).toBe(text);
  });

  it.each<[unknown]>([
    [null],
    ['S'],
    [[]],
    [{}],
    [{ S: 1 }],
    [{ N: 'x' }],
    [{ S: 'a', N: '1' }],
    [{ X: 'a' }],
    [{ L: {} }],
    [{ M: [] }],
  ])('canonicalValueText treats %j, which is no attribute value, as a defect and not as a bad row', (value) => {
    expect(() => canonicalValueText(value)).toThrow(expect.objectContaining({ code: 'E_INTERNAL' }));
  });
});

describe('JSON texts', () => {
  it.each([
    ['', ''],
    ['plain ~ text!', 'plain ~ text!'],
    ['"', '\\"'],
    ['\\', '\\\\'],
    ['\b\f\n\r\t', '\\b\\f\\n\\r\\t'],
    ['\u0000\u001f', '\\u0000\\u001f'],
    ['/\u007f\u2028é你👋', '/\u007f\u2028é你👋'],
  ])('escapeJson writes %j as %s', (text, escaped) => {
    expect(escapeJson(text)).toBe(escaped);
    expect(quoteJson(text)).toBe(JSON.stringify(text));
  });

  it('isWellFormed accepts texts unless half of a surrogate pair stands alone', () => {
    expect(['', 'a', 'é👋', '\ud83d', 'a\udc4b', '\udc4b\ud83d'].map(isWellFormed)).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});
