/** A reader that stands still costs no memory, and hears what the end cannot be understood without. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { EventBus } from '../../../src/core/event-bus.js';
import { NO_COUNTS } from '../../../src/core/model.js';
import { MOST_WAITING } from '../../../src/listeners/left-out.js';
import { startNdjsonLog } from '../../../src/listeners/ndjson-log.js';
import { startPlainLines } from '../../../src/listeners/plain-lines.js';
import { startProgressBars } from '../../../src/listeners/progress-bars.js';
import { snapshot, StandingStream } from './fake-stream.js';

const SHARDS = ['s01', 's02'];
const FRAMES = 20_000;

/** Weeks of a run, or a moment of one that tells all. */
function much(bus: EventBus): void {
  for (let frame = 0; frame < FRAMES; frame++) {
    for (const shard of SHARDS) {
      bus.emit('shard.progress', { shard, ...snapshot() });
      bus.emit('row.rejected', { shard, table: 'messages', column: 'a', reason: `reason ${frame}`, rows: 1 });
      // Which has a line of its own each time.
      bus.emit('source.resumed', { shard, pausedMs: frame });
    }
  }
}

function begin(bus: EventBus): void {
  for (const shard of SHARDS) bus.emit('shard.started', { shard, resumed: false, pid: 1 });
}

function finish(bus: EventBus): void {
  bus.emit('shard.warning', { shard: 's02', code: 'E_STATE_SPACE', message: 'the disk is nearly full', hint: 'h' });
  for (const shard of SHARDS)
    bus.emit('shard.finished', {
      shard,
      status: 'done',
      toldBy: 'process',
      counts: NO_COUNTS,
      elapsedMs: 1,
      fault: null,
    });
}

/** The backlog before anything is left out, and what is told all the same. */
const BOUND = MOST_WAITING + 16_384;

test('the log for programs counts what it left out for a reader that stood still', async () => {
  const bus = new EventBus();
  const stream = new StandingStream();
  const end = startNdjsonLog(bus, stream, { everyEvent: () => true });
  begin(bus);
  much(bus);
  finish(bus);
  end();
  expect(stream.writableLength).toBeLessThan(BOUND);
  stream.go();
  await expect.poll(() => stream.writableLength).toBe(0);
  const events = stream.lines.map((line) => JSON.parse(line) as { event: string; shard: string; events: number });
  const of = (name: string, shard: string) => events.filter((each) => each.event === name && each.shard === shard);
  for (const shard of SHARDS) {
    const told = of('row.rejected', shard).length + of('source.resumed', shard).length;
    expect(told + (of('events.dropped', shard)[0]?.events ?? 0)).toBe(2 * FRAMES);
    expect(of('shard.finished', shard)).toHaveLength(1);
  }
  expect(of('shard.warning', 's02')).toHaveLength(1);
});

test('the log for programs leaves nothing out for a reader that comes back in time', async () => {
  const bus = new EventBus();
  const stream = new StandingStream();
  const end = startNdjsonLog(bus, stream, { everyEvent: () => true });
  for (let event = 0; event < 500; event++)
    bus.emit('row.rejected', { shard: 's01', table: 'messages', column: null, reason: 'r', rows: 1 });
  stream.go();
  end();
  await expect.poll(() => stream.writableLength).toBe(0);
  expect(stream.lines).toHaveLength(500);
});

test('the log for programs reports a failed display to a reader that comes back, as no shard could count it', async () => {
  const bus = new EventBus();
  const stream = new StandingStream();
  startNdjsonLog(bus, stream, { everyEvent: () => false });
  much(bus);
  bus.emit('listener.failed', { failedAt: 'row.rejected', code: 'E_INTERNAL' });
  stream.go();
  await expect.poll(() => stream.writableLength).toBe(0);
  expect(stream.text).toContain('listener.failed');
});

test('the log for programs tells a reader that reads again how much it has missed, and the rest', async () => {
  const bus = new EventBus();
  const stream = new StandingStream();
  startNdjsonLog(bus, stream, { everyEvent: () => false });
  much(bus);
  stream.go();
  await expect.poll(() => stream.writableLength).toBe(0);
  const before = stream.lines.length;
  bus.emit('row.rejected', { shard: 's01', table: 'messages', column: null, reason: 'r', rows: 1 });
  const after = stream.lines.slice(before).map((line) => (JSON.parse(line) as { event: string }).event);
  expect(after).toEqual(['events.dropped', 'events.dropped', 'row.rejected']);
});

test('plain lines leave out what a reader that stands still cannot take, except warnings and the ends of shards', async () => {
  const bus = new EventBus();
  const stream = new StandingStream();
  let at = 0;
  // An hour between two events, so that each would have a line.
  const end = startPlainLines(bus, stream, { elapsed: () => (at += 3_600_000) });
  begin(bus);
  much(bus);
  finish(bus);
  end();
  expect(stream.writableLength).toBeLessThan(BOUND);
  stream.go();
  await expect.poll(() => stream.writableLength).toBe(0);
  expect(stream.text).toContain('the disk is nearly full');
  expect(stream.text.match(/s0[12] done/g)).toHaveLength(2);
});

test('progress bars draw nothing before the reader has taken the last drawing, and report the end', async () => {
  const bus = new EventBus();
  const stream = new StandingStream({ isTTY: true });
  const close = startProgressBars(bus, stream);
  begin(bus);
  await sleep(300);
  const waiting = stream.writableLength;
  bus.emit('shard.progress', { shard: 's01', ...snapshot() });
  await sleep(900);
  expect(stream.writableLength).toBe(waiting);
  much(bus);
  finish(bus);
  close();
  // With what moves the cursor for each line.
  expect(stream.writableLength).toBeLessThan(1.25 * MOST_WAITING);
  stream.go();
  await expect.poll(() => stream.writableLength).toBe(0);
  expect(stream.text).toContain('the disk is nearly full');
});
