import { describe, expect, it } from 'vitest';
import type { MappedItem } from '../../../src/core/model.js';
import { attributeDifferences, compareItem } from '../../../src/engine/compare.js';
import { bytesOf } from '../../support/mapped-item.js';

const KEY = '{"pk":{"S":"a"}}';

function item(text: string, expiresAt: number | null = null): MappedItem {
  return {
    ...bytesOf(text),
    keyHash: 0,
    keyText: KEY,
    partition: '{"S":"a"}',
    bytes: 3,
    expiresAt,
    row: [],
    cell: () => null,
  };
}

describe('compareItem', () => {
  const mapped = '{"a":{"N":"1"},"b":{"S":"x"},"pk":{"S":"a"}}';

  it('finds nothing where the texts are equal', () => {
    expect(compareItem(item(mapped), mapped, 0)).toBeNull();
  });

  it('finds a missing item', () => {
    expect(compareItem(item(mapped), undefined, 0)).toEqual({ class: 'missing', keyText: KEY, attributes: [] });
  });

  it('names the attributes that differ, that are absent, and that are too many, and no values', () => {
    const held = '{"a":{"S":"1"},"c":{"NULL":true},"pk":{"S":"a"}}';
    expect(compareItem(item(mapped), held, 0)).toEqual({
      class: 'differing',
      keyText: KEY,
      attributes: ['a', 'b', 'c'],
    });
  });

  it('lets an item be gone from the second of its TTL on, not before', () => {
    expect(compareItem(item(mapped, 1_000), undefined, 999)).toMatchObject({ class: 'missing' });
    expect(compareItem(item(mapped, 1_000), undefined, 1_000)).toBeNull();
  });

  it('lets an expired item be there still, but not be another', () => {
    expect(compareItem(item(mapped, 1_000), mapped, 2_000)).toBeNull();
    expect(compareItem(item(mapped, 1_000), '{"pk":{"S":"a"}}', 2_000)).toMatchObject({ class: 'differing' });
  });
});

describe('attributeDifferences', () => {
  it('shows both sides, sorted by name', () => {
    expect(attributeDifferences('{"b":{"S":"x"},"c":{"L":[]}}', '{"a":{"N":"1"},"b":{"S":"y"},"c":{"L":[]}}')).toEqual([
      { name: 'a', held: '{"N":"1"}', mapped: null },
      { name: 'b', held: '{"S":"y"}', mapped: '{"S":"x"}' },
    ]);
  });

  it('tells the absent from NULL and from what every object has', () => {
    expect(attributeDifferences('{"constructor":{"NULL":true},"x":{"NULL":true}}', '{"__proto__":{"M":{}}}')).toEqual([
      { name: '__proto__', held: '{"M":{}}', mapped: null },
      { name: 'constructor', held: null, mapped: '{"NULL":true}' },
      { name: 'x', held: null, mapped: '{"NULL":true}' },
    ]);
  });
});
