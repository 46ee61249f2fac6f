/**
 * No clock that is set, and no machine that is started again, ends the wait for writes that may still land, or prolongs
 * it by more than one window: the pairs of the table in src/state/README.md.
 */
import { describe, expect, test } from 'vitest';
import { LATE_WRITE_WINDOW_MS } from '../../../src/core/time/late-writes.js';
import type { StateStore } from '../../../src/core/ports/state-ports.js';
import { SuspectCheck } from '../../../src/engine/verify/suspect-check.js';
import { openStateStore } from '../../../src/state/open.js';
import { archiveState } from '../../../src/state/restart.js';
import { MovedClocks } from '../../support/moved-clocks.js';
import { temporaryFolder } from '../../support/temporary.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const SENT_BEFORE_MS = 5 * MINUTE_MS;
const LEFT_MS = LATE_WRITE_WINDOW_MS - SENT_BEFORE_MS;

/** A write that ended without an answer, five minutes ago; then the state is closed. */
async function place(clocks = new MovedClocks()) {
  const folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01' };
  const open = (): StateStore => openStateStore({ ...at, create: true }, clocks);
  const store = open();
  store.ambiguousWrites.add([{ itemKey: 'k', since: store.clock.now() }]);
  clocks.pass(SENT_BEFORE_MS);
  store.close();
  return { at, clocks, open, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

type Place = Awaited<ReturnType<typeof place>>;

/** For how long, from now on, verifications cannot pass. */
function left(store: StateStore): number {
  const check = new SuspectCheck(store);
  const until = Math.max(check.closableAt ?? 0, check.lateWritesUntil(store.clock.now()) ?? 0);
  return Math.max(0, until - store.clock.now());
}

function look({ open }: Place): { readonly left: number; readonly waitsAnew: boolean } {
  const store = open();
  try {
    return { left: left(store), waitsAnew: store.lateWrites.waitsAgain };
  } finally {
    store.close();
  }
}

/** What happens in between, what is left of the window then, and whether it began anew. */
const PAIRS: readonly (readonly [string, (clocks: MovedClocks) => void, number, boolean])[] = [
  ['nothing', () => undefined, LEFT_MS, false],
  ['a minute', (clocks) => clocks.pass(MINUTE_MS), LEFT_MS - MINUTE_MS, false],
  ['the wall clock is set forward', (clocks) => clocks.setWall(HOUR_MS), LEFT_MS, false],
  ['the wall clock is set back', (clocks) => clocks.setWall(-HOUR_MS), LEFT_MS, false],
  ['the machine sleeps: no more than its waking time', (clocks) => clocks.sleep(HOUR_MS), LEFT_MS, false],
  ['all clocks but the uptime are ahead', (clocks) => clocks.fake(HOUR_MS), LEFT_MS, false],
  ['all clocks but the uptime are behind', (clocks) => clocks.fake(-HOUR_MS), LEFT_MS, true],
  ['the machine starts again', (clocks) => clocks.restart(HOUR_MS), LEFT_MS, true],
  [
    'the machine starts again with its clock set forward, and was up for long',
    (clocks) => {
      clocks.restart(HOUR_MS);
      clocks.pass(MINUTE_MS);
      clocks.setWall(24 * HOUR_MS);
    },
    LEFT_MS,
    true,
  ],
  ['the machine starts again with its clock set back', (clocks) => clocks.restart(-24 * HOUR_MS), LEFT_MS, true],
  ['its container begins its uptime again', (clocks) => clocks.containerStarts(), LEFT_MS, true],
  ['a container that has been up for longer', (clocks) => clocks.containerStarts(99 * HOUR_MS), LEFT_MS, false],
];

describe('what is left of the window in which a write may land', () => {
  test.each(PAIRS)(
    'the rest of the late-write window of a shard is right after this event: %s',
    async (_what, happen, leftMs, waitsAnew) => {
      await using one = await place();
      happen(one.clocks);
      expect(look(one)).toEqual({ left: leftMs, waitsAnew });
      one.clocks.pass(leftMs - 1);
      expect(look(one)).toEqual({ left: 1, waitsAnew: false });
      one.clocks.pass(1);
      expect(look(one)).toEqual({ left: 0, waitsAnew: false });
    },
  );

  test.each(PAIRS)(
    'the rest of the late-write window of a restarted shard is right after this event: %s',
    async (_what, happen, leftMs) => {
      await using one = await place();
      archiveState(one.at, one.clocks);
      happen(one.clocks);
      expect(look(one).left).toBe(leftMs);
      // And again: what was inherited is handed on, and counted once.
      archiveState(one.at, one.clocks);
      one.clocks.setWall(HOUR_MS);
      one.clocks.pass(leftMs - 1);
      expect(look(one).left).toBe(1);
      archiveState(one.at, one.clocks);
      one.clocks.setWall(-9 * HOUR_MS);
      one.clocks.pass(1);
      expect(look(one).left).toBe(0);
      archiveState(one.at, one.clocks);
      one.clocks.restart(0);
      expect(look(one)).toEqual({ left: 0, waitsAnew: false });
    },
  );

  test('the late-write window is not shortened where the start of the machine is unknown', async () => {
    await using one = await place(new MovedClocks({ run: null as unknown as string }));
    one.clocks.setWall(HOUR_MS);
    expect(look(one).left).toBe(LEFT_MS);
    one.clocks.restart(HOUR_MS, null);
    expect(look(one)).toEqual({ left: LEFT_MS, waitsAnew: true });
    one.clocks.pass(LEFT_MS);
    expect(look(one).left).toBe(0);
    // Another start that has been up for longer than the first one: no more than its uptime beyond that one's.
    one.clocks.setWall(-24 * HOUR_MS);
    expect(look(one).left).toBe(0);
  });

  test('a late-write window that was over before a restart of the machine stays over, and no later verdict falls', async () => {
    await using one = await place();
    const store = one.open();
    store.lateWrites.begin();
    store.close();
    one.clocks.pass(LATE_WRITE_WINDOW_MS);
    expect(look(one).left).toBe(LATE_WRITE_WINDOW_MS);
    one.clocks.pass(LATE_WRITE_WINDOW_MS);
    expect(look(one).left).toBe(0);
    for (const downMs of [-HOUR_MS, HOUR_MS]) {
      one.clocks.restart(downMs);
      expect(look(one)).toEqual({ left: 0, waitsAnew: false });
    }
  });

  test('the late-write window of an unfound kill starts when the kill is found, by the latest clock', async () => {
    await using one = await place();
    const store = one.open();
    store.lateWrites.begin();
    store.close();
    one.clocks.pass(HOUR_MS);
    archiveState(one.at, one.clocks);
    one.clocks.setWall(HOUR_MS);
    expect(look(one).left).toBe(LATE_WRITE_WINDOW_MS);
  });
});
