import { expect, test } from 'vitest';
import { sharedKey } from '../../../../src/engine/claims/shared-key.js';

test('sharedKey says whether both rows of one item key are here, or on which shard the other one is', () => {
  expect(sharedKey('notes', 's01', 's01').message).toBe(
    'shard s01: two rows of table notes map to one item key; the second was not written',
  );
  expect(sharedKey('notes', 's01', 's02').message).toBe(
    'shard s01: two rows of table notes, one here and one on shard s02, map to one item key; the second was not written',
  );
});
