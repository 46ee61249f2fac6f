import { describe, expect, test } from 'vitest';
import { sealed, sealedLike } from '../../../../src/config/binding/seal.js';
import { isSealed, shownOf } from '../../../../src/core/text/sealed.js';

const WRITTEN = "tenant = '${TENANT}'";

describe('a sealed setting', () => {
  test('a sealed setting hides its value, shows the text of the config, and is the same for the same value', () => {
    const seal = sealed(WRITTEN, "tenant = 'acme'");
    expect(seal).not.toContain('acme');
    expect(isSealed(seal)).toBe(true);
    expect(shownOf(seal)).toBe(WRITTEN);
    expect(sealed(WRITTEN, "tenant = 'acme'")).toBe(seal);
    expect(sealed(WRITTEN, "tenant = 'other'")).not.toBe(seal);
    expect(shownOf('plain')).toBe('plain');
  });

  test.each<[string, unknown, unknown, unknown]>([
    ['a plain value that is the same', 'acme', sealed('${T}', 'acme'), sealed('${T}', 'acme')],
    ['a plain value of before that is another', 'other', sealed('${T}', 'acme'), sealed('${T}', 'other')],
    ['a value that stands in the file by now', sealed('${T}', 'acme'), 'acme', 'acme'],
    ['another one that stands in the file by now', sealed('${T}', 'acme'), 'other', sealed('${T}', 'acme')],
    ['the same value of another variable', sealed('${T}', 'acme'), sealed('${U}', 'acme'), sealed('${U}', 'acme')],
    ['a constant that was a number', 7, sealed('${T}', '7'), sealed('${T}', 7)],
    ['text with a NUL that is no seal', 'one\u0000same', 'other\u0000same', 'one\u0000same'],
    ['what no variable has a part in', { a: [1, 'x', null] }, { a: [1, 'y', null], b: 2 }, { a: [1, 'x', null] }],
  ])('sealedLike compares a sealed setting with %s', (_, stored, given, expected) => {
    expect(sealedLike(stored, given)).toEqual(expected);
  });
});
