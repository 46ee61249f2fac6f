import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { stateSpace } from '../../../../src/state/sqlite/space.js';

test('stateSpace measures a folder that is still to be made on the disk of the one above it', () => {
  const { freeBytes } = stateSpace(join(tmpdir(), 'not', 'yet', 'there'));
  expect(freeBytes).toBeGreaterThan(0);
  // Other processes write to the disk too.
  expect(Math.abs(freeBytes - stateSpace(tmpdir()).freeBytes)).toBeLessThan(1e9);
});
