/**
 * Whether a file may have come from another host, by the run of the clocks alone: where that is the same, it cannot
 * have.
 */
import Database from 'better-sqlite3';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mayBeElsewhere } from '../../../../src/state/home/home.js';
import { openStateStore } from '../../../../src/state/open.js';
import { MovedClocks } from '../../../support/moved-clocks.js';
import { temporaryFolder } from '../../../support/temporary.js';

test.each<[string, (clocks: MovedClocks) => void, boolean]>([
  ['nothing happened', () => undefined, false],
  ['time passed', (clocks) => clocks.pass(1_000), false],
  ['the machine started again', (clocks) => clocks.restart(1_000), true],
  ['it is on another machine', (clocks) => clocks.moveTo('machine 2'), true],
  ['nobody tells one start of the machine from another', (clocks) => clocks.restart(1_000, null), true],
])('mayBeElsewhere judges the home of a state where %s', async (_what, happen, may) => {
  await using folder = await temporaryFolder();
  const clocks = new MovedClocks();
  openStateStore({ folder: folder.path, shard: 's01', create: true }, clocks).close();
  const database = new Database(join(folder.path, 's01.db'));
  try {
    happen(clocks);
    expect(mayBeElsewhere(database, clocks)).toBe(may);
    // Nobody noted where it lives.
    database.exec('UPDATE meta SET home = NULL');
    expect(mayBeElsewhere(database, clocks)).toBe(false);
  } finally {
    database.close();
  }
});
