/** An item key that is asked for more than once: one key goes out, and every item of it has its answer. */
import { expect, test } from 'vitest';
import { SAME, type HeldItem } from '../../../../src/core/held-item.js';
import { AskedItems } from '../../../../src/dynamodb/read/asked-items.js';
import { sampleItem } from '../../../contract/item-writer-samples.js';

const [first, again, other] = [sampleItem('P', '1', 'x'), sampleItem('P', '1', 'x'), sampleItem('P', '1', 'y')];

test.each<[string, HeldItem, readonly HeldItem[]]>([
  ['the first one', SAME, [SAME, SAME, first.text]],
  ['another one', other.text, [other.text, other.text, SAME]],
  ['neither', '{}', ['{}', '{}', '{}']],
  ['nothing', null, [null, null, null]],
])('the target holds %s', (_, found, held) => {
  const asked = new AskedItems([first, again, other]);
  expect(asked.keys.length).toBe(1);
  if (found !== null) asked.found(0, found);
  expect(asked.held().map((each) => each ?? null)).toEqual(held);
});
