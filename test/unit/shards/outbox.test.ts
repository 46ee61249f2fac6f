import { expect, test } from 'vitest';
import type { EventRecord } from '../../../src/core/events.js';
import { Outbox } from '../../../src/shards/outbox.js';
import type { FromWorker } from '../../../src/shards/protocol.js';
import { failedOutcome } from '../../../src/wiring/run/shard-task.js';

/** A pipe whose reader takes nothing until the test says so. */
function fullPipe(): {
  channel: { connected: boolean; send: NonNullable<NodeJS.Process['send']> };
  sent: FromWorker[];
  take: () => void;
} {
  const sent: FromWorker[] = [];
  const callbacks: (() => void)[] = [];
  const channel = {
    connected: true,
    send: (message: unknown, _handle: unknown, _options: unknown, callback: () => void): boolean => {
      sent.push(message as FromWorker);
      callbacks.push(callback);
      return false;
    },
  };
  return {
    channel: channel as unknown as { connected: boolean; send: NonNullable<NodeJS.Process['send']> },
    sent,
    take: () => {
      for (let next = callbacks.shift(); next !== undefined; next = callbacks.shift()) next();
    },
  };
}

const STAMP = { at: 1_000, run: 'r1' };
const OUTCOME = failedOutcome({ verb: 'backfill', shard: 's01' }, new Error('any'));
const badRow = (column: string): EventRecord => ({
  ...STAMP,
  name: 'row.rejected',
  payload: { shard: 's01', table: 'messages', column, reason: 'no', rows: 1 },
});
const missing: EventRecord = {
  ...STAMP,
  name: 'difference.found',
  payload: { shard: 's01', table: 'messages', class: 'missing', attributes: [], items: 1 },
};
const retried = (attempt: number): EventRecord => ({
  ...STAMP,
  name: 'request.retried',
  payload: { shard: 's01', operation: 'x', reason: 'y', attempt, delayMs: 1, throttled: false, ambiguous: false },
});

function toldOf(sent: readonly FromWorker[]): { rows: number; items: number; dropped: number; messages: number } {
  const events = sent.flatMap((message) => (message.type === 'event' ? [message.record] : []));
  return {
    rows: events.reduce((sum, event) => sum + (event.name === 'row.rejected' ? event.payload.rows : 0), 0),
    items: events.reduce((sum, event) => sum + (event.name === 'difference.found' ? event.payload.items : 0), 0),
    dropped: events.reduce((sum, event) => sum + (event.name === 'events.dropped' ? event.payload.events : 0), 0),
    messages: sent.length,
  };
}

test('Outbox lets bad rows and differences of one kind wait as one, and keeps their number whole', async () => {
  const { channel, sent, take } = fullPipe();
  const outbox = new Outbox(channel, 's01', 'r1');
  for (let i = 0; i < 100_000; i++) {
    outbox.event(badRow('price'));
    outbox.event(missing);
  }
  const ended = outbox.end(OUTCOME);
  take();
  await ended;
  expect(toldOf(sent)).toEqual({ rows: 100_000, items: 100_000, dropped: 0, messages: 67 });
  expect(sent.at(-1)).toEqual({ type: 'outcome', outcome: OUTCOME });
});

test('Outbox bounds what a full pipe makes wait, counts what it leaves out, and sends the end', async () => {
  const { channel, sent, take } = fullPipe();
  const outbox = new Outbox(channel, 's01', 'r1');
  for (let i = 0; i < 50_000; i++) {
    outbox.event(retried(i));
    outbox.event(badRow(`column ${i}`));
  }
  const finished = { ...OUTCOME, status: 'failed' as const };
  outbox.event({ ...STAMP, name: 'shard.finished', payload: finished });
  const ended = outbox.end(OUTCOME);
  take();
  await ended;
  const { messages, dropped } = toldOf(sent);
  expect(messages).toBeLessThan(1_100);
  // Beside the retries and bad rows that were told: the end, the outcome, and that some were left out.
  expect(dropped).toBe(100_000 - (messages - 3));
  expect(sent.slice(-2).map((message) => (message.type === 'event' ? message.record.name : message.type))).toEqual([
    'events.dropped',
    'outcome',
  ]);
  expect(sent.some((message) => message.type === 'event' && message.record.name === 'shard.finished')).toBe(true);
});

test('Outbox never leaves a warning out for a full pipe, as no state has it', async () => {
  const { channel, sent, take } = fullPipe();
  const outbox = new Outbox(channel, 's01', 'r1');
  for (let i = 0; i < 5_000; i++) outbox.event(retried(i));
  const warning = {
    shard: 's01',
    code: 'E_BAD_ROWS',
    message: 'delete these items',
    hint: 'nothing else does',
  } as const;
  outbox.event({ ...STAMP, name: 'shard.warning', payload: warning });
  const ended = outbox.end(OUTCOME);
  take();
  await ended;
  expect(sent).toContainEqual({ type: 'event', record: { ...STAMP, name: 'shard.warning', payload: warning } });
});

test('Outbox has ended when the pipe has taken the last message, and not before', async () => {
  const { channel, sent, take } = fullPipe();
  const outbox = new Outbox(channel, 's01', 'r1');
  let over = false;
  const ended = outbox.end(OUTCOME).then(() => (over = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect({ over, messages: sent.length }).toEqual({ over: false, messages: 1 });
  take();
  await ended;
});

test('Outbox waits for nobody who is gone', async () => {
  const { channel } = fullPipe();
  const outbox = new Outbox(channel, 's01', 'r1');
  outbox.event(missing);
  const ended = outbox.end(OUTCOME);
  outbox.abandon();
  await ended;
  channel.connected = false;
  const late = new Outbox(channel, 's01', 'r1');
  late.event(missing);
  await late.end(OUTCOME);
});

test('Outbox sends a sign of life only where nothing else is on its way', () => {
  const { channel, sent, take } = fullPipe();
  const outbox = new Outbox(channel, 's01', 'r1');
  for (let i = 0; i < 10; i++) outbox.alive();
  expect(sent).toEqual([{ type: 'alive' }]);
  take();
  outbox.alive();
  expect(sent).toHaveLength(2);
});
