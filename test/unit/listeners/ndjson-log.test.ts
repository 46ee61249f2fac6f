import { expect, test } from 'vitest';
import { EventBus } from '../../../src/core/event-bus.js';
import { startNdjsonLog } from '../../../src/listeners/ndjson-log.js';
import { FakeStream, snapshot } from './fake-stream.js';

const time = '2026-01-02T03:04:05.678Z';
const run = 'a1b2c3d4e5f6';

function logOf(allEvents: boolean): readonly unknown[] {
  const bus = new EventBus(run, () => Date.parse(time));
  const stream = new FakeStream();
  const end = startNdjsonLog(bus, stream, { everyEvent: () => allEvents });
  bus.emit('shard.started', { shard: 's01', resumed: false, pid: 7 });
  bus.emit('chunk.read', { shard: 's01', table: 'messages', segment: 0, rows: 1, bytes: 2, elapsedMs: 3 });
  bus.emit('batch.sent', { shard: 's01', items: 1, units: 1 });
  bus.emit('shard.progress', { shard: 's01', ...snapshot() });
  bus.emit('shard.warning', { shard: 's01', code: 'E_STATE_SPACE', message: 'two\nlines', hint: 'h' });
  bus.emit('listener.failed', { failedAt: 'row.rejected', code: 'E_INTERNAL' });
  end();
  bus.emit('shard.started', { shard: 's02', resumed: false, pid: 8 });
  return stream.lines.map((line) => JSON.parse(line) as unknown);
}

test('the NDJSON log writes one object a line, without the events of single chunks and batches', () => {
  expect(logOf(false)).toEqual([
    { time, run, event: 'shard.started', shard: 's01', resumed: false, pid: 7 },
    { time, run, event: 'shard.progress', shard: 's01', ...snapshot() },
    { time, run, event: 'shard.warning', shard: 's01', code: 'E_STATE_SPACE', message: 'two\nlines', hint: 'h' },
    { time, run, event: 'listener.failed', failedAt: 'row.rejected', code: 'E_INTERNAL' },
  ]);
});

test('the NDJSON log writes the events of single chunks and batches too when asked to', () => {
  expect(logOf(true)).toHaveLength(6);
  expect(logOf(true)).toContainEqual({ time, run, event: 'batch.sent', shard: 's01', items: 1, units: 1 });
});

test('the NDJSON log writes no command to a terminal in a line, and keeps its meaning', () => {
  const bus = new EventBus();
  const stream = new FakeStream();
  startNdjsonLog(bus, stream, { everyEvent: () => false });
  const message = '\u009b2J\u202e';
  bus.emit('shard.warning', { shard: 's01', code: 'E_PREFLIGHT', message, hint: 'h' });
  expect(stream.lines[0]).not.toMatch(/[\p{Cc}\u202e]/u);
  expect(JSON.parse(stream.lines[0] ?? '')).toMatchObject({ message });
});
