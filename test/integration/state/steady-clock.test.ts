/** Whoever sets the wall clock neither ends the wait for writes that may still land, nor prolongs it. */
import Database from 'better-sqlite3';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { LATE_WRITE_WINDOW_MS } from '../../../src/core/late-writes.js';
import type { StateStore } from '../../../src/core/state-ports.js';
import { SuspectCheck } from '../../../src/engine/suspect-check.js';
import { openStateStore } from '../../../src/state/open.js';
import { temporaryFolder } from '../../support/temporary.js';

const HOUR_MS = 3_600_000;
const SLACK_MS = 60_000;

afterEach(() => void vi.useRealTimers());

function setClock(byMs: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + byMs });
}

/** Whether a verification that reads the suspect's item now closes it. */
function closes(store: StateStore): boolean {
  const check = new SuspectCheck(store);
  check.beforeReading()(['k']);
  return check.open === 0;
}

describe.runIf(process.platform === 'linux')('the clock that waiting is judged by', () => {
  test.each([HOUR_MS, -HOUR_MS])('does not move where the wall clock is set by %i ms', async (byMs) => {
    await using folder = await temporaryFolder();
    const at = { folder: folder.path, shard: 's01', create: true };
    const first = openStateStore(at);
    const before = first.now();
    expect(Math.abs(before - Date.now())).toBeLessThan(SLACK_MS);
    first.addSuspects([{ keyText: 'k', since: before }]);
    first.close();

    setClock(byMs);
    // In the next process as in this one.
    const second = openStateStore(at);
    expect(Math.abs(second.now() - before)).toBeLessThan(SLACK_MS);
    expect(closes(second)).toBe(false);
    second.close();
  });

  test('goes on: a suspect of 20 minutes ago is closed, though the wall clock was set back', async () => {
    await using folder = await temporaryFolder();
    const at = { folder: folder.path, shard: 's01', create: true };
    const store = openStateStore(at);
    store.addSuspects([{ keyText: 'k', since: store.now() - LATE_WRITE_WINDOW_MS }]);
    store.close();
    setClock(-24 * HOUR_MS);
    const later = openStateStore(at);
    expect(closes(later)).toBe(true);
    later.close();
  });

  test('after a restart of the machine, nothing is older than its uptime proves', async () => {
    await using folder = await temporaryFolder();
    const { since, brokenOffAt } = openedAfterAnotherBoot(folder.path, Date.now() - 365 * 24 * HOUR_MS);
    const booted = Date.now() - uptime() * 1_000;
    expect(Math.abs(since - booted)).toBeLessThan(SLACK_MS);
    expect(Math.abs(brokenOffAt - booted)).toBeLessThan(SLACK_MS);
  });

  test('what another machine has just sent does not age by the uptime of this one', async () => {
    await using folder = await temporaryFolder();
    const sent = Date.now();
    expect(openedAfterAnotherBoot(folder.path, sent)).toEqual({ since: sent, brokenOffAt: sent });
  });
});

/** What is taken for the time of a suspect, and of a run that was broken off, both of `at` and of another boot. */
function openedAfterAnotherBoot(folder: string, at: number): { readonly since: number; readonly brokenOffAt: number } {
  const options = { folder, shard: 's01', create: true };
  const store = openStateStore(options);
  store.addSuspects([{ keyText: 'k', since: at }]);
  store.close();
  const database = new Database(join(folder, 's01.db'));
  database.prepare("UPDATE meta SET boot = 'another one', broken_off_at = ?").run(at);
  database.close();
  const again = openStateStore(options);
  const found = { since: again.suspects()[0]?.since ?? NaN, brokenOffAt: again.brokenOffAt() ?? NaN };
  again.close();
  return found;
}
