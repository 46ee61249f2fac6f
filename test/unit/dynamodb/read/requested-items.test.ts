/** An item key that is asked for more than once: one key goes out, and every item of it has its answer. */
import { expect, test } from 'vitest';
import { SAME, type FoundItem } from '../../../../src/core/item/found-item.js';
import { RequestedItems } from '../../../../src/dynamodb/read/requested-items.js';
import { sampleItem } from '../../../contract/item-writer-samples.js';

const [first, again, other] = [sampleItem('P', '1', 'x'), sampleItem('P', '1', 'x'), sampleItem('P', '1', 'y')];

test.each<[string, FoundItem, readonly FoundItem[]]>([
  ['the first one', SAME, [SAME, SAME, first.text]],
  ['another one', other.text, [other.text, other.text, SAME]],
  ['neither', '{}', ['{}', '{}', '{}']],
  ['nothing', null, [null, null, null]],
])('RequestedItems compares items of one key with a target that holds %s', (_, found, held) => {
  const asked = new RequestedItems([first, again, other]);
  expect(asked.keys.length).toBe(1);
  if (found !== null) asked.setFound(0, found);
  expect(asked.found().map((each) => each ?? null)).toEqual(held);
});
