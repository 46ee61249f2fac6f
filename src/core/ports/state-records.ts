/**
 * The records that the state keeps of a shard: plans, passes, chunks, bad rows, ambiguous writes. They are plain data,
 * and `state-ports.ts` has the ports that store and return them.
 */
import type { ComparisonTime } from '../evidence.js';
import type { BadRow, BinlogPosition, Counts, Cursor, Difference, Phase, Range, Renamed } from '../model.js';

/** The kinds of passes that exist today. The state itself takes any text as a kind. */
export type PassKind = 'backfill' | 'verify';

/** A plan says how a table of the shard is cut into ranges. It is made once: resumes and verifications follow it. */
export interface TablePlan {
  readonly table: string;
  /** Name of the unique key that the scan follows; null: the table is read whole. */
  readonly scanKey: string | null;
  /** The binlog position, recorded before the upper bound was read; null: it is not known. */
  readonly position: BinlogPosition | null;
  readonly ranges: readonly Range[];
  /** ms since the epoch by the wall clock */
  readonly plannedAt: number;
}

/** A pass is one walk over all segments: a backfill or a verification of a table, or a scan of the target. */
export interface Pass {
  readonly id: number;
  /** The caller's name for the kind of pass when it opened it; today one of `PassKind`. */
  readonly kind: string;
  readonly table: string;
  /** ms since the epoch by `StateClock.now`: the time of late writes is compared with it. */
  readonly startedAt: number;
  /** ms since the epoch by the wall clock, for people; null: the pass is not finished. */
  readonly finishedAt: number | null;
  /** verify: id of the backfill of its table that was finished when the pass started; null: no backfill was. */
  readonly sawBackfill: number | null;
  /**
   * verify: number of chunks that the newest backfill of its table had at that time; null: the number was not recorded.
   */
  readonly sawChunks: number | null;
}

/** A segment is what one pass walks: a range of the table's plan, or a numbered part of something without a plan. */
export interface SegmentProgress {
  /** Ordinal within the pass, from 0; for a range, the range's own index. */
  readonly index: number;
  /** The range of the plan; null: the pass does not follow a plan. */
  readonly range: Range | null;
  /** Every item up to this cursor is acknowledged (or compared); null: no chunk is committed yet. */
  readonly watermark: Cursor | null;
  readonly complete: boolean;
}

/** One done chunk. `sourceDigest` and `targetDigest` are sums of item digests mod 2^128, 32 hex digits. */
export interface ChunkRecord {
  /** Index of the segment that the chunk is in. */
  readonly segment: number;
  /** Cursor of the chunk's last row: the segment's watermark once the chunk is committed. */
  readonly last: Cursor;
  readonly rows: number;
  readonly items: number;
  readonly badRows: number;
  readonly expiredRows: number;
  /** Absent items that TTL may have deleted. */
  readonly expiredItems: number;
  readonly newerItems: number;
  /** backfill: write capacity units; verify: read capacity units. */
  readonly units: number;
  /** verify: without the expired items, so that equal sides have equal sums. */
  readonly sourceDigest: string;
  /** verify only; null in a backfill */
  readonly targetDigest: string | null;
  /** verify only; null in a backfill */
  readonly comparedAt: ComparisonTime | null;
  readonly missing: number;
  readonly differing: number;
  /** Rows that changed during each comparison. */
  readonly unresolved: number;
}

/** A bad row as the engine reports it. */
export interface BadRowRecord extends BadRow {
  readonly table: string;
  readonly cursor: Cursor;
  /** The row's scan key as `RowSource.describeKey` returns it. It holds row values. */
  readonly key: string;
  /** `last` of the row's chunk: the commit of that chunk finds the row by it. null: the row was read alone. */
  readonly chunk: Cursor | null;
  /**
   * Number of the row's items that the target took, although it refused other items of the row. No count of items
   * includes them. null: this run wrote nothing of the row, so the recorded number stays.
   */
  readonly itemsTaken: number | null;
}

/** A bad row as the state stores it. */
export interface RecordedBadRow extends BadRowRecord {
  readonly itemsTaken: number;
  /**
   * A number from 1, unique among the shard's bad rows while the row is recorded. It identifies the row without its
   * key.
   */
  readonly number: number;
  /** The committed chunk of a backfill that counted the row as bad; null: no chunk has counted it yet. */
  readonly chunkRef: ChunkRef | null;
  /** When the row was last found bad, in ms since the epoch by the wall clock. */
  readonly recordedAt: number;
}

/** A committed chunk by its place in the pass. */
export interface ChunkRef {
  /** Index of the segment, from 0. */
  readonly segment: number;
  /** Ordinal of the chunk within the segment, from 0. */
  readonly chunk: number;
}

/**
 * The result of a retry of bad rows. It counts only rows that a committed chunk counts as bad, since no chunk counts
 * what the retry did.
 */
export interface RetryRecord {
  /** Rows that became items. */
  readonly rows: number;
  readonly items: number;
  readonly expiredRows: number;
  /** Rows that the source no longer has. */
  readonly goneRows: number;
  /** Newer items of all retried rows, including rows that no chunk counts. The same holds for `units`. */
  readonly newerItems: number;
  /** Write capacity units. */
  readonly units: number;
  /** Sum of the items' digests, 32 hex digits. */
  readonly digest: string;
  /**
   * Settled rows that are recorded under another reading of their key: that record takes over the values that it lacks.
   */
  readonly renamed?: readonly Renamed[];
}

export interface DifferenceRecord extends Difference {
  readonly cursor: Cursor;
}

/** A key whose last write had an unknown result: the write may still land. */
export interface AmbiguousWrite {
  /** The item key as canonical DynamoDB JSON. It holds row values. */
  readonly itemKey: string;
  /** When the last ambiguous request was sent, in ms since the epoch by `StateClock.now`. */
  readonly since: number;
}

/** The last report of a running process about itself. `status` shows it; no resume depends on it. */
export interface Heartbeat {
  readonly pid: number;
  /** ms since the epoch by the wall clock */
  readonly at: number;
  readonly phase: Phase;
  readonly rowsPerSecond: number;
  readonly itemsPerSecond: number;
  /** Capacity units per second. */
  readonly unitsPerSecond: number;
}

/** All settings whose change would make a resume wrong, as plain JSON: mapping, table definitions, target. */
export type Fingerprint = Readonly<Record<string, unknown>>;

/** Returns the stored fingerprint in the form in which it is compared with the given one. */
export type TakeUp = (stored: Fingerprint, given: Fingerprint) => Fingerprint;

/** One place where two fingerprints differ; undefined: that side has no value there. */
export interface FingerprintChange {
  /** `tables.messages.items.message.attributes.rules.price.type` */
  readonly path: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** A table and one of its columns; null: the whole item. */
export interface TableColumn {
  readonly table: string;
  readonly column: string | null;
}

/** The totals of one pass. */
export interface PassSummary {
  readonly pass: Pass;
  readonly counts: Counts;
  readonly missing: number;
  readonly differing: number;
  readonly unresolved: number;
  /** Unresolved items that earlier counted as deleted by TTL. TTL changed during the pass, so they may be missing. */
  readonly doubtful: number;
  /** Segments that are complete. */
  readonly rangesComplete: number;
  /** All segments of the pass. */
  readonly ranges: number;
  /** verify: the oldest comparison that the pass rests on; null: it has no comparison. */
  readonly oldest: ComparisonTime | null;
  /** verify: the most recent comparison; null: it has no comparison. */
  readonly newest: ComparisonTime | null;
}
