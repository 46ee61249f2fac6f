/** A shard's process that cannot be started at all. */
import { afterEach, expect, test } from 'vitest';
import { EventBus } from '../../../src/core/event-bus.js';
import type { Supervisor } from '../../../src/shards/handle.js';
import { superviseShards } from '../../../src/shards/supervisor.js';
import { UNSHARED } from '../../../src/wiring/shared-budget.js';
import { loadRight, rightConfig } from '../config/config-file.js';
import type { ShardTask } from '../../../src/wiring/run/shard-task.js';
import { taskOf } from '../../support/shard-task.js';

const node = process.execPath;
afterEach(() => {
  process.execPath = node;
});

const config = (await loadRight(rightConfig())).toSend();
const { settings } = config;

const task = (shard: string): ShardTask => taskOf('backfill', config, { shard, units: 0 });

test('superviseShards reports what a run waits for as a warning of the run, and of no shard', async () => {
  const bus = new EventBus();
  const told: unknown[] = [];
  bus.onAny(({ name, payload }) => name.endsWith('.warning') && told.push({ name, payload }));
  const fault = { code: 'E_STATE_LOCKED', message: 'another run has it', hint: 'see whether it was stopped' } as const;
  process.execPath = '/dev/null/node';
  const run = superviseShards({
    tasks: ['s01', 's02'].map(task),
    ...{ config: settings, jobs: 1, shares: () => new Map(), units: 100, warmUnits: null, bus, recorded: () => ({}) },
    budget: { look: () => 0, warning: () => fault, leave: () => undefined },
  });
  await run.outcomes;
  expect(told[0]).toEqual({ name: 'run.warning', payload: fault });
  expect(told).not.toContainEqual(expect.objectContaining({ name: 'shard.warning' }));
});

test('superviseShards takes a process that Node cannot start as the end of that shard, and not of the run', async () => {
  const bus = new EventBus();
  const ended: string[] = [];
  bus.on('shard.finished', ({ shard }) => ended.push(shard));
  process.execPath = '/dev/null/node';
  const run = superviseShards({
    tasks: ['s01', 's02'].map(task),
    ...{ config: settings, jobs: 1, shares: () => new Map(), units: 100, budget: UNSHARED, warmUnits: null, bus },
    recorded: () => ({ badRows: 7 }),
  });
  const found = await run.outcomes;
  const each = { toldBy: 'nobody', badRows: 7, fault: { code: 'E_WORKER_DIED' } };
  expect(found).toMatchObject(['s01', 's02'].map((shard) => ({ shard, ...each })));
  expect(found[1]?.fault?.message).toMatch(/the process of shard s02 could not be started \(spawn ENOTDIR\)/);
  expect(ended).toEqual(['s01', 's02']);
});

test('superviseShards reports a shard that still waits for its turn at a stop as interrupted, told by nobody', async () => {
  const run = superviseShards({
    tasks: ['s01', 's02'].map(task),
    ...{
      config: settings,
      jobs: 1,
      shares: () => new Map(),
      units: 100,
      budget: UNSHARED,
      warmUnits: null,
      bus: new EventBus(),
    },
    recorded: () => ({ badRows: 7 }),
  });
  run.stop();
  const found = await run.outcomes;
  const each = { status: 'interrupted', toldBy: 'nobody', badRows: 7 };
  expect(found).toMatchObject(['s01', 's02'].map((shard) => ({ shard, ...each })));
});

test.each<readonly [string, (run: Supervisor) => void]>([
  ['one after the other', (run) => ['s01', 's02'].forEach((shard) => run.stop(shard))],
  [
    'after limits and a pause',
    (run) => {
      run.setLimits({ chunkMs: 7 });
      run.pause('s01');
      run.resume('s01');
      run.stop();
    },
  ],
])(
  'superviseShards starts nothing when shards are stopped in the turn in which the run begins: %s',
  async (_, stop) => {
    process.execPath = '/dev/null/node';
    const run = superviseShards({
      tasks: ['s01', 's02'].map(task),
      ...{ config: settings, jobs: 1, shares: () => new Map(), units: 100, budget: UNSHARED, warmUnits: null },
      ...{ bus: new EventBus(), recorded: () => ({}) },
    });
    stop(run);
    const found = await run.outcomes;
    expect(found.map(({ shard, status, fault }) => [shard, status, fault?.code])).toEqual([
      ['s01', 'interrupted', 'E_INTERRUPTED'],
      ['s02', 'interrupted', 'E_INTERRUPTED'],
    ]);
  },
);

test('setLimits() of a run refuses what this machine does not allow, and the limits stay as they are', async () => {
  process.execPath = '/dev/null/node';
  const run = superviseShards({
    tasks: [task('s01')],
    ...{ config: settings, jobs: 1, shares: () => new Map(), units: 100, budget: UNSHARED, warmUnits: null },
    ...{ bus: new EventBus(), recorded: () => ({}) },
  });
  const before = run.limits;
  // 256 SELECTs of 1 GiB are more than any machine has.
  expect(() => run.setLimits({ chunkBytes: 2 ** 30, scansPerServer: 256, chunkMs: 7 })).toThrow(
    expect.objectContaining({
      code: 'E_LIMIT_INVALID',
      message: expect.stringMatching(/MiB of memory/) as string,
    }) as Error,
  );
  expect(run.limits).toEqual(before);
  run.stop();
  await run.outcomes;
});
