import { describe, expect, it } from 'vitest';
import { writeUnits } from '../../../../src/core/capacity/capacity-units.js';
import { textBytes } from '../../../../src/mapping/value/item-size.js';

describe('textBytes', () => {
  it.each([
    ['', 0],
    ['abc', 3],
    ['a"\\\n', 4],
    ['\u007f', 1],
    ['é', 2],
    ['你', 3],
    ['👋', 4],
  ])('textBytes of %j is %i', (text, bytes) => {
    expect(textBytes(text)).toBe(bytes);
  });
});

describe('writeUnits', () => {
  it.each([
    [0, 1],
    [1, 1],
    [1024, 1],
    [1025, 2],
    [409_600, 400],
  ])('writeUnits of %i bytes is %i', (bytes, units) => {
    expect(writeUnits(bytes)).toBe(units);
  });
});
