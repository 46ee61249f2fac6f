/**
 * What a process did since it began, shard by shard, as plain numbers: for heartbeats, `status`, and metrics to come.
 * Memory grows with shards and reasons, never with rows.
 */
import type { EventBus } from '../core/events.js';
import { type Clock, monotonic, RateWindow } from './rates.js';

export interface ShardCounters {
  readonly chunksRead: number;
  readonly rowsRead: number;
  readonly bytesRead: number;
  readonly chunksDone: number;
  /** Chunks whose watermark is durable. */
  readonly chunksDurable: number;
  readonly batchesSent: number;
  readonly batchesAcknowledged: number;
  readonly itemsAcknowledged: number;
  readonly itemsUnprocessed: number;
  /** Capacity units of what was acknowledged. */
  readonly units: number;
  /** Requests tried again, by reason. */
  readonly retries: Readonly<Record<string, number>>;
  /** Of those, requests that may have been applied. */
  readonly ambiguous: number;
  readonly sourceRetries: number;
  /** Times that the service throttled, and by the reasons it named (`unnamed` where it named none). */
  readonly throttles: number;
  readonly throttleReasons: Readonly<Record<string, number>>;
  readonly pauses: number;
  readonly pausedMs: number;
  readonly badRows: number;
  readonly differences: number;
  readonly warnings: number;
  /** Over the last ten seconds. */
  readonly rowsPerSecond: number;
  readonly itemsPerSecond: number;
  readonly unitsPerSecond: number;
}

export interface Counters {
  /** By shard; a copy that does not change. */
  snapshot(): Readonly<Record<string, ShardCounters>>;
  close(): void;
}

type Numbers = { -readonly [K in keyof ShardCounters as ShardCounters[K] extends number ? K : never]: number };

interface Tally {
  readonly numbers: Omit<Numbers, `${string}PerSecond`>;
  readonly retries: Map<string, number>;
  readonly throttleReasons: Map<string, number>;
  readonly rows: RateWindow;
  readonly items: RateWindow;
  readonly units: RateWindow;
}

export function startCounters(bus: EventBus, clock: Clock = monotonic): Counters {
  const tallies = new Map<string, Tally>();
  const of = (shard: string): Tally => {
    const tally = tallies.get(shard) ?? newTally(clock);
    tallies.set(shard, tally);
    return tally;
  };
  const ends = [
    bus.on('chunk.read', ({ shard, rows, bytes }) => {
      const { numbers } = of(shard);
      numbers.chunksRead += 1;
      numbers.rowsRead += rows;
      numbers.bytesRead += bytes;
    }),
    bus.on('chunk.done', ({ shard, rows }) => {
      const tally = of(shard);
      tally.numbers.chunksDone += 1;
      tally.rows.add(rows);
    }),
    bus.on('watermark.advanced', ({ shard, chunks }) => {
      of(shard).numbers.chunksDurable += chunks;
    }),
    bus.on('batch.sent', ({ shard }) => {
      of(shard).numbers.batchesSent += 1;
    }),
    bus.on('batch.acknowledged', ({ shard, items, unprocessed, units }) => {
      const { numbers, ...rates } = of(shard);
      numbers.batchesAcknowledged += 1;
      numbers.itemsAcknowledged += items;
      numbers.itemsUnprocessed += unprocessed;
      numbers.units += units;
      rates.items.add(items);
      rates.units.add(units);
    }),
    bus.on('request.retried', ({ shard, reason, ambiguous }) => {
      const { numbers, retries } = of(shard);
      increment(retries, reason);
      if (ambiguous) numbers.ambiguous += 1;
    }),
    bus.on('source.retried', ({ shard }) => {
      of(shard).numbers.sourceRetries += 1;
    }),
    bus.on('target.throttled', ({ shard, reasons }) => {
      const { numbers, throttleReasons } = of(shard);
      numbers.throttles += 1;
      for (const reason of reasons.length > 0 ? reasons : ['unnamed']) increment(throttleReasons, reason);
    }),
    bus.on('source.paused', ({ shard }) => {
      of(shard).numbers.pauses += 1;
    }),
    bus.on('source.resumed', ({ shard, pausedMs }) => {
      of(shard).numbers.pausedMs += pausedMs;
    }),
    bus.on('row.bad', ({ shard }) => {
      of(shard).numbers.badRows += 1;
    }),
    bus.on('difference.found', ({ shard }) => {
      of(shard).numbers.differences += 1;
    }),
    bus.on('shard.warning', ({ shard }) => {
      of(shard).numbers.warnings += 1;
    }),
  ];
  return {
    snapshot: () => Object.fromEntries([...tallies].map(([shard, tally]) => [shard, frozenCopy(tally)])),
    close() {
      for (const end of ends) end();
    },
  };
}

function newTally(clock: Clock): Tally {
  return {
    numbers: {
      chunksRead: 0,
      rowsRead: 0,
      bytesRead: 0,
      chunksDone: 0,
      chunksDurable: 0,
      batchesSent: 0,
      batchesAcknowledged: 0,
      itemsAcknowledged: 0,
      itemsUnprocessed: 0,
      units: 0,
      ambiguous: 0,
      sourceRetries: 0,
      throttles: 0,
      pauses: 0,
      pausedMs: 0,
      badRows: 0,
      differences: 0,
      warnings: 0,
    },
    retries: new Map(),
    throttleReasons: new Map(),
    rows: new RateWindow(10_000, clock),
    items: new RateWindow(10_000, clock),
    units: new RateWindow(10_000, clock),
  };
}

function frozenCopy({ numbers, retries, throttleReasons, rows, items, units }: Tally): ShardCounters {
  return Object.freeze({
    ...numbers,
    retries: Object.freeze(Object.fromEntries(retries)),
    throttleReasons: Object.freeze(Object.fromEntries(throttleReasons)),
    rowsPerSecond: rows.perSecond(),
    itemsPerSecond: items.perSecond(),
    unitsPerSecond: units.perSecond(),
  });
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
