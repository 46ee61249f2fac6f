/** What a shard's process is asked and says of pauses, whatever is on its way between the two. */
import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { EventBus } from '../../../../src/core/event-bus.js';
import type { EventRecord } from '../../../../src/core/events.js';
import { RunningShard } from '../../../../src/shards/process/running-shard.js';
import { Threads } from '../../../../src/shards/process/threads.js';
import type { FromWorker, ToWorker } from '../../../../src/shards/protocol.js';
import { taskOf } from '../../../support/shard-task.js';
import { loadRight, rightConfig } from '../../config/config-file.js';

const task = taskOf('backfill', (await loadRight(rightConfig())).toSend());

function started() {
  const asked: ToWorker['type'][] = [];
  const child = Object.assign(new EventEmitter(), {
    ...{ pid: 7, connected: true, stderr: null, exitCode: null, signalCode: null },
    send: (message: ToWorker) => asked.push(message.type),
    ...{ kill: () => true, unref: () => undefined, disconnect: () => undefined },
  });
  const budget: string[] = [];
  const granted: number[] = [];
  const bus = new EventBus('r');
  const heard: EventRecord[] = [];
  bus.onAny((record) => heard.push(record));
  const shard = new RunningShard(
    child as unknown as ChildProcess,
    task,
    {},
    {
      bus,
      threads: new Threads(() => null),
      recorded: () => ({}),
      granted: (units) => void granted.push(units),
      paused: () => void budget.push('suspended'),
      resumed: () => void budget.push('restored'),
      released: () => undefined,
    },
  );
  const say = (name: 'shard.paused' | 'shard.resumed'): void => {
    const payload = name === 'shard.paused' ? { shard: 's01' } : { shard: 's01', pausedMs: 1 };
    child.emit('message', {
      type: 'event',
      record: { name, payload, at: 0, run: 'r' } as EventRecord,
    } satisfies FromWorker);
  };
  const ended = shard.ended();
  return {
    ...{ shard, asked, budget, say, granted, heard },
    send: (message: unknown) => child.emit('message', message),
    async [Symbol.asyncDispose]() {
      Object.assign(child, { connected: false, exitCode: 0 });
      child.emit('exit', 0, null);
      await ended;
    },
  };
}

test('RunningShard is paused once its process says so, and its budget goes to others from then on', async () => {
  await using run = started();
  run.shard.pause();
  expect([run.shard.state, run.budget]).toEqual(['pausing', []]);
  run.say('shard.paused');
  expect([run.shard.state, run.budget]).toEqual(['paused', ['suspended']]);
  run.shard.resume();
  expect([run.shard.state, run.asked]).toEqual(['running', ['start', 'pause', 'resume']]);
  run.say('shard.resumed');
  expect(run.shard.state).toBe('running');
});

test('RunningShard does not take the answer to an earlier pause for that to the last one', async () => {
  await using run = started();
  const { shard, say } = run;
  shard.pause();
  shard.resume();
  shard.pause();
  // Of the first pause: it was on its way when the second one was asked for.
  say('shard.paused');
  say('shard.resumed');
  expect([shard.state, run.budget]).toEqual(['pausing', ['suspended', 'restored']]);
  say('shard.paused');
  expect([shard.state, run.budget]).toEqual(['paused', ['suspended', 'restored', 'suspended']]);
});

test('RunningShard is paused again where a pause follows a resume at once', async () => {
  await using run = started();
  const { shard, say } = run;
  shard.pause();
  say('shard.paused');
  shard.resume();
  shard.pause();
  expect(shard.state).toBe('pausing');
  say('shard.resumed');
  expect(shard.state).toBe('pausing');
  say('shard.paused');
  expect([shard.state, run.budget]).toEqual(['paused', ['suspended', 'suspended']]);
});

const EVENT = { name: 'shard.paused', payload: { shard: 's01' }, at: 0, run: 'r' };
const OUTCOME = {
  ...{ shard: 's01', verb: 'backfill', status: 'done', exitCode: 0, toldBy: 'process', fault: null, elapsedMs: 1 },
  counts: {},
};

test.each([
  ['null', null],
  ['a text', 'text'],
  ['an unknown type', { type: 'other' }],
  ['an event without a record', { type: 'event' }],
  ['an event with null as its record', { type: 'event', record: null }],
  ['an unknown event', { type: 'event', record: { ...EVENT, name: 'toString' } }],
  ['an event without a payload', { type: 'event', record: { ...EVENT, payload: null } }],
  ['an event without a time', { type: 'event', record: { ...EVENT, at: 'now' } }],
  ['an event of another shard', { type: 'event', record: { ...EVENT, payload: { shard: 's02' } } }],
  ['a budget that is not a number', { type: 'budget', units: null }],
  ['a budget below zero', { type: 'budget', units: -1 }],
  ['an outcome without content', { type: 'outcome', outcome: {} }],
  ['an outcome of another shard', { type: 'outcome', outcome: { ...OUTCOME, shard: 's02' } }],
  ['an outcome of another verb', { type: 'outcome', outcome: { ...OUTCOME, verb: 'verify' } }],
  ['an outcome with an unknown error code', { type: 'outcome', outcome: { ...OUTCOME, fault: { code: 'E_X' } } }],
])('the supervisor warns of %s from a shard’s process once, and ignores it', async (_, message) => {
  await using run = started();
  run.shard.pause();
  run.send(message);
  run.send(message);
  expect(run.heard).toMatchObject([{ name: 'shard.warning', payload: { shard: 's01', code: 'E_INTERNAL' } }]);
  expect([run.granted, run.shard.state]).toEqual([[], 'pausing']);
  run.send({ type: 'budget', units: 3 });
  run.send({ type: 'event', record: EVENT });
  expect([run.granted, run.shard.state]).toEqual([[3], 'paused']);
});

test('an outcome that fits is what the shard came to', async () => {
  await using run = started();
  run.send({ type: 'outcome', outcome: OUTCOME });
  expect(run.heard).toEqual([]);
});
