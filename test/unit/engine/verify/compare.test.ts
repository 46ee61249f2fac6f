import { describe, expect, it } from 'vitest';
import { SAME, type FoundItem } from '../../../../src/core/item/found-item.js';
import type { MappedItem } from '../../../../src/core/model.js';
import { attributeDifferences, compareItem, isNewer } from '../../../../src/engine/verify/compare.js';
import { bytesOf } from '../../../support/mapped-item.js';

/** Nothing is deleted by TTL, or everything may be. */
const KEPT = { mayHaveDeleted: () => false };
const DELETED = { mayHaveDeleted: () => true };

const KEY = '{"pk":{"S":"a"}}';

function item(text: string): MappedItem {
  return {
    ...bytesOf(text),
    keyHash: 0,
    keyText: KEY,
    partition: '{"S":"a"}',
    bytes: 3,
    expiresAt: null,
    row: [],
    cell: () => null,
    sharesCell: () => false,
  };
}

describe('compareItem', () => {
  const mapped = '{"a":{"N":"1"},"b":{"S":"x"},"pk":{"S":"a"}}';

  it('compareItem finds nothing where both sides are the same', () => {
    expect(compareItem(item(mapped), SAME, KEPT, null)).toBeNull();
  });

  it('compareItem finds a missing item', () => {
    expect(compareItem(item(mapped), null, KEPT, null)).toEqual({ class: 'missing', keyText: KEY, attributes: [] });
  });

  it('compareItem names the attributes that differ, are absent or are extra, and no values', () => {
    const held = '{"a":{"S":"1"},"c":{"NULL":true},"pk":{"S":"a"}}';
    expect(compareItem(item(mapped), held, KEPT, null)).toEqual({
      class: 'differing',
      keyText: KEY,
      attributes: ['a', 'b', 'c'],
    });
  });

  it('compareItem says of an absent item that TTL may have deleted it, and never that it is the same', () => {
    expect(compareItem(item(mapped), null, DELETED, null)).toBe('expired');
    expect(compareItem(item(mapped), null, DELETED, 'v')).toBe('expired');
  });

  it('compareItem lets an expired item be there still, but not be another', () => {
    expect(compareItem(item(mapped), SAME, DELETED, null)).toBeNull();
    expect(compareItem(item(mapped), '{"pk":{"S":"a"}}', DELETED, null)).toMatchObject({ class: 'differing' });
  });
});

describe('compareItem beside a live writer', () => {
  const mapped = '{"body":{"S":"row"},"v":{"N":"10"}}';
  const compared = (held: FoundItem) => compareItem(item(mapped), held, KEPT, 'v');

  it('compareItem beside a live writer takes an item or tombstone of a newer version for no difference', () => {
    expect(compared('{"body":{"S":"live"},"v":{"N":"11"}}')).toBe('newer');
    expect(compared('{"deleted":{"BOOL":true},"v":{"N":"10.5"}}')).toBe('newer');
  });

  it.each([
    ['as new, but of other content', '{"body":{"S":"live"},"v":{"N":"10"}}'],
    ['older', '{"body":{"S":"live"},"v":{"N":"9"}}'],
    ['without a version', '{"body":{"S":"live"}}'],
    ['of a version of another type', '{"body":{"S":"live"},"v":{"S":"99"}}'],
    ['with its version as NULL', '{"body":{"S":"live"},"v":{"NULL":true}}'],
  ])('compareItem beside a live writer takes an item that is %s for a difference', (_, held) => {
    expect(compared(held)).toMatchObject({ class: 'differing' });
  });

  it('compareItem beside a live writer finds nothing where both are the same, and finds a missing item', () => {
    expect(compared(SAME)).toBeNull();
    expect(compareItem(item(mapped), null, KEPT, 'v')).toMatchObject({ class: 'missing' });
  });
});

describe('attributeDifferences', () => {
  it('attributeDifferences shows both sides, sorted by name', () => {
    expect(attributeDifferences('{"b":{"S":"x"},"c":{"L":[]}}', '{"a":{"N":"1"},"b":{"S":"y"},"c":{"L":[]}}')).toEqual([
      { name: 'a', held: '{"N":"1"}', mapped: null },
      { name: 'b', held: '{"S":"y"}', mapped: '{"S":"x"}' },
    ]);
  });

  it('attributeDifferences distinguishes the absent from NULL and from what every object has', () => {
    expect(attributeDifferences('{"constructor":{"NULL":true},"x":{"NULL":true}}', '{"__proto__":{"M":{}}}')).toEqual([
      { name: '__proto__', held: '{"M":{}}', mapped: null },
      { name: 'constructor', held: null, mapped: '{"NULL":true}' },
      { name: 'x', held: null, mapped: '{"NULL":true}' },
    ]);
  });
});

describe('isNewer', () => {
  it('isNewer compares the target with the row, never the row with the target', () => {
    const [older, newer] = ['{"v":{"N":"9"}}', '{"v":{"N":"10"}}'];
    expect([isNewer(newer, older, 'v'), isNewer(older, newer, 'v'), isNewer(older, older, 'v')]).toEqual([
      true,
      false,
      false,
    ]);
    expect(isNewer(newer, older, 'w')).toBe(false);
  });
});
