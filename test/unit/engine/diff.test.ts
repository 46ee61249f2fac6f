import { describe, expect, test } from 'vitest';
import { SAME, type FoundItem } from '../../../src/core/item/found-item.js';
import type { MappedItem } from '../../../src/core/model.js';
import type { ItemReader } from '../../../src/core/ports/target-ports.js';
import { diffRows } from '../../../src/engine/diff.js';
import { EXPIRING, jobOf, mappingOf, rowAtHand } from './rows-at-hand.js';

const NOW = 1_800_000_000;
const never = new AbortController().signal;

/** What it was asked for, and what it says is there. */
function holding(of: (item: MappedItem, index: number) => FoundItem) {
  const asked: MappedItem[] = [];
  const reader: ItemReader = {
    read: (items) => {
      asked.push(...items);
      return Promise.resolve({ found: items.map(of), units: 0 });
    },
    close: () => Promise.resolve(),
  };
  return { reader, asked };
}

describe('diffRows', () => {
  test('diffRows shows each row with its key and its items: new, same and changed', async () => {
    const mapping = mappingOf();
    const rows = [1, 2, 3].map((id) => rowAtHand(mapping, id));
    const held = (item: MappedItem, index: number): FoundItem => {
      if (index === 0) return null;
      return index === 1 ? SAME : item.text.replace('"n":{"S":"x"}', '"n":{"S":"y"}');
    };
    const [first, second, third] = await diffRows(jobOf(mapping), rows, holding(held).reader, NOW, never);
    const key = '{"pk":{"S":"x"},"sk":{"S":"000001"}}';
    expect(first).toEqual({
      row: 'id=1',
      outcome: 'mapped',
      bad: null,
      items: [
        {
          keyText: key,
          outcome: 'new',
          bytes: expect.any(Number) as number,
          attributes: [
            { name: 'n', held: null, mapped: '{"S":"x"}' },
            { name: 'pk', held: null, mapped: '{"S":"x"}' },
            { name: 'sk', held: null, mapped: '{"S":"000001"}' },
          ],
        },
      ],
    });
    expect(second).toMatchObject({ row: 'id=2', items: [{ outcome: 'same', attributes: [] }] });
    expect(third).toMatchObject({
      row: 'id=3',
      items: [{ outcome: 'changed', attributes: [{ name: 'n', held: '{"S":"y"}', mapped: '{"S":"x"}' }] }],
    });
  });

  test('diffRows shows no item for bad and expired rows, and asks for the others in one read', async () => {
    const mapping = mappingOf({ ttl: EXPIRING });
    const rows = [rowAtHand(mapping, 1, ''), rowAtHand(mapping, 2, 'x', NOW - 1), rowAtHand(mapping, 3, 'x', NOW + 1)];
    const { reader, asked } = holding(() => SAME);
    const [bad, expired, mapped] = await diffRows(jobOf(mapping), rows, reader, NOW, never);
    expect(bad).toMatchObject({ row: 'id=1', outcome: 'bad', items: [], bad: { column: null } });
    expect(expired).toEqual({ row: 'id=2', outcome: 'expired', bad: null, items: [] });
    expect(mapped).toMatchObject({ outcome: 'mapped', bad: null, items: [{ outcome: 'same' }] });
    expect(asked.length).toBe(1);
  });

  test('diffRows calls an item that differs newer by its version alone, where one is declared', async () => {
    const plain = mappingOf();
    const versioned = Object.assign(Object.create(plain) as typeof plain, { version: 'n' });
    const outcomes = async (mapping: typeof plain, version: string) => {
      const { reader } = holding((item) => item.text.replace('"n":{"S":"x"}', `"n":{"S":"${version}"}`));
      const [row] = await diffRows(jobOf(mapping), [rowAtHand(plain, 1)], reader, NOW, never);
      return row?.items.map(({ outcome, attributes }) => [outcome, attributes.length]);
    };
    expect(await outcomes(versioned, 'y')).toEqual([['newer', 1]]);
    expect(await outcomes(versioned, 'w')).toEqual([['changed', 1]]);
    expect(await outcomes(plain, 'y')).toEqual([['changed', 1]]);
  });

  test('diffRows throws an error that is not a bad value', async () => {
    const mapping = mappingOf();
    const broken = Object.assign(Object.create(mapping) as typeof mapping, {
      map: () => {
        throw new Error('the mapping broke');
      },
    });
    const diff = diffRows(jobOf(broken), [rowAtHand(mapping, 1)], holding(() => null).reader, NOW, never);
    await expect(diff).rejects.toThrow('the mapping broke');
  });
});
