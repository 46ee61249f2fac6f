import Database from 'better-sqlite3';
import { readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Config } from '../../../src/config/model.js';
import { REST_MS as REST_MS_OF_SHARES } from '../../../src/core/capacity/budget-shares.js';
import { RunBudget } from '../../../src/shards/run-budget.js';
import { BudgetLedger, noteGoneRuns, runsWithPart } from '../../../src/state/shared/budget-ledger.js';
import { joinBudget } from '../../../src/wiring/shared-budget.js';
import { canMake, PID_NAMESPACE, TIME_NAMESPACE } from '../../support/namespaces.js';
import { temporaryFolder } from '../../support/temporary.js';
import { startScript, startScripts } from './child-script.js';

const REST_MS = 60_000;
const PATIENCE = { timeout: 20_000, interval: 5 };

function joined(folder: string, resource = 'write messages', restMs = REST_MS): BudgetLedger & Disposable {
  const ledger = BudgetLedger.join({ folder, resource, restMs });
  return Object.assign(ledger, { [Symbol.dispose]: () => ledger.leave() });
}

/** A run was there, and has left all of its part. */
function leftBy(folder: string): void {
  const ledger = joined(folder);
  ledger.look(0);
  ledger.leave();
}

/** A run whose shards confirm each part at once. */
function startedRun(config: Config) {
  const parts = new Map<string, number>();
  const shared = joinBudget(config, 'write');
  const budget = new RunBudget<string>({ units: 1_000, warmUnits: null, shared, onWarning: () => undefined });
  return {
    budget,
    given: (): number => [...parts.values()].reduce((sum, part) => sum + part, 0),
    give: (shard: string) => (units: number) => {
      parts.set(shard, units);
      budget.granted(shard, units);
    },
    [Symbol.dispose]: () => budget.end(),
  };
}

/** What this process has open of a folder. */
function openFiles(folder: string): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      const file = readlinkSync(`/proc/self/fd/${descriptor}`);
      return file.startsWith(folder) ? [file] : [];
    } catch {
      return [];
    }
  });
}

const DAMAGES: readonly { readonly name: string; readonly damage: (bytes: Buffer) => Buffer }[] = [
  { name: 'no ledger at all', damage: () => Buffer.from('not a ledger at all, but long enough to be looked at') },
  { name: 'cut off within a page', damage: (bytes) => bytes.subarray(0, bytes.length - 1_000) },
  { name: 'cut off behind its first page', damage: (bytes) => bytes.subarray(0, 4_096) },
  {
    // As pages that never came out look.
    name: 'zeros behind its first page',
    damage: (bytes) => Buffer.concat([bytes.subarray(0, 4_096), Buffer.alloc(bytes.length - 4_096)]),
  },
  {
    name: 'zeros behind its header',
    damage: (bytes) => Buffer.concat([bytes.subarray(0, 100), Buffer.alloc(bytes.length - 100)]),
  },
];

describe('runs of one machine share a budget', () => {
  test('the budget ledger gives a second run what the first one has given up and recorded', async () => {
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

  test('a run that wants nothing keeps in the budget ledger only what it may still spend, and joins again with a half', async () => {
    await using folder = await temporaryFolder();
    using paused = joined(folder.path);
    using other = joined(folder.path);
    paused.look(0);
    other.look(0);
    paused.look(0.5);
    expect(other.look(0).fraction).toBe(0.5);
    // Its shards have not confirmed yet that they spend nothing.
    expect(paused.look(0.5, false)).toEqual({ fraction: 0, others: [process.pid] });
    expect(other.look(0.5)).toEqual({ fraction: 0.5, others: [process.pid] });
    paused.look(0.2, false);
    expect(other.look(0.5)).toEqual({ fraction: 0.5, others: [process.pid] });
    paused.look(0, false);
    expect(other.look(0.5)).toEqual({ fraction: 1, others: [] });
    expect(runsWithPart({ folder: folder.path, resource: 'write messages' })).toEqual([process.pid]);

    expect(paused.look(0)).toEqual({ fraction: 0, others: [process.pid] });
    expect(other.look(1).fraction).toBe(0.5);
    other.look(0.5);
    expect(paused.look(0).fraction).toBe(0.5);
  });

  test('a run whose shards are all paused leaves the budget to another run after the rest, and gets a half on resume', async () => {
    await using folder = await temporaryFolder();
    const config = { state: folder.path, target: { table: 'messages' } } as Config;
    using paused = startedRun(config);
    using other = startedRun(config);
    using notBegun = startedRun(config);
    const spent = (): number => paused.given() + other.given() + notBegun.given();
    let most = 0;
    const parts = (): readonly number[] => {
      most = Math.max(most, spent());
      return [paused, other, notBegun].map((run) => Math.round(run.given()));
    };
    paused.budget.join('s01', paused.give('s01'));
    paused.budget.join('s02', paused.give('s02'));
    other.budget.join('s01', other.give('s01'));
    await expect.poll(parts, PATIENCE).toEqual([498, 498, 0]);

    const begun = performance.now();
    for (const shard of ['s01', 's02']) paused.budget.suspend(shard);
    await expect.poll(parts, PATIENCE).toEqual([0, 995, 0]);
    expect(performance.now() - begun).toBeGreaterThan(REST_MS_OF_SHARES);
    paused.budget.restore('s02');
    await expect.poll(parts, PATIENCE).toEqual([498, 498, 0]);
    expect(most).toBeLessThan(995.001);
  });

  test('the budget ledger keeps separate budgets for writes and reads, and for each table', async () => {
    await using folder = await temporaryFolder();
    using writes = joined(folder.path);
    using reads = joined(folder.path, 'read messages');
    using others = joined(folder.path, 'write calls');
    expect([writes, reads, others].map((ledger) => ledger.look(0).fraction)).toEqual([1, 1, 1]);
  });

  test('the budget ledger blocks the part of a run that left for a while, then gives it away', async () => {
    await using folder = await temporaryFolder();
    const first = joined(folder.path, 'write messages', 1_000);
    first.look(0);
    first.leave();
    using second = joined(folder.path, 'write messages', 1_000);
    expect(second.look(0).fraction).toBe(0);
    await sleep(1_010);
    expect(second.look(0).fraction).toBe(1);
  });

  test('the budget ledger blocks the part of a killed run from when that is noticed, and keeps that of a stopped run', async () => {
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

  test.runIf(canMake(TIME_NAMESPACE))('the budget ledger blocks the part of a run in a time namespace', async () => {
    await using folder = await temporaryFolder();
    await using holder = startScript('hold-budget', [folder.path, 'write messages'], `set -- ${TIME_NAMESPACE} "$@"`);
    expect(await holder.line()).toBe('1');
    holder.finish();
    await holder.exited;
    using second = joined(folder.path);
    expect(second.look(0)).toEqual({ fraction: 0, others: [] });
  });

  test('the budget ledger names a run in another container by the process id that is valid here', async (context) => {
    if (!canMake(PID_NAMESPACE)) return context.skip('needs root on Linux to make a pid namespace');
    await using folder = await temporaryFolder();
    await using holder = startScript('hold-budget', [folder.path, 'write messages'], `set -- ${PID_NAMESPACE} "$@"`);
    expect(await holder.line()).toBe('1');
    const [seen = 0, ...more] = runsWithPart({ folder: folder.path, resource: 'write messages' }) ?? [];
    expect(more).toEqual([]);
    expect(readFileSync(`/proc/${seen}/cmdline`, 'utf8')).toContain('hold-budget');
    // By its own count it is the first one.
    expect(readFileSync(`/proc/${seen}/status`, 'utf8')).toMatch(/^NSpid:\t\d+\t1$/m);
  });

  test('noteGoneRuns() records that a run is gone before another one joins, so that its part becomes free sooner', async () => {
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

  test('a run that was stopped in the middle of a look at the budget ledger does not delay another run', async () => {
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

  test.each(DAMAGES)('the budget ledger is put aside and created again where it is $name', async ({ damage }) => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'budget.ledger');
    leftBy(folder.path);
    const bytes = damage(readFileSync(file));
    writeFileSync(file, bytes);
    using next = joined(folder.path);
    expect(next.look(0)).toEqual({ fraction: 1, others: [] });
    expect(readFileSync(next.putAside ?? '')).toEqual(bytes);
    using after = joined(folder.path);
    expect(after.putAside).toBeNull();
    expect(after.look(0).others).toEqual([process.pid]);
  });

  test('a run refuses a damaged budget ledger that another run uses, and names that run, until it has ended', async () => {
    await using folder = await temporaryFolder();
    await using holder = startScript('hold-budget', [folder.path, 'write messages']);
    expect(await holder.line()).toBe('1');
    const file = join(folder.path, 'budget.ledger');
    writeFileSync(file, 'not a ledger at all, but long enough to be looked at');
    // What the run wrote is in its log, of which a reader believes what the shared memory says.
    writeFileSync(`${file}-wal`, Buffer.alloc(statSync(`${file}-wal`).size));
    const open = openFiles(folder.path);
    expect(() => joined(folder.path)).toThrow(
      expect.objectContaining({
        code: 'E_STATE_CORRUPT',
        hint: expect.stringContaining(`process ${holder.pid}`) as unknown,
      }),
    );
    expect(openFiles(folder.path)).toEqual(open);
    holder.kill('SIGKILL');
    await holder.exited;
    using next = joined(folder.path);
    expect(next.putAside).not.toBeNull();
    expect(next.look(0).fraction).toBe(1);
  });

  test('a run does not create a second budget ledger while another run uses one that was removed', async () => {
    await using folder = await temporaryFolder();
    await using holder = startScript('hold-budget', [folder.path, 'write messages']);
    expect(await holder.line()).toBe('1');
    rmSync(join(folder.path, 'budget.ledger'));
    expect(() => joined(folder.path)).toThrow(expect.objectContaining({ code: 'E_STATE_CORRUPT' }) as Error);
    holder.kill('SIGKILL');
    await holder.exited;
    // Its log is still there, and is nothing of the new ledger's.
    using next = joined(folder.path);
    expect(next.look(0)).toEqual({ fraction: 1, others: [] });
    expect(next.putAside).toBeNull();
  });

  test('one of several runs that find a damaged budget ledger at once creates it again, and all share it', async () => {
    await using folder = await temporaryFolder();
    leftBy(folder.path);
    writeFileSync(join(folder.path, 'budget.ledger'), 'not a ledger at all, but long enough to be looked at');
    await using runs = startScripts(
      'hold-budget',
      Array.from({ length: 4 }, () => [folder.path, 'write messages', 'wait']),
    );
    for (const run of runs.all) expect(await run.line()).toBe('ready');
    for (const run of runs.all) run.go();
    const fractions = await Promise.all(runs.all.map(async (run) => Number(await run.line())));
    expect(fractions.reduce((sum, fraction) => sum + fraction, 0)).toBe(1);
    expect(readdirSync(folder.path).filter((name) => name.includes('damaged'))).toHaveLength(1);
  });

  test('a run creates a budget ledger from before the start of the machine again, without the spent parts', async () => {
    await using folder = await temporaryFolder();
    leftBy(folder.path);
    const database = new Database(join(folder.path, 'budget.ledger'));
    database.exec("UPDATE ledger SET boot = 'another'; INSERT INTO runs VALUES (1, 'write messages', 1, 1)");
    database.close();
    using next = joined(folder.path);
    expect(next.look(0)).toEqual({ fraction: 1, others: [] });
    expect(next.putAside).toBeNull();
  });
});
