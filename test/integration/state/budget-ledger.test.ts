import Database from 'better-sqlite3';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { BudgetLedger, noteGoneRuns } from '../../../src/state/budget-ledger.js';
import { temporaryFolder } from '../../support/temporary.js';
import { startScript } from './child-script.js';

const REST_MS = 60_000;

function joined(folder: string, resource = 'write messages', restMs = REST_MS): BudgetLedger & Disposable {
  const ledger = BudgetLedger.join({ folder, resource, restMs });
  return Object.assign(ledger, { [Symbol.dispose]: () => ledger.leave() });
}

describe('runs of one machine share a budget', () => {
  test('one has all of it; a second one has what the first has given up, and noted', async () => {
    await using folder = await temporaryFolder();
    using first = joined(folder.path);
    expect(first.look(0)).toEqual({ fraction: 1, others: [] });
    using second = joined(folder.path);
    expect(second.look(0)).toEqual({ fraction: 0, others: [process.pid] });
    // It is told, and spends as before for a while.
    expect(first.look(1).fraction).toBe(0.5);
    expect(second.look(0).fraction).toBe(0);
    first.look(0.7);
    expect(second.look(0).fraction).toBeCloseTo(0.3);
    first.look(0.5);
    expect(second.look(0.3).fraction).toBe(0.5);
  });

  test('writing and reading, and other tables, are budgets of their own', async () => {
    await using folder = await temporaryFolder();
    using writes = joined(folder.path);
    using reads = joined(folder.path, 'read messages');
    using others = joined(folder.path, 'write calls');
    expect([writes, reads, others].map((ledger) => ledger.look(0).fraction)).toEqual([1, 1, 1]);
  });

  test('what one leaves rests, and is free then', async () => {
    await using folder = await temporaryFolder();
    const first = joined(folder.path, 'write messages', 50);
    first.look(0);
    first.leave();
    using second = joined(folder.path, 'write messages', 50);
    expect(second.look(0).fraction).toBe(0);
    await sleep(60);
    expect(second.look(0).fraction).toBe(1);
  });

  test('what a killed one had rests as well, from when that is seen; one that is stopped keeps it', async () => {
    await using folder = await temporaryFolder();
    await using holder = startScript('hold-budget', [folder.path, 'write messages']);
    expect(await holder.line()).toBe('1');
    using second = joined(folder.path, 'write messages', 50);
    holder.kill('SIGSTOP');
    expect(second.look(0)).toEqual({ fraction: 0, others: [holder.pid] });
    holder.kill('SIGKILL');
    await holder.exited;
    expect(second.look(0)).toEqual({ fraction: 0, others: [] });
    await sleep(60);
    expect(second.look(0).fraction).toBe(1);
  });

  test('that one is gone is noted before somebody joins: its part rests meanwhile', async () => {
    await using folder = await temporaryFolder();
    const at = { folder: folder.path, restMs: 50 };
    noteGoneRuns(at);
    await using holder = startScript('hold-budget', [folder.path, 'write messages']);
    expect(await holder.line()).toBe('1');
    noteGoneRuns(at);
    holder.kill('SIGKILL');
    await holder.exited;
    noteGoneRuns(at);
    await sleep(60);
    using next = joined(folder.path, 'write messages', 50);
    expect(next.look(0).fraction).toBe(1);
  });

  test('one that was stopped in the midst of a look holds nobody up', async () => {
    await using folder = await temporaryFolder();
    using first = joined(folder.path);
    first.look(0);
    const stuck = new Database(join(folder.path, 'budget.ledger'));
    stuck.exec('BEGIN IMMEDIATE');
    const begun = performance.now();
    expect(first.look(1)).toEqual({ fraction: 1, others: [] });
    expect(performance.now() - begun).toBeLessThan(1_000);
    stuck.close();
  });

  test('a ledger that is none is refused with the next step', async () => {
    await using folder = await temporaryFolder();
    joined(folder.path).leave();
    writeFileSync(join(folder.path, 'budget.ledger'), 'not a ledger at all, but long enough to be looked at');
    expect(() => joined(folder.path)).toThrow(
      expect.objectContaining({
        code: 'E_STATE_CORRUPT',
        hint: expect.stringContaining('delete that file') as unknown,
      }),
    );
  });
});
