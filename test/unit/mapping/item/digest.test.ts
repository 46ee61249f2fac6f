import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DigestSum, hashModulo } from '../../../../src/mapping/item/digest.js';
import { holds } from '../seeded.js';

const sumOf = (texts: readonly string[]): string => {
  const sum = new DigestSum();
  for (const text of texts) sum.add(text);
  return sum.toString();
};

describe('DigestSum', () => {
  it('DigestSum begins at zero', () => {
    expect(sumOf([])).toBe('0'.repeat(32));
  });

  it('DigestSum of one text is the first half of its SHA-256', () => {
    // sha256("abc"), FIPS 180-2, appendix B.1
    expect(sumOf(['abc'])).toBe('ba7816bf8f01cfea414140de5dae2223');
  });

  it('DigestSum adds modulo 2^128, in any order', () => {
    const texts = fc.array(fc.string({ unit: 'binary' }), { maxLength: 40 });
    holds(100, texts, (list) => {
      const whole = list.reduce(
        (sum, text) => sum + BigInt(`0x${createHash('sha256').update(text).digest('hex').slice(0, 32)}`),
        0n,
      );
      expect(sumOf(list)).toBe((whole % 2n ** 128n).toString(16).padStart(32, '0'));
      expect(sumOf(list.toReversed())).toBe(sumOf(list));
    });
  });

  it('DigestSum distinguishes a text twice from none, which XOR would not', () => {
    expect(sumOf(['a', 'a'])).not.toBe(sumOf([]));
  });
});

describe('hashModulo', () => {
  it('hashModulo is what README.md tells readers to compute: six bytes of SHA-256, modulo', () => {
    // sha256("abc") begins with ba7816bf8f01
    expect(hashModulo('abc', 1_000_000)).toBe(0xba7816bf8f01 % 1_000_000);
  });
});
