import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeyIndex } from '../../../../src/dynamodb/write/key-index.js';
import { QueuedOperation } from '../../../../src/dynamodb/write/queued-operation.js';
import { PendingWrite } from '../../../../src/dynamodb/write/pending-write.js';
import { sampleItem } from '../../../contract/item-writer-samples.js';

const write = new PendingWrite(1);
/** Keys of the same partition and of others; the samples' hash is the length of the sort key. */
const KEYS = ['A', 'B'].flatMap((partition) => ['1', '2', '3', '11', '22'].map((sort) => ({ partition, sort })));

function queued({ partition, sort }: { partition: string; sort: string }): QueuedOperation {
  return new QueuedOperation(sampleItem(partition, sort), write);
}

test('KeyIndex finds by key, whatever came and went with the same hash', () => {
  const steps = fc.array(fc.nat(KEYS.length - 1), { maxLength: 60 });
  fc.assert(
    fc.property(steps, (places) => {
      const index = new KeyIndex();
      const model = new Map<number, QueuedOperation>();
      for (const place of places) {
        const key = KEYS[place] ?? { partition: '', sort: '' };
        const held = model.get(place);
        if (held === undefined) {
          const fresh = queued(key);
          index.remove(fresh); // it is not there: nothing happens
          index.add(fresh);
          model.set(place, fresh);
        } else {
          index.remove(held);
          model.delete(place);
        }
        expect(index.size).toBe(model.size);
        for (const [other, { partition, sort }] of KEYS.entries()) {
          expect(index.holder(sampleItem(partition, sort))).toBe(model.get(other) ?? null);
        }
      }
    }),
  );
});

test('KeyIndex holds any number of operations', () => {
  const index = new KeyIndex();
  const all = Array.from({ length: 5_000 }, (_, i) => {
    const item = { ...sampleItem('A', String(i)), keyHash: (i * 7919) & 0x3fffffff };
    return new QueuedOperation(item, write);
  });
  for (const each of all) index.add(each);
  expect(index.size).toBe(all.length);
  expect(all.filter((each) => index.holder(each.operation) !== each)).toEqual([]);
  for (const each of all.toReversed()) index.remove(each);
  expect(index.size).toBe(0);
  expect(all.filter((each) => index.holder(each.operation) !== null)).toEqual([]);
});
