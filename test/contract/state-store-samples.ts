/** Sample plans and chunks as a run would make them, small enough to read. */
import type { Cursor, Range } from '../../src/core/model.js';
import type { StateStore } from '../../src/core/ports/state-ports.js';
import type {
  BadRowRecord,
  ChunkRecord,
  DifferenceRecord,
  Heartbeat,
  Pass,
  TablePlan,
} from '../../src/core/ports/state-records.js';

export const cursor = (text: string): Cursor => text as Cursor;

export function samplePlan(changes: Partial<TablePlan> = {}): TablePlan {
  return {
    table: 'messages',
    scanKey: 'PRIMARY',
    position: { file: 'binlog.000007', offset: 4_294_967_296, gtid: '3E11FA47-71CA-11E1-9E33-C80AA9429562:1-5' },
    ranges: sampleRanges(),
    plannedAt: 1_763_847_000_123,
    ...changes,
  };
}

export function sampleRanges(): readonly Range[] {
  return [
    { index: 0, after: null, upTo: cursor('["AC5","SM0"]'), estimatedRows: 100 },
    { index: 1, after: cursor('["AC5","SM0"]'), upTo: null, estimatedRows: 250 },
  ];
}

export function sampleChunk(changes: Partial<ChunkRecord> = {}): ChunkRecord {
  return {
    segment: 0,
    last: cursor('["AC1","SM1"]'),
    rows: 10,
    items: 20,
    badRows: 1,
    expiredRows: 2,
    expiredItems: 4,
    newerItems: 3,
    units: 20.5,
    sourceDigest: '000102030405060708090a0b0c0d0e0f',
    targetDigest: null,
    comparedAt: null,
    missing: 0,
    differing: 0,
    unresolved: 0,
    ...changes,
  };
}

/** Takes a pass over the sample plan to its end, one chunk a range. */
export function finishSamplePass(store: StateStore, pass: Pass, changes: Partial<ChunkRecord> = {}): void {
  for (const { index } of sampleRanges()) {
    store.checkpoints.commit(pass, [sampleChunk({ segment: index, ...changes })], []);
    store.checkpoints.completeSegment(pass, index);
  }
  store.passes.finish(pass);
}

export function sampleDifference(changes: Partial<DifferenceRecord> = {}): DifferenceRecord {
  return {
    class: 'differing',
    keyText: '{"pk":{"S":"AC1"},"sk":{"S":"1"}}',
    attributes: ['body', 'price'],
    cursor: cursor('["AC1","SM1"]'),
    ...changes,
  };
}

export function sampleBadRow(changes: Partial<BadRowRecord> = {}): BadRowRecord {
  return {
    table: 'messages',
    cursor: cursor('["AC1","SM1"]'),
    key: 'account=AC1, sid=SM1',
    chunk: cursor('["AC1","SM1"]'),
    cause: 'value',
    column: 'price',
    kind: 'decimal(65,5)',
    reason: 'more than 38 significant digits',
    remedy: 'give the column the type S',
    itemsTaken: 0,
    ...changes,
  };
}

export function sampleHeartbeat(changes: Partial<Heartbeat> = {}): Heartbeat {
  return {
    pid: 4711,
    at: 1_763_847_000_123,
    phase: 'backfilling',
    rowsPerSecond: 1234.5,
    itemsPerSecond: 2469,
    unitsPerSecond: 2469,
    ...changes,
  };
}
