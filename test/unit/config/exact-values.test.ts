/**
 * Constants mean what is written: what YAML would change on the way is refused, and so is what DynamoDB cannot hold.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { keepsItsDigits } from '../../../src/config/yaml/yaml-number.js';
import { faultsOf, loadRight, rightConfig } from './config-file.js';

/** The right config with an attribute more, as YAML text. */
function withAdded(rule: string): string {
  const config = rightConfig();
  const [item] = config.mapping.messages.items;
  if (item === undefined) throw new Error('no item');
  Object.assign(item, { attributes: { add: { xyz: { constant: 'HERE' } } } });
  return stringify(config).replace(/xyz:\s+constant: HERE/, () => rule);
}

const ADD = 'mapping.messages.items[0].attributes.add';

describe('a constant', () => {
  it.each([
    ['12345678901234567890123'],
    ['-12345678901234567890123'],
    ['10000000000000000000001'],
    ['123456789012345000000001'],
    ['9007199254740993'],
    ['0.1000000000000000055'],
    ['1.0000000000000000001'],
    ['1e-400'],
    ['0x20000000000001'],
  ])('loadConfig refuses the constant %s, which YAML would round', async (digits) => {
    const faults = await faultsOf(withAdded(`xyz: { constant: ${digits} }`));
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(`${ADD}.xyz.constant`);
    expect(faults[0]).toContain('is a number that YAML would round');
    expect(faults[0]).toContain('quotes');
  });

  it.each([
    ['1e126', 'is outside 1E-130 to 9.99E+125'],
    ['-1e300', 'is outside 1E-130 to 9.99E+125'],
    ['1e-131', 'is outside 1E-130 to 9.99E+125'],
    ['1e400', 'must be text, true, false or a number'],
    ['.inf', 'must be text, true, false or a number'],
    ['.nan', 'must be text, true, false or a number'],
    ['null', 'is empty'],
    ['"\\ud800x"', 'contains half a surrogate pair'],
  ])('loadConfig refuses the constant %s, which has no place in DynamoDB', async (value, fact) => {
    const faults = await faultsOf(withAdded(`xyz: { constant: ${value} }`));
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(`${ADD}.xyz.constant`);
    expect(faults[0]).toContain(fact);
  });

  it.each<[string, string | number | boolean]>([
    ['123456789012345', 123456789012345],
    ['1.50', 1.5],
    ['-0', -0],
    ['00.5e+1', 5],
    ['1e125', 1e125],
    ['1e-130', 1e-130],
    ['0x1F', 31],
    ['"12345678901234567890123"', '12345678901234567890123'],
    ['""', ''],
    ['"\\ud83d\\ude00"', '😀'],
    ['false', false],
  ])('loadConfig takes the constant %s as it is', async (text, value) => {
    const config = await loadRight(withAdded(`xyz: { constant: ${text} }`));
    expect(config.mapping['messages']?.items[0]?.attributes.add).toEqual({ xyz: { kind: 'constant', value } });
  });
});

describe('names and templates', () => {
  it.each([
    ['an attribute', `"\\udc00": { constant: 1 }`],
    ['a template', `xyz: { template: "\\udc00{account_sid}" }`],
  ])('loadConfig refuses half a surrogate pair in %s', async (_, rule) => {
    expect((await faultsOf(withAdded(rule))).join('\n')).toContain('contains half a surrogate pair');
  });

  it('loadConfig refuses an attribute name of more than 64 KB, and an empty one', async () => {
    const [fault = '', ...others] = await faultsOf(
      withAdded(`? ${'x'.repeat(65_536)}
              : { constant: 1 }`),
    );
    expect([others, fault.replace(/x{9,}/, 'x')]).toEqual([
      [],
      `${ADD}.x (line 30) is a name that must be at most 65,535 bytes of UTF-8 -> expected: an attribute that is not one column: { template: ... } or { constant: ... }`,
    ]);
    expect(await faultsOf(withAdded(`"": { constant: 1 }`))).toHaveLength(1);
  });
});

describe('numbers of the file', () => {
  it('loadConfig refuses a number that YAML would round in any setting, not only in a constant', async () => {
    const text = stringify(rightConfig()).replace('writeCapacity: 1000', 'writeCapacity: 1000.00000000000000001');
    expect((await faultsOf(text))[0]).toContain('target.writeCapacity (line 18) is a number that YAML would round');
  });

  it('keepsItsDigits accepts a number exactly where its decimals are those of the double', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(keepsItsDigits(String(value), value)).toBe(true);
        expect(keepsItsDigits(value.toExponential(), value)).toBe(true);
        expect(keepsItsDigits(`${value.toFixed(25).replace(/0+$/, '')}1`, value)).toBe(false);
      }),
    );
  });
});
