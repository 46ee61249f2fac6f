import { expect, test } from 'vitest';
import { EventBus } from '../../../src/core/event-bus.js';
import { NO_COUNTS } from '../../../src/core/model.js';
import { startPlainLines } from '../../../src/listeners/plain-lines.js';
import { FakeStream, snapshot } from './fake-stream.js';

interface Started {
  readonly bus: EventBus;
  readonly stream: FakeStream;
  readonly wait: (ms: number) => void;
  /** By how much the wall clock was set, in ms. */
  readonly clock: { jumped: number };
  readonly end: () => void;
}

function started({ dryRun = false } = {}): Started {
  const clock = { jumped: 0 };
  let now = Date.parse('2026-01-02T03:04:05.678Z');
  const bus = new EventBus('run', () => now + clock.jumped);
  const stream = new FakeStream();
  const end = startPlainLines(bus, stream, { elapsed: () => now, dryRun });
  return {
    bus,
    stream,
    clock,
    end,
    wait(ms) {
      now += ms;
    },
  };
}

test('plain lines report what happens to a shard from start to end', () => {
  const { bus, stream, wait } = started();
  const shard = 's01';
  bus.emit('shard.started', { shard, resumed: false, pid: 1 });
  bus.emit('table.planned', { shard, table: 'messages', ranges: 16, estimatedRows: 9_000_000, reused: false });
  bus.emit('shard.phase', { shard, phase: 'backfilling' });
  bus.emit('shard.progress', { shard, ...snapshot({ throttles: 1, counts: { ...NO_COUNTS, rows: 10, badRows: 2 } }) });
  wait(3000);
  bus.emit('source.paused', { shard, cause: 'lag', reason: 'replica r1 is 14 s behind (limit 10 s)' });
  wait(3000);
  bus.emit('source.resumed', { shard, pausedMs: 3000 });
  bus.emit('shard.warning', { shard, code: 'E_STATE_SPACE', message: 'the disk is nearly full', hint: 'make room' });
  bus.emit('run.warning', {
    code: 'E_STATE_LOCKED',
    message: 'another run has it',
    hint: 'see whether it was stopped',
  });
  bus.emit('shard.finished', {
    shard,
    status: 'done',
    toldBy: 'process',
    counts: { rows: 1, items: 2, badRows: 0, expiredRows: 12_000, expiredItems: 0, newerItems: 0, chunks: 1, units: 3 },
    elapsedMs: 245_000,
    fault: null,
  });
  expect(stream.lines).toEqual([
    '2026-01-02T03:04:05Z s01 starts',
    '2026-01-02T03:04:05Z s01 messages: cut into 16 ranges, about 9,000,000 rows',
    '2026-01-02T03:04:05Z s01 backfilling',
    '2026-01-02T03:04:05Z s01 backfill messages: 10 of about 9,000,000 rows (0.0%), 12.3k items/s, 980 of 25,000 WCU/s, 1 throttle, 2 bad rows, 2h 03m left',
    '2026-01-02T03:04:08Z s01 reading pauses: replica r1 is 14 s behind (limit 10 s)',
    '2026-01-02T03:04:11Z s01 reading goes on after 3s',
    '2026-01-02T03:04:11Z s01 warning: the disk is nearly full; make room',
    '2026-01-02T03:04:11Z dynaferry warning: another run has it; see whether it was stopped',
    '2026-01-02T03:04:11Z s01 done after 4m 05s: 1 row, 2 items, 3 units, 12,000 expired rows left out',
  ]);
});

test('plain lines report how far a shard is every ten seconds', () => {
  const { bus, stream, wait } = started();
  for (let second = 0; second < 35; second += 1) {
    bus.emit('shard.progress', { shard: 's01', ...snapshot() });
    if (second > 4) bus.emit('shard.progress', { shard: 's02', ...snapshot({ phase: 'verifying', etaSeconds: null }) });
    wait(1000);
  }
  expect(stream.lines.filter((line) => line.includes('s01'))).toHaveLength(4);
  const second = stream.lines.filter((line) => line.includes('s02'));
  expect(second).toHaveLength(3);
  expect(second[0]).toMatch(/s02 verify messages: .* RCU\/s, no estimate of the time left$/);
});

test('plain lines are not silenced by a clock that is set back', () => {
  const { bus, stream, wait, clock } = started();
  for (let second = 0; second < 25; second += 1) {
    bus.emit('shard.progress', { shard: 's01', ...snapshot() });
    bus.emit('target.throttled', { shard: 's01', items: 25, reasons: [] });
    if (second === 5) clock.jumped = -3_600_000;
    wait(1000);
  }
  expect(stream.lines.filter((line) => line.includes('backfill messages'))).toHaveLength(3);
});

test('plain lines report faults that a retry overcame once a minute and kind, with their number', () => {
  const { bus, stream, wait } = started();
  const shard = 's01';
  const retried = { shard, operation: 'BatchWriteItem', delayMs: 10, attempt: 1, throttled: false, ambiguous: false };
  for (let second = 0; second < 65; second += 1) {
    bus.emit('target.throttled', { shard, items: 25, reasons: ['TableWriteAccountLimitExceeded'] });
    bus.emit('request.retried', { ...retried, reason: 'ThrottlingException', throttled: true });
    wait(1000);
  }
  bus.emit('request.retried', { ...retried, reason: 'InternalServerError', ambiguous: true });
  bus.emit('request.retried', { ...retried, reason: 'ECONNREFUSED' });
  const lost = {
    doing: 'reading messages',
    fact: 'the server closed the connection',
    reason: 'PROTOCOL_CONNECTION_LOST',
  };
  bus.emit('source.retried', { shard, ...lost, attempt: 1, delayMs: 300 });
  bus.emit('source.retried', { shard, ...lost, attempt: 2, delayMs: 300 });
  bus.emit('source.probe_failed', { shard, gauge: 'replica db7:3306', reason: 'ECONNREFUSED' });
  expect(stream.lines.map((line) => line.slice(21))).toEqual([
    's01 DynamoDB throttles (TableWriteAccountLimitExceeded); dynaferry sends the refused requests again',
    's01 DynamoDB throttles (TableWriteAccountLimitExceeded); dynaferry sends the refused requests again (and 59 more like it since the last such line)',
    's01 DynamoDB: BatchWriteItem got no answer (InternalServerError), so it may have been applied; dynaferry records its items as suspects, and writes them again',
    's01 DynamoDB: BatchWriteItem failed (ECONNREFUSED); tries again',
    's01 MySQL: reading messages: the server closed the connection (PROTOCOL_CONNECTION_LOST); tries again, attempt 2',
    's01 dynaferry cannot watch replica db7:3306 (ECONNREFUSED), and reads on without it; check that it runs, and that the user may connect and has REPLICATION CLIENT',
  ]);
});

test('plain lines report the same fault of many rows once', () => {
  const { bus, stream } = started();
  for (let i = 0; i < 1000; i += 1) {
    bus.emit('row.rejected', {
      shard: 's01',
      table: 'messages',
      column: 'price',
      reason: 'more than 38 digits',
      rows: 1,
    });
    bus.emit('row.rejected', {
      shard: 's02',
      table: 'messages',
      column: null,
      reason: 'the item is over 400 KB',
      rows: 1,
    });
    bus.emit('difference.found', {
      shard: 's01',
      table: 'messages',
      class: 'differing',
      attributes: ['body', 'to'],
      items: 1,
    });
  }
  expect(stream.lines.map((line) => line.slice(21))).toEqual([
    's01 bad row in messages, column price: more than 38 digits',
    's02 bad row in messages: the item is over 400 KB',
    's01 an item of messages differs in body, to',
  ]);
});

test('plain lines stay bounded when every row is bad in its own way', () => {
  const { bus, stream } = started();
  for (let i = 0; i < 5000; i += 1) {
    bus.emit('row.rejected', { shard: 's01', table: 'messages', column: `c${i}`, reason: 'no', rows: 1 });
  }
  expect(stream.lines).toHaveLength(500);
});

test('plain lines say why a shard failed and what to do', () => {
  const { bus, stream } = started();
  const fault = { code: 'E_SOURCE_LOST', message: 'the connection to db1 was lost', hint: 'run it again' } as const;
  bus.emit('shard.finished', {
    shard: 's01',
    status: 'failed',
    toldBy: 'process',
    counts: NO_COUNTS,
    elapsedMs: 1000,
    fault,
  });
  expect(stream.lines[0]).toMatch(/failed after 1s: 0 rows, .*: the connection to db1 was lost; run it again$/);
});

test('plain lines stop once the display has ended', () => {
  const { bus, stream, end } = started();
  end();
  bus.emit('shard.started', { shard: 's01', resumed: true, pid: 1 });
  expect(stream.text).toBe('');
});

test('plain lines let no name from somebody else command the terminal', () => {
  const { bus, stream } = started();
  const name = '\u001b[2Ja\u202eb';
  bus.emit('difference.found', {
    shard: 's01',
    table: 't',
    class: 'differing',
    attributes: [name, 'x'.repeat(10_000)],
    items: 1,
  });
  bus.emit('shard.warning', { shard: 's01', code: 'E_PREFLIGHT', message: name, hint: 'h' });
  expect(stream.lines.map((line) => line.slice(21))).toEqual([
    `s01 an item of t differs in \\u001b[2Ja\\u202eb, ${'x'.repeat(199)}…`,
    's01 warning: \\u001b[2Ja\\u202eb; h',
  ]);
});

test.each([
  ['done', 'dry run passed, nothing written'],
  ['differences', 'dry run found bad rows, nothing written'],
  ['interrupted', 'dry run stopped, nothing written'],
  ['failed', 'dry run failed, nothing written'],
] as const)('plain lines of a dry run that is %s claim nothing of the migration', (outcome, words) => {
  const { bus, stream } = started({ dryRun: true });
  const shard = 's01';
  bus.emit('shard.phase', { shard, phase: 'backfilling' });
  bus.emit('shard.progress', { shard, ...snapshot() });
  bus.emit('shard.phase', { shard, phase: 'backfilled' });
  bus.emit('shard.finished', {
    shard,
    status: outcome,
    toldBy: 'process',
    counts: { ...NO_COUNTS, rows: 3, items: 2 },
    elapsedMs: 1000,
    fault: null,
  });
  const lines = stream.lines.map((line) => line.replace(/^\S+ s01 /, ''));
  expect(lines[0]).toBe('dry run: reads and maps all rows, and writes nothing');
  expect(lines[1]).toMatch(/^dry run: backfill messages: /);
  expect(lines.slice(2)).toEqual([`${words} after 1s: 3 rows, 2 items mapped, 0 units`]);
});
