/** How long ago something was compared: by whichever clock says more, and not at all where none can tell. */
import Database from 'better-sqlite3';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Age, ComparisonTime } from '../../../../src/core/evidence.js';
import { openStateStore } from '../../../../src/state/open.js';
import { BootClock } from '../../../../src/state/home/boot-clock.js';
import { MovedClocks } from '../../../support/moved-clocks.js';
import { temporaryFolder } from '../../../support/temporary.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/**
 * Compared as the state is made; then something happens to the clocks. Asked by the next run, and by one that looks on
 * before it.
 */
async function agesAfter(
  happen: (clocks: MovedClocks) => void,
  change: (time: ComparisonTime) => ComparisonTime = (time) => time,
): Promise<{ readonly beside: Age; readonly next: Age; readonly time: ComparisonTime }> {
  await using folder = await temporaryFolder();
  const clocks = new MovedClocks();
  const at = { folder: folder.path, shard: 's01', create: true };
  const first = openStateStore(at, clocks);
  const time = change({ at: clocks.wall(), steady: first.clock.latest() });
  first.close();
  happen(clocks);
  const database = new Database(join(folder.path, 's01.db'), { readonly: true });
  const beside = new BootClock(database, clocks).age(time);
  database.close();
  const store = openStateStore(at, clocks);
  // As a file has it whose ages were looked at when it was opened.
  const next = store.clock.age(time);
  store.close();
  return { beside, next, time };
}

describe('BootClock', () => {
  test.each<[string, (clocks: MovedClocks) => void, number]>([
    ['nothing happens', () => undefined, 0],
    ['an hour passes', (clocks) => clocks.pass(HOUR_MS), HOUR_MS],
    ['the wall clock is set forward', (clocks) => clocks.setWall(HOUR_MS), HOUR_MS],
    [
      'the wall clock is set back',
      (clocks) => {
        clocks.pass(HOUR_MS);
        clocks.setWall(-24 * HOUR_MS);
      },
      HOUR_MS,
    ],
    ['the machine sleeps', (clocks) => clocks.sleep(HOUR_MS), HOUR_MS],
    [
      'the machine sleeps, and its wall clock is set back',
      (clocks) => {
        clocks.sleep(HOUR_MS);
        clocks.setWall(-24 * HOUR_MS);
      },
      HOUR_MS,
    ],
    ['the machine starts again', (clocks) => clocks.restart(HOUR_MS), HOUR_MS],
    // Its uptime is ten seconds then: it began to start in the same moment.
    ['the machine starts again at once', (clocks) => clocks.restart(10_000), 10_000],
  ])('BootClock knows the age of a comparison where %s', async (_what, happen, ms) => {
    const { beside, next, time } = await agesAfter(happen);
    expect({ beside, next }).toEqual({ beside: { at: time.at, ms }, next: { at: time.at, ms } });
  });

  test.each<[string, (clocks: MovedClocks) => void, (time: ComparisonTime) => ComparisonTime]>([
    ['nobody knew at the time', (clocks) => clocks.pass(HOUR_MS), (time) => ({ ...time, steady: null })],
    [
      'both clocks have it in the future',
      () => undefined,
      ({ at, steady }) => ({ at: at + 1, steady: (steady ?? 0) + 1 }),
    ],
  ])('BootClock knows no age of a comparison where %s', async (_what, happen, change) => {
    const { beside, next, time } = await agesAfter(happen, change);
    expect({ beside, next }).toEqual({ beside: { at: time.at, ms: null }, next: { at: time.at, ms: null } });
  });

  test('BootClock knows no age where the machine started again before the comparison, as its clocks say', async () => {
    const back = (clocks: MovedClocks): void => clocks.restart(-HOUR_MS);
    expect((await agesAfter(back)).beside.ms).toBeNull();
    // Either of the two times is enough to tell.
    const [earlier, later] = [
      ({ at, steady }: ComparisonTime) => ({ at: at - 2 * HOUR_MS, steady }),
      ({ at, steady }: ComparisonTime) => ({ at, steady: (steady ?? 0) - 2 * HOUR_MS }),
    ];
    expect((await agesAfter(back, earlier)).beside.ms).toBeNull();
    expect((await agesAfter(back, later)).beside.ms).toBeNull();
  });
});
