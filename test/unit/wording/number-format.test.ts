import { describe, expect, test } from 'vitest';
import { agoWords, bytes, compact, count, duration, percent, plural } from '../../../src/wording/number-format.js';
import { truncate, wrap } from '../../../src/listeners/terminal.js';

describe('format', () => {
  test.each([
    [90_000, '1m 30s ago'],
    [null, 'an unknown time ago (the clock was set back, or the state is of another machine)'],
  ])('agoWords of an age of %s ms are: %s', (ms, text) => expect(agoWords({ ms })).toBe(text));

  test.each([
    [0, '0'],
    [999, '999'],
    [1000, '1,000'],
    [-123_456.7, '-123,457'],
    [12_345, '12,345'],
    [100_000_000_000, '100,000,000,000'],
  ])('count(%d) is %s', (value, text) => expect(count(value)).toBe(text));

  test.each([
    [0, '0'],
    [0.4, '0'],
    [7.6, '8'],
    [999, '999'],
    [999.6, '1k'],
    [1000, '1k'],
    [1234, '1.2k'],
    [12_345, '12.3k'],
    [99_949, '99.9k'],
    [99_950, '100k'],
    [123_456, '123k'],
    [999_499, '999k'],
    [999_500, '1M'],
    [999_960, '1M'],
    [4_500_000, '4.5M'],
    [100_000_000_000, '100G'],
  ])('compact(%d) is %s', (value, text) => expect(compact(value)).toBe(text));

  test('compact is never wider than five characters', () => {
    for (let exponent = 0; exponent < 14.9; exponent += 0.01) {
      expect(compact(10 ** exponent).length, String(10 ** exponent)).toBeLessThanOrEqual(5);
    }
  });

  test.each([
    [0, '0s'],
    [9.4, '9s'],
    [59.6, '1m 00s'],
    [245, '4m 05s'],
    [3600, '1h 00m'],
    [11_220, '3h 07m'],
    [86_399.7, '1d 0h'],
    [183_600, '2d 3h'],
  ])('duration(%d) is %s', (seconds, text) => expect(duration(seconds)).toBe(text));

  test.each([
    [0, 10, '0.0%'],
    [0, 0, '0.0%'],
    [1, 3, '33.3%'],
    [9999, 10_000, '99.9%'],
    [12, 10, '99.9%'],
  ])('percent(%d, %d) is %s', (done, total, text) => expect(percent(done, total)).toBe(text));

  test.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [4 * 1024 * 1024, '4.0 MiB'],
  ])('bytes(%d) is %s', (value, text) => expect(bytes(value)).toBe(text));

  test('plural puts a word into the plural except for one', () => {
    expect([plural(0, 'row'), plural(1, 'row'), plural(1234, 'row')]).toEqual(['0 rows', '1 row', '1,234 rows']);
  });
});

describe('terminal text', () => {
  test('wrap breaks at spaces and indents what follows', () => {
    expect(wrap('s01 warning: the disk is full', 14, 4)).toEqual(['s01 warning:', '    the disk', '    is full']);
    expect(wrap('short', 14, 4)).toEqual(['short']);
  });

  test('wrap cuts words that fit no line', () => {
    const lines = wrap(`a ${'x'.repeat(25)} b`, 10, 2);
    expect(lines.every((line) => line.length <= 10)).toBe(true);
    expect(lines.join('').replaceAll(' ', '')).toBe(`a${'x'.repeat(25)}b`);
  });

  test('truncate cuts a text to a width, and marks the cut', () => {
    expect([truncate('messages', 8), truncate('messages', 5), truncate('messages', 0)]).toEqual([
      'messages',
      'mess~',
      '',
    ]);
  });
});
