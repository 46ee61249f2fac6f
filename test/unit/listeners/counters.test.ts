import { expect, test } from 'vitest';
import { EventBus } from '../../../src/core/events.js';
import { startCounters } from '../../../src/listeners/counters.js';

test('counts shard by shard', () => {
  let now = 0;
  const bus = new EventBus();
  const counters = startCounters(bus, () => now);
  const of = { shard: 's01', table: 'messages', range: 0 };

  bus.emit('chunk.read', { ...of, rows: 100, bytes: 5000, elapsedMs: 9 });
  bus.emit('batch.sent', { shard: 's01', items: 25, units: 30 });
  bus.emit('batch.acknowledged', { shard: 's01', items: 20, unprocessed: 5, units: 24, elapsedMs: 8 });
  bus.emit('batch.acknowledged', { shard: 's01', items: 5, unprocessed: 0, units: 6, elapsedMs: 8 });
  bus.emit('chunk.done', { ...of, rows: 100, items: 25 });
  bus.emit('watermark.advanced', { ...of, chunks: 3, rows: 300 });
  const retry = { shard: 's01', operation: 'BatchWriteItem', attempt: 1, delayMs: 50 };
  bus.emit('request.retried', { ...retry, reason: 'timeout', ambiguous: true });
  bus.emit('request.retried', { ...retry, reason: 'throttled', ambiguous: false });
  bus.emit('request.retried', { ...retry, reason: 'throttled', ambiguous: false });
  bus.emit('target.throttled', { shard: 's01', items: 5, reasons: ['TableWriteKeyRangeThroughputExceeded'] });
  bus.emit('target.throttled', { shard: 's01', items: 5, reasons: [] });
  bus.emit('source.paused', { shard: 's01', reason: 'replica r1 lags' });
  bus.emit('source.resumed', { shard: 's01', pausedMs: 1500 });
  bus.emit('source.retried', { shard: 's01', reason: 'connection lost', attempt: 1, delayMs: 100 });
  bus.emit('row.bad', { shard: 's01', table: 'messages', column: 'price', reason: 'too many digits' });
  bus.emit('difference.found', { shard: 's01', table: 'messages', class: 'missing', attributes: [] });
  bus.emit('chunk.read', { ...of, shard: 's02', rows: 7, bytes: 70, elapsedMs: 9 });
  now = 5000;

  const snapshot = counters.snapshot();
  expect(snapshot['s01']).toEqual({
    chunksRead: 1,
    rowsRead: 100,
    bytesRead: 5000,
    chunksDone: 1,
    chunksDurable: 3,
    batchesSent: 1,
    batchesAcknowledged: 2,
    itemsAcknowledged: 25,
    itemsUnprocessed: 5,
    units: 30,
    retries: { timeout: 1, throttled: 2 },
    ambiguous: 1,
    sourceRetries: 1,
    throttles: 2,
    throttleReasons: { TableWriteKeyRangeThroughputExceeded: 1, unnamed: 1 },
    pauses: 1,
    pausedMs: 1500,
    badRows: 1,
    differences: 1,
    warnings: 0,
    rowsPerSecond: 20,
    itemsPerSecond: 5,
    unitsPerSecond: 6,
  });
  expect(snapshot['s02']?.rowsRead).toBe(7);

  bus.emit('batch.sent', { shard: 's01', items: 1, units: 1 });
  expect(snapshot['s01']?.batchesSent).toBe(1);
  expect(counters.snapshot()['s01']?.batchesSent).toBe(2);
  counters.close();
  bus.emit('batch.sent', { shard: 's01', items: 1, units: 1 });
  expect(counters.snapshot()['s01']?.batchesSent).toBe(2);
  expect(structuredClone(snapshot)).toEqual(snapshot);
});
