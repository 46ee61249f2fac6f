/** What the handle on a run does to shards that run, wait, hang or have ended. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { readShardStatus } from '../../../src/state/status/read-status.js';
import { createMigration, onePair, type Migration } from '../../support/migration.js';
import { superviseMigration, type Supervised } from '../../support/supervised.js';
import { lasting } from '../../support/two-sources.js';

const ROWS = 1_000;
const SHARED_OUT = 0.995;
const PATIENCE = { timeout: 60_000, interval: 50 };

const committed = ({ stateFolder }: Migration, shard: string): number =>
  readShardStatus({ folder: stateFolder, shard })?.tables[0]?.backfill?.counts.rows ?? 0;

const stateOf = (run: Supervised, shard: string): string => run.of(shard).state;

/** For more than a pipe, a SELECT or a commit takes. */
const A_WHILE_MS = 2_000;

describe.each(onePair)('a run: $name', { timeout: 180_000 }, (servers) => {
  test('pause() of one shard commits its rows and gives its budget to the other shard; after resume() both are done', async () => {
    await using migration = await createMigration({ servers, shards: 2, rows: ROWS });
    migration.configure(lasting(20, 4 * ROWS));
    migration.configure(({ source }) => void Object.assign(source.limits, { chunkRows: 20 }));
    await using run = await superviseMigration(migration);
    const { supervisor } = run;
    await expect.poll(() => committed(migration, 's01'), PATIENCE).toBeGreaterThan(0);
    await expect.poll(() => committed(migration, 's02'), PATIENCE).toBeGreaterThan(0);
    expect(supervisor.status().map(({ state, pid }) => [state, pid === null])).toEqual([
      ['running', false],
      ['running', false],
    ]);
    const whole = SHARED_OUT * Math.ceil((4 * ROWS) / 20);

    supervisor.pause('s01');
    expect(stateOf(run, 's01')).toBe('pausing');
    await expect.poll(() => stateOf(run, 's01'), PATIENCE).toBe('paused');
    const at = committed(migration, 's01');
    expect(at).toBeLessThan(ROWS);
    await expect.poll(() => run.of('s01').units, PATIENCE).toBe(0);
    await expect.poll(() => run.of('s02').units, PATIENCE).toBeCloseTo(whole, 5);
    await sleep(A_WHILE_MS);
    expect(committed(migration, 's01')).toBe(at);
    // Its heartbeat goes on.
    expect(Date.now() - (run.of('s01').progress?.at ?? 0)).toBeLessThan(A_WHILE_MS);
    expect(run.events.map(({ name }) => name)).not.toContain('shard.stalled');

    supervisor.resume('s01');
    expect(stateOf(run, 's01')).toBe('running');
    await expect.poll(() => committed(migration, 's01'), PATIENCE).toBeGreaterThan(at);
    const outcomes = await supervisor.outcomes;
    expect(outcomes.map(({ shard, status }) => [shard, status])).toEqual([
      ['s01', 'done'],
      ['s02', 'done'],
    ]);
    const told = run.events.flatMap(({ name, payload }) => (/paused|resumed/.test(name) ? [[name, payload]] : []));
    expect(told).toEqual([
      ['shard.paused', { shard: 's01' }],
      ['shard.resumed', { shard: 's01', pausedMs: expect.any(Number) as number }],
    ]);
    expect(await migration.items()).toHaveLength(4 * ROWS);

    // All have ended: nothing is done any more.
    supervisor.pause();
    supervisor.resume();
    supervisor.stop('s01');
    supervisor.setBudget(7);
    supervisor.setLimits({ chunkMs: 7 });
    expect(supervisor.status().map(({ state, pid, units }) => [state, pid, units])).toEqual([
      ['ended', null, 0],
      ['ended', null, 0],
    ]);
    expect(supervisor.status()[0]?.outcome).toMatchObject({ shard: 's01', status: 'done' });
  });

  test('stop() ends a running and a paused shard in order, and the other shards finish', async () => {
    await using migration = await createMigration({ servers, shards: 3, rows: ROWS });
    migration.configure(lasting(15, 6 * ROWS));
    migration.configure(({ source }) => void Object.assign(source.limits, { chunkRows: 20, scansPerServer: 3 }));
    await using run = await superviseMigration(migration);
    const { supervisor } = run;
    for (const shard of ['s01', 's02', 's03'])
      await expect.poll(() => committed(migration, shard), PATIENCE).toBeGreaterThan(0);
    supervisor.pause('s02');
    await expect.poll(() => stateOf(run, 's02'), PATIENCE).toBe('paused');
    supervisor.stop('s01');
    supervisor.stop('s02');
    expect(['s01', 's02', 's03'].map((shard) => stateOf(run, shard))).toEqual(['stopping', 'stopping', 'running']);
    const outcomes = await supervisor.outcomes;
    expect(outcomes.map(({ shard, status, toldBy }) => [shard, status, toldBy])).toEqual([
      ['s01', 'interrupted', 'process'],
      ['s02', 'interrupted', 'process'],
      ['s03', 'done', 'process'],
    ]);
  });

  test('the supervisor starts no waiting shard while it is paused, and never one that was stopped', async () => {
    await using migration = await createMigration({ servers, shards: 3, rows: 100 });
    await using run = await superviseMigration(migration, { jobs: 1 });
    const { supervisor } = run;
    supervisor.pause('s01');
    supervisor.stop('s02');
    expect(run.of('s01')).toMatchObject({ state: 'paused', pid: null });
    expect(run.of('s02')).toMatchObject({ state: 'ended', outcome: { status: 'interrupted', toldBy: 'nobody' } });
    await expect.poll(() => stateOf(run, 's03'), PATIENCE).toBe('ended');
    await sleep(A_WHILE_MS);
    expect(run.of('s01')).toMatchObject({ state: 'paused', pid: null, outcome: null });
    supervisor.resume();
    const outcomes = await supervisor.outcomes;
    expect(outcomes.map(({ shard, status }) => [shard, status])).toEqual([
      ['s01', 'done'],
      ['s02', 'interrupted'],
      ['s03', 'done'],
    ]);
  });

  test('setBudget() lowers and raises the budget of a run at once', async () => {
    await using migration = await createMigration({ servers, shards: 2, rows: ROWS });
    migration.configure(lasting(20, 4 * ROWS));
    await using run = await superviseMigration(migration);
    const { supervisor } = run;
    const parts = (): readonly number[] => supervisor.status().map(({ units }) => units);
    const said = (shard: string): number => run.of(shard).progress?.unitsLimit ?? 0;
    await expect.poll(() => committed(migration, 's02'), PATIENCE).toBeGreaterThan(0);
    supervisor.setBudget(40);
    await expect.poll(parts, PATIENCE).toEqual([20 * SHARED_OUT, 20 * SHARED_OUT]);
    await expect.poll(() => said('s01'), PATIENCE).toBe(20 * SHARED_OUT);
    supervisor.setBudget(10_000);
    await expect.poll(parts, PATIENCE).toEqual([5_000 * SHARED_OUT, 5_000 * SHARED_OUT]);
    expect((await supervisor.outcomes).map(({ status }) => status)).toEqual(['done', 'done']);
    expect(() => supervisor.setBudget(0)).toThrow(expect.objectContaining({ code: 'E_LIMIT_INVALID' }) as Error);
  });

  test('pause() leaves a hanging process in state "pausing" with its part of the budget, until it responds', async () => {
    await using migration = await createMigration({ servers, shards: 2, rows: ROWS });
    migration.configure(lasting(20, 4 * ROWS));
    migration.configure(({ source }) => void Object.assign(source.limits, { chunkRows: 20 }));
    await using run = await superviseMigration(migration);
    const { supervisor } = run;
    await expect.poll(() => committed(migration, 's01'), PATIENCE).toBeGreaterThan(0);
    const { pid } = run.of('s01');
    const before = run.of('s01').units;
    process.kill(pid ?? 0, 'SIGSTOP');
    try {
      supervisor.pause('s01');
      await sleep(A_WHILE_MS);
      expect(run.of('s01')).toMatchObject({ state: 'pausing', units: before });
      expect(stateOf(run, 's02')).toBe('running');
    } finally {
      process.kill(pid ?? 0, 'SIGCONT');
    }
    await expect.poll(() => stateOf(run, 's01'), PATIENCE).toBe('paused');
    // A process that ends while it is paused has ended.
    process.kill(pid ?? 0, 'SIGKILL');
    await expect.poll(() => stateOf(run, 's01'), PATIENCE).toBe('ended');
    expect(run.of('s01').outcome).toMatchObject({ status: 'failed', fault: { code: 'E_WORKER_DIED' } });
  });
});
