import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { versionOrder } from '../../../../src/core/item/item-version.js';
import { normalizeNumber } from '../../../../src/mapping/value/numbers.js';

const n = (text: string) => ({ N: text });
const s = (text: string) => ({ S: text });

describe('versionOrder', () => {
  it.each([
    [n('9'), n('10'), 'older'],
    [n('10'), n('9'), 'newer'],
    [n('10'), n('10'), 'equal'],
    [n('-10'), n('-9'), 'older'],
    [n('-1'), n('1'), 'older'],
    [n('1.5'), n('1.25'), 'newer'],
    [n('1'), n('1.5'), 'older'],
    // One apart in the 38th digit: as floats they are equal.
    [n('99999999999999999999999999999999999998'), n('99999999999999999999999999999999999999'), 'older'],
    [s('2026-01-01T00:00:00.123Z'), s('2026-01-01T00:00:00.124Z'), 'older'],
    [s('2026-01-01T00:00:01.000Z'), s('2026-01-01T00:00:00.999Z'), 'newer'],
    // As texts, `.123Z` sorts before `Z`.
    [s('2026-01-01T00:00:00.123Z'), s('2026-01-01T00:00:00Z'), 'incomparable'],
    [s('9'), s('10'), 'incomparable'],
    [n('9'), s('9'), 'incomparable'],
    [s('é'), s('e'), 'incomparable'],
    [{ NULL: true }, n('1'), 'incomparable'],
    [undefined, n('1'), 'incomparable'],
    [n('1'), undefined, 'incomparable'],
  ])('versionOrder of %j beside %j is %s', (held, other, order) => {
    expect(versionOrder(held, other)).toBe(order);
  });

  it('versionOrder orders decimals as numbers do', () => {
    const decimal = fc.tuple(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.integer({ min: 0, max: 12 }));
    const text = ([digits, scale]: readonly [bigint, number]): string => {
      const normalized = normalizeNumber(`${digits}e-${scale}`);
      return 'text' in normalized ? normalized.text : 'none';
    };
    fc.assert(
      fc.property(decimal, decimal, (a, b) => {
        const difference = a[0] * 10n ** BigInt(b[1]) - b[0] * 10n ** BigInt(a[1]);
        const expected = difference < 0n ? 'older' : difference > 0n ? 'newer' : 'equal';
        expect(versionOrder(n(text(a)), n(text(b)))).toBe(expected);
      }),
      { seed: 5 },
    );
  });
});
