/** What stands still by right: the config's limits, a source that is spared, a budget that is paid off. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Config } from '../../../../src/config/model.js';
import { Tunables } from '../../../../src/config/tunables.js';
import { PauseGate } from '../../../../src/core/async/pause-gate.js';
import { NO_COUNTS } from '../../../../src/core/model.js';
import { EventBus } from '../../../../src/core/event-bus.js';
import type { EventMap } from '../../../../src/core/events.js';
import { TokenBucket } from '../../../../src/dynamodb/capacity/token-bucket.js';
import type { FerryError } from '../../../../src/core/errors.js';
import { joinBudget, starvation } from '../../../../src/wiring/shared-budget.js';
import { stallTimes, watchShard, type ShardWatch } from '../../../../src/wiring/run/watch-shard.js';
import { temporaryFolder } from '../../../support/temporary.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const TIMES = { tickMs: 1_000, tellAfter: 10, stopAfter: 20, graceTicks: 5 };
const configOf = (limits: object, retryTimeoutSeconds = 300): Config =>
  ({ source: { limits }, target: { retryTimeoutSeconds } }) as unknown as Config;
const LIMITS = { retryTimeoutSeconds: 300, statementIdleTimeoutSeconds: 120, maxPauseSeconds: 3_600 };
const progressOf = (rows: number): EventMap['shard.progress'] => ({
  ...{ shard: 's01', table: 't', phase: 'backfilling', counts: { ...NO_COUNTS, rows }, estimatedRows: 100 },
  ...{
    rowsPerSecond: 0,
    itemsPerSecond: 0,
    unitsPerSecond: 0,
    unitsLimit: 1,
    throttles: 0,
    retries: 0,
    etaSeconds: null,
  },
});
const range = { shard: 's01', table: 't', segment: 0 };

interface Watched {
  readonly bus: EventBus;
  readonly budget: TokenBucket;
  readonly shard: ShardWatch;
  readonly told: EventMap['shard.stalled'][];
  readonly controls: { readonly tunables: Tunables; readonly pause: PauseGate };
}

function watched(unitsPerSecond = 10, config = configOf(LIMITS)): Watched {
  const bus = new EventBus();
  const budget = new TokenBucket(unitsPerSecond);
  const told: EventMap['shard.stalled'][] = [];
  bus.on('shard.stalled', (event) => told.push(event));
  const outer = new AbortController().signal;
  const controls = { tunables: new Tunables(config), pause: new PauseGate() };
  return {
    bus,
    budget,
    told,
    controls,
    shard: watchShard({ shard: 's01', verb: 'backfill' }, config, bus, budget, outer, controls, TIMES),
  };
}

const seconds = async (count: number): Promise<void> => {
  await vi.advanceTimersByTimeAsync(count * 1_000);
};

test('stallTimes leaves room for each patience and for the last try of it', () => {
  expect(stallTimes(new Tunables(configOf(LIMITS)))).toMatchObject({ tellAfter: 300, stopAfter: 300 + 270 + 90 });
  expect(stallTimes(new Tunables(configOf({ ...LIMITS, statementIdleTimeoutSeconds: 3_600 })))).toMatchObject({
    tellAfter: 3_600,
    stopAfter: 300 + 8_100 + 90,
  });
  expect(stallTimes(new Tunables(configOf(LIMITS, 4_000)))).toMatchObject({ tellAfter: 4_000, stopAfter: 4_090 });
});

test.each<readonly [string, (watched: Watched, rows: { rowsRead: number }) => void]>([
  ['rows read from MySQL', (_, rows) => (rows.rowsRead += 1)],
  ['capacity units consumed at DynamoDB', ({ budget }) => budget.noteConsumed(1)],
  ['a chunk read or done', ({ bus }) => bus.emit('chunk.read', { ...range, rows: 1, bytes: 1, elapsedMs: 1 })],
  ['a chunk read or done', ({ bus }) => bus.emit('chunk.acknowledged', { ...range, rows: 1, items: 1 })],
  ['chunks committed to the state', ({ bus }) => bus.emit('watermark.advanced', { ...range, chunks: 1, rows: 1 })],
  ['a step of the work', ({ bus }) => bus.emit('shard.phase', { shard: 's01', phase: 'verifying' })],
  ['a step of the work', ({ bus }) => bus.emit('segment.completed', range)],
  // As a restart does that gives up claims, for an hour in a large register.
  ['a step of the work', ({ shard }) => shard.stepped()],
  ['rows gone through', ({ bus }) => bus.emit('shard.progress', progressOf(10))],
  [
    'items acknowledged by DynamoDB',
    ({ bus }) =>
      bus.emit('batch.acknowledged', { shard: 's01', items: 1, newer: 0, unprocessed: 0, units: 1, elapsedMs: 1 }),
  ],
])('watchShard counts as a movement: %s', async (last, move) => {
  const all = watched();
  const rows = { rowsRead: 0 };
  all.shard.counts(rows);
  await seconds(9);
  move(all, rows);
  await seconds(9);
  expect(all.told).toEqual([]);
  await seconds(2);
  expect(all.told).toEqual([
    {
      ...{ shard: 's01', last, seconds: 10, waitsFor: null },
      hint: 'check MySQL, DynamoDB, the credentials and the network',
    },
  ]);
  all.shard.end();
});

test('watchShard does not count failures that are tried again as movement', async () => {
  const { bus, shard, told } = watched();
  for (let i = 0; i < 10; i++) {
    bus.emit('source.retried', { shard: 's01', doing: 'x', fact: 'y', reason: 'z', attempt: i, delayMs: 1 });
    bus.emit('batch.acknowledged', { shard: 's01', items: 0, newer: 0, unprocessed: 25, units: 0, elapsedMs: 1 });
    await seconds(2);
  }
  expect(told).toHaveLength(1);
  expect(shard.watch.signal.aborted).toBe(true);
  shard.end();
});

test('watchShard does not accuse a source that is spared, for as long as its own limit allows', async () => {
  const { bus, shard, told } = watched();
  bus.emit('source.paused', { shard: 's01', cause: 'lag', reason: 'x' });
  await seconds(3_600);
  expect(told).toEqual([]);
  await seconds(11);
  expect(told).toHaveLength(1);
  shard.end();
});

test('watchShard does not let a pause of the source excuse a target that has a chunk and does nothing', async () => {
  const { bus, shard, told } = watched();
  bus.emit('chunk.read', { ...range, rows: 1, bytes: 1, elapsedMs: 1 });
  bus.emit('source.paused', { shard: 's01', cause: 'lag', reason: 'x' });
  await seconds(12);
  expect(told).toHaveLength(1);
  shard.end();
});

test('watchShard watches a shard again after a pause of the source', async () => {
  const { bus, shard, told } = watched();
  bus.emit('source.paused', { shard: 's01', cause: 'lag', reason: 'x' });
  await seconds(100);
  bus.emit('source.resumed', { shard: 's01', pausedMs: 100_000 });
  await seconds(11);
  expect(told).toHaveLength(1);
  shard.end();
});

test('watchShard does not accuse a debt of the budget paid off in minutes, but one that never ends', async () => {
  const { budget, shard, told } = watched(1);
  budget.tryTake(400);
  await seconds(395);
  expect(told).toEqual([]);
  budget.noteConsumed(400);
  // A request that is refused costs as much again, each time.
  for (let spent = 0; spent < 3; spent++) {
    budget.settle(400);
    await seconds(399);
  }
  expect(told).toHaveLength(1);
  expect(shard.watch.signal.aborted).toBe(true);
  shard.end();
});

test('watchShard does not count repeated progress that has not grown as movement', async () => {
  const { bus, shard, told } = watched();
  bus.emit('shard.progress', progressOf(10));
  for (let second = 0; second < 12; second++) {
    await seconds(1);
    bus.emit('shard.progress', progressOf(10));
  }
  expect(told).toHaveLength(1);
  shard.end();
});

test('watchShard excuses refused requests whose units take minutes, but not for ever', async () => {
  const { bus, budget, shard, told } = watched(10);
  const refused = async (): Promise<void> => {
    budget.settle(400);
    const how = { operation: 'PutItem', reason: 'x', attempt: 1, delayMs: 1, throttled: true, ambiguous: false };
    bus.emit('request.retried', { shard: 's01', ...how });
    await seconds(39);
  };
  budget.tryTake(0);
  for (let tries = 0; tries < 10; tries++) await refused();
  expect(told).toEqual([]);
  for (let tries = 0; tries < 3; tries++) await refused();
  expect(told).toHaveLength(1);
  expect(shard.watch.signal.aborted).toBe(true);
  shard.end();
});

test('watchShard takes a budget of nothing as no excuse for a stand-still', async () => {
  const { shard, told } = watched(0);
  await seconds(11);
  expect(told).toHaveLength(1);
  shard.end();
});

test('watchShard names the run whose budget a shard waits for, and does not accuse MySQL', async () => {
  await using folder = await temporaryFolder();
  const config = { ...configOf(LIMITS), state: folder.path, target: { retryTimeoutSeconds: 300, table: 'messages' } };
  const holder = joinBudget(config as Config, 'write');
  holder.look(1);
  const { budget, shard, told } = watched(0, config as Config);
  const waits = budget.take(1, shard.watch.signal).catch((error: unknown) => error);
  await seconds(20);
  const waitsFor = `waits for a part of the write budget of table messages, which the run of process ${process.pid} has`;
  expect(told).toMatchObject([
    { waitsFor, hint: expect.stringContaining(`ps -o pid,stat,args -p ${process.pid}`) as unknown },
  ]);
  const error = shard.watch.reasonOf(await waits);
  expect(error).toMatchObject({ code: 'E_STALLED', message: expect.stringContaining(waitsFor) as unknown });
  expect((error as FerryError).hint).not.toMatch(/MySQL|network/);
  shard.end();
  holder.leave();
});

test('watchShard names the holder of the register of item keys that a shard waits for, until something moves', async () => {
  const { bus, shard, told } = watched();
  const wait = async (holder: number | null): Promise<void> => {
    for (let second = 2; second <= 10; second += 2) {
      await seconds(2);
      bus.emit('register.waited', { shard: 's01', seconds: second, holder });
    }
  };
  await wait(4711);
  shard.stepped();
  await wait(null);
  await seconds(2);
  shard.stepped();
  await seconds(12);
  expect(told).toMatchObject([
    {
      waitsFor: 'waits for the register of item keys, which process 4711 has locked',
      hint: expect.stringContaining('ps -o pid,stat,args -p 4711') as unknown,
    },
    {
      waitsFor: 'waits for the register of item keys, which another process has locked',
      hint: expect.stringContaining('lsof') as unknown,
    },
    { waitsFor: null },
  ]);
  shard.end();
});

test('starvation says where the own run holds the budget, or nobody is known to hold it', async () => {
  await using folder = await temporaryFolder();
  const config = { state: folder.path, target: { table: 'messages' } } as Config;
  const none = starvation(config, 'read', process.pid);
  expect(none.fact).toBe(
    'waits for a part of the read budget of table messages; dynaferry does not know which run has it',
  );
  expect(none.next).toContain(folder.path);
  const own = joinBudget(config, 'read');
  own.look(1);
  const second = joinBudget(config, 'read');
  second.look(0);
  expect(starvation(config, 'read', process.pid).fact).toBe(
    `waits for a part of the read budget of table messages, which its own run (process ${process.pid}) has and does not give to this shard`,
  );
  second.leave();
  own.leave();
});

test('watchShard excuses a shard at rest in an operator’s pause, however long, but not one that does not come to rest', async () => {
  const { bus, shard, told, controls } = watched();
  const leave = controls.pause.enter();
  bus.emit('chunk.read', { ...range, rows: 1, bytes: 1, elapsedMs: 1 });
  controls.pause.pause();
  const waiting = controls.pause.pass(shard.watch.signal);
  await seconds(9);
  // The chunk under way is not done: that time counts.
  expect(told).toEqual([]);
  await seconds(2);
  expect(told).toHaveLength(1);
  bus.emit('chunk.acknowledged', { ...range, rows: 1, items: 1 });
  await seconds(3_600);
  expect(told).toHaveLength(1);
  expect(shard.watch.signal.aborted).toBe(false);
  controls.pause.resume();
  await waiting;
  await seconds(12);
  expect(told).toHaveLength(2);
  leave();
  shard.end();
});

test('watchShard does not count a pause by an operator against the longest pause of the source', async () => {
  const { bus, shard, told, controls } = watched();
  const leave = controls.pause.enter();
  bus.emit('source.paused', { shard: 's01', cause: 'lag', reason: 'x' });
  await seconds(3_000);
  controls.pause.pause();
  const waiting = controls.pause.pass(shard.watch.signal);
  await seconds(100);
  controls.pause.resume();
  await waiting;
  // The source's own limit begins anew (`mysql/source-throttler.ts`).
  await seconds(3_500);
  expect(told).toEqual([]);
  await seconds(120);
  expect(told).toHaveLength(1);
  leave();
  shard.end();
});

test('stallTimes follows the limits as they change', () => {
  const tunables = new Tunables(configOf(LIMITS));
  const times = stallTimes(tunables);
  tunables.set({ sourcePatienceSeconds: 1_000 });
  expect(times).toMatchObject({ tellAfter: 1_000, stopAfter: 1_000 + 270 + 90 });
  tunables.set({ targetPatienceSeconds: 5_000 });
  expect(times).toMatchObject({ tellAfter: 5_000, stopAfter: 5_090 });
});
