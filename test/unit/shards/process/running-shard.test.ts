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
  const shard = new RunningShard(
    child as unknown as ChildProcess,
    task,
    {},
    {
      bus: new EventBus('r'),
      threads: new Threads(() => null),
      recorded: () => ({}),
      granted: () => undefined,
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
    ...{ shard, asked, budget, say },
    async [Symbol.asyncDispose]() {
      Object.assign(child, { connected: false, exitCode: 0 });
      child.emit('exit', 0, null);
      await ended;
    },
  };
}

test('it is paused once its process says so, and its budget is others’ from then on', async () => {
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

test('what it said of a pause before the last one is of no rest now', async () => {
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

test('it is paused again where a pause follows a resume at once', async () => {
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
