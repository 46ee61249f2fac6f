import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bitText, copyNumber, normalizeNumber, numberBytes, writeBits } from '../../../../src/mapping/value/numbers.js';
import { amid, bufferWithRoom, NEIGHBOURS, writtenIn } from '../placed.js';
import { holds } from '../seeded.js';

const NINES = '9'.repeat(38);

describe('normalizeNumber', () => {
  it.each([
    ['0', '0'],
    ['-0', '0'],
    ['-0.000', '0'],
    ['0e999', '0'],
    ['1.0', '1'],
    ['1.50', '1.5'],
    ['00042', '42'],
    ['+7', '7'],
    ['-0.00750', '-0.0075'],
    ['.5', '0.5'],
    ['5.', '5'],
    ['1.5E2', '150'],
    ['1e-7', '0.0000001'],
    ['12345e-3', '12.345'],
    ['-1.25e+1', '-12.5'],
    ['18446744073709551615', '18446744073709551615'],
    ['100', '100'],
    [NINES, NINES],
    [`${NINES}000`, `${NINES}000`],
    [`0.${'0'.repeat(20)}${NINES}`, `0.${'0'.repeat(20)}${NINES}`],
    ['1E-130', `0.${'0'.repeat(129)}1`],
    ['9.99E125', `999${'0'.repeat(123)}`],
    ['0'.repeat(60), '0'],
  ])('normalizeNumber turns %s into %s', (text, expected) => {
    expect(normalizeNumber(text)).toEqual({ text: expected });
  });

  it.each([
    ['', 'not a number'],
    ['.', 'not a number'],
    ['-', 'not a number'],
    ['abc', 'not a number'],
    ['1 ', 'not a number'],
    ['1\n', 'not a number'],
    ['1e', 'not a number'],
    ['0x10', 'not a number'],
    ['NaN', 'not a number'],
    ['Infinity', 'not a number'],
    ['1'.repeat(39), 'more than 38 significant digits'],
    [`1.${'0'.repeat(37)}1`, 'more than 38 significant digits'],
    ['1E126', 'magnitude outside 1E-130 to 9.99E+125'],
    ['1E-131', 'magnitude outside 1E-130 to 9.99E+125'],
    [`1E${'9'.repeat(400)}`, 'magnitude outside 1E-130 to 9.99E+125'],
  ])('normalizeNumber refuses %j: %s', (text, fault) => {
    expect(normalizeNumber(text)).toEqual({ fault });
  });

  it('normalizeNumber keeps the value and is its own result', () => {
    holds(2_000, numberTexts(), (text) => {
      const first = normalizeNumber(text);
      if ('fault' in first) {
        expect(first.fault).not.toBe('not a number');
        return;
      }
      expect(sameValue(text, first.text)).toBe(true);
      expect(normalizeNumber(first.text)).toEqual(first);
      expect(first.text).toMatch(/^(0|-?([1-9]\d*|0(?=\.))(\.\d*[1-9])?)$/);
    });
  });
});

describe('copyNumber', () => {
  const copied = (text: string, neighbour = '9', room = 0): string | null => {
    const { source, from, to } = amid(text, neighbour);
    const out = bufferWithRoom(room);
    const done = copyNumber(source, from, to, out);
    if (!done) expect(out.at).toBe(out.start);
    return done ? writtenIn(out) : null;
  };

  it.each([
    ['0', '0'],
    ['-0', '0'],
    ['-0.000', '0'],
    ['0.0', '0'],
    ['0.50', '0.5'],
    ['-0.05', '-0.05'],
    ['10', '10'],
    ['100.00', '100'],
    ['-1000', '-1000'],
    ['9', '9'],
    ['5.', '5'],
    [NINES, NINES],
    [`${NINES.slice(1)}0`, `${NINES.slice(1)}0`],
  ])('copyNumber turns %s into %s', (text, expected) => {
    for (const neighbour of NEIGHBOURS) expect(copied(text, neighbour)).toBe(expected);
  });

  it.each([
    '',
    '-',
    '.',
    '-.',
    '.5',
    '-.5',
    '+7',
    '00',
    '-00',
    '042',
    '00.5',
    '1e5',
    '1E5',
    '1.2.3',
    '--1',
    '1-',
    '1 ',
  ])('copyNumber leaves %j to normalizeNumber', (text) => {
    for (const neighbour of NEIGHBOURS) expect(copied(text, neighbour)).toBeNull();
  });

  it('copyNumber leaves every other character, and more than 38 digits, to normalizeNumber', () => {
    for (let code = 0; code < 0x100; code += 1) {
      const character = String.fromCharCode(code);
      if (!/[\d.]/.test(character)) expect(copied(`1${character}2`)).toBeNull();
    }
    expect(copied(`${NINES}9`)).toBeNull();
  });

  it('copyNumber writes what normalizeNumber gives, or nothing, and always writes plain spellings', () => {
    const spellings = fc.stringMatching(/^-?\d{1,21}(\.\d{0,18})?$/);
    const cells = fc.tuple(
      fc.oneof(numberTexts(), spellings, fc.stringMatching(/^[-+0-9.eE]{0,12}$/)),
      fc.constantFrom(...NEIGHBOURS),
      fc.nat({ max: 60 }),
    );
    holds(3_000, cells, ([text, neighbour, room]) => {
      const written = copied(text, neighbour, room);
      const normalized = normalizeNumber(text);
      if (written !== null) expect({ text: written }).toEqual(normalized);
      else expect(text.length <= 38 && /^-?(0|[1-9]\d*)(\.\d+)?$/.test(text)).toBe(false);
    });
  });
});

describe('numberBytes', () => {
  // Digits in pairs around the point, zero pairs at both ends free, a byte a pair, one more, one more if negative.
  it.each([
    ['0', 1],
    ['1', 2], // 01
    ['-1', 3],
    ['99', 2], // 99
    ['100', 2], // 01 (00)
    ['1000', 2], // 10 (00)
    ['10000', 2], // 01 (00 00)
    ['101', 3], // 01 01
    ['1234567', 5], // 01 23 45 67
    ['0.5', 2], // (00) . 50
    ['0.05', 2], // (00) . 05
    ['0.001', 2], // (00) . (00) 10
    ['0.0075', 2], // (00) . (00) 75
    ['-0.0075', 3],
    ['1.5', 3], // 01 . 50
    ['10.01', 3], // 10 . 01
    ['100.001', 5], // 01 00 . 00 10
    [NINES, 20], // 19 pairs
    [`-${NINES}`, 21],
    [`0.0${'1'.repeat(37)}1`, 21], // 01 11 ... 10: 20 pairs
    [`-${'1'.repeat(37)}.1`, 21], // 01 11 ... 11 . 10: 20 pairs, cut off at 21
  ])('numberBytes of %s is %i', (text, bytes) => {
    expect(numberBytes(Buffer.from(text))).toBe(bytes);
  });

  it('numberBytes agrees with the pairs written out', () => {
    holds(2_000, numberTexts(), (text) => {
      const normalized = normalizeNumber(text);
      if (!('fault' in normalized))
        expect(numberBytes(Buffer.from(normalized.text))).toBe(bytesByPairs(normalized.text));
    });
  });

  it('numberBytes counts the bytes in its range, whatever stands around them', () => {
    const cells = fc.tuple(numberTexts(), fc.constantFrom(...NEIGHBOURS));
    holds(1_000, cells, ([text, neighbour]) => {
      const normalized = normalizeNumber(text);
      if ('fault' in normalized) return;
      const { source, from, to } = amid(normalized.text, neighbour);
      expect(numberBytes(source, from, to)).toBe(bytesByPairs(normalized.text));
    });
  });
});

describe('bitText', () => {
  it.each([
    [[], '0'],
    [[0], '0'],
    [[0x81], '129'],
    [[1, 0], '256'],
    [[255, 255, 255, 255, 255, 255], '281474976710655'],
    [[1, 0, 0, 0, 0, 0, 0], '281474976710656'],
    [Array.from({ length: 8 }, () => 255), '18446744073709551615'],
  ])('bitText of %j is %s', (bytes, expected) => {
    expect(bitText(Buffer.from(bytes))).toBe(expected);
  });

  it('bitText gives what writeBits writes', () => {
    const cells = fc.tuple(fc.uint8Array({ maxLength: 8 }), fc.constantFrom(...NEIGHBOURS), fc.nat({ max: 21 }));
    holds(1_000, cells, ([bits, neighbour, room]) => {
      const { source, from, to } = amid(Buffer.from(bits), neighbour);
      const out = bufferWithRoom(room);
      writeBits(source, from, to, out);
      expect(writtenIn(out)).toBe(
        bits.length === 0 ? '0' : BigInt(`0x${Buffer.from(bits).toString('hex')}`).toString(),
      );
      expect(writtenIn(out)).toBe(bitText(Buffer.from(bits)));
    });
  });
});

function numberTexts(): fc.Arbitrary<string> {
  const digits = (max: number) => fc.stringMatching(new RegExp(`^[0-9]{0,${max}}$`));
  const exponent = fc.option(fc.integer({ min: -140, max: 140 }), { nil: null });
  return fc
    .tuple(fc.constantFrom('', '-', '+'), digits(24), fc.option(digits(24), { nil: null }), exponent)
    .filter(([, whole, fraction]) => whole.length + (fraction?.length ?? 0) > 0)
    .map(([sign, whole, fraction, power]) => {
      const mantissa = fraction === null ? whole : `${whole}.${fraction}`;
      return sign + mantissa + (power === null ? '' : `e${power}`);
    });
}

/** a = b as fractions of whole numbers. */
function sameValue(a: string, b: string): boolean {
  const [x, y] = [fractionOf(a), fractionOf(b)];
  return x.numerator * y.denominator === y.numerator * x.denominator;
}

function fractionOf(text: string): { readonly numerator: bigint; readonly denominator: bigint } {
  const [mantissa = '', power = '0'] = text.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.replace(/^[-+]/, '').split('.');
  const exponent = Number(power) - fraction.length;
  const sign = mantissa.startsWith('-') ? -1n : 1n;
  const numerator = sign * BigInt(whole + fraction) * (exponent > 0 ? 10n ** BigInt(exponent) : 1n);
  return { numerator, denominator: exponent < 0 ? 10n ** BigInt(-exponent) : 1n };
}

/** AWS's rule, spelled out: line the pairs up, strip zero pairs at both ends, count. */
function bytesByPairs(text: string): number {
  if (text === '0') return 1;
  const negative = text.startsWith('-') ? 1 : 0;
  const [whole = '', fraction = ''] = text.replace('-', '').split('.');
  const digits = (whole.length % 2 === 1 ? '0' : '') + whole + fraction + (fraction.length % 2 === 1 ? '0' : '');
  const pairs = digits.match(/../g) ?? [];
  const first = pairs.findIndex((pair) => pair !== '00');
  const last = pairs.findLastIndex((pair) => pair !== '00');
  return Math.min(21, last - first + 1 + 1 + negative);
}
