/**
 * The state keeps these records of a shard: plans, passes, chunks, bad rows, ambiguous writes. They are plain data, and
 * `state-ports.ts` has the ports that store and return them.
 */
import type { ComparisonTime } from '../evidence.js';
import type { BadRow, BinlogPosition, Counts, Cursor, Difference, Phase, Range, Renamed } from '../model.js';

/** These kinds of passes exist today. The state itself takes any text as a kind. */
export type PassKind = 'backfill' | 'verify';

/** A plan says how a table of the shard is cut into ranges. It is made once: resumes and verifications follow it. */
export interface TablePlan {
  readonly table: string;
  /** Name of the unique key that is scanned; null: the table is read whole. */
  readonly scanKey: string | null;
  /** Recorded before the upper bound was read; null: it is not known. */
  readonly position: BinlogPosition | null;
  readonly ranges: readonly Range[];
  /** ms since the epoch by the wall clock */
  readonly plannedAt: number;
}

/** A pass is one walk over all segments: a backfill or a verification of a table, or a scan of the target. */
export interface Pass {
  readonly id: number;
  /** As the caller named it when it opened the pass; today one of `PassKind`. */
  readonly kind: string;
  readonly table: string;
  /** ms since the epoch by `StateClock.now`: the time of late writes is compared with it. */
  readonly startedAt: number;
  /** ms since the epoch by the wall clock, for people; null: the pass is not finished. */
  readonly finishedAt: number | null;
  /** verify: id of the backfill of its table that was finished when the pass started; null: none was. */
  readonly sawBackfill: number | null;
  /** verify: number of chunks that the newest backfill of its table had then; null: it was not noted. */
  readonly sawChunks: number | null;
}

/** A segment is what one pass walks: a range of the table's plan, or a numbered part of something without a plan. */
export interface SegmentProgress {
  /** Ordinal within the pass, from 0; of a range, the range's own index. */
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
  /** Not there, and TTL may have deleted them. */
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
  /** Rows that kept changing while they were compared. */
  readonly unresolved: number;
}

/** A bad row as the engine reports it. */
export interface BadRowRecord extends BadRow {
  readonly table: string;
  readonly cursor: Cursor;
  /** The row's scan key as `RowSource.describeKey` gives it. Holds row values. */
  readonly key: string;
  /** `last` of the chunk that the row was read in: the commit of that chunk finds it by this. null: of no chunk. */
  readonly chunk: Cursor | null;
  /**
   * Number of the row's items that the target took although it refused others of the row: no count of items has them.
   * null: nothing of the row was written this time, so the recorded number stays.
   */
  readonly itemsTaken: number | null;
}

/** A bad row as the state has it. */
export interface RecordedBadRow extends BadRowRecord {
  readonly itemsTaken: number;
  /** From 1, unique among the shard's bad rows for as long as it is recorded: it names the row without its key. */
  readonly number: number;
  /** The committed chunk of a backfill that counted the row as bad; null: no chunk did so far. */
  readonly chunkRef: ChunkRef | null;
  /** ms since the epoch by the wall clock: when it was last seen as bad. */
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
  /** Of all retried rows, also of those that no chunk counts; `units` too. */
  readonly newerItems: number;
  /** Write capacity units. */
  readonly units: number;
  /** Sum of the items' digests, 32 hex digits. */
  readonly digest: string;
  /** Settled rows that are recorded under another reading of their key: that record takes over what it lacks. */
  readonly renamed?: readonly Renamed[];
}

export interface DifferenceRecord extends Difference {
  readonly cursor: Cursor;
}

/** A key whose last write ended ambiguously: the write may still land. */
export interface AmbiguousWrite {
  /** The item key as canonical DynamoDB JSON. Holds row values. */
  readonly itemKey: string;
  /** ms since the epoch by `StateClock.now`: when the last ambiguous request was sent. */
  readonly since: number;
}

/** What a running process last reported about itself. `status` shows it; no resume depends on it. */
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

/** Everything whose change would make a resume wrong, as plain JSON: mapping, table definitions, target. */
export type Fingerprint = Readonly<Record<string, unknown>>;

/** Returns the stored fingerprint as it is to be compared with the given one. */
export type TakeUp = (stored: Fingerprint, given: Fingerprint) => Fingerprint;

/** One place where two fingerprints differ; undefined where that side has nothing. */
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
  /**
   * Of the unresolved: items that were taken for deleted by TTL. TTL was changed during the pass, so they may be
   * missing.
   */
  readonly doubtful: number;
  /** Segments that are complete. */
  readonly rangesComplete: number;
  /** All segments of the pass. */
  readonly ranges: number;
  /** verify: the comparison that is longest ago, of all that the pass vouches for; null: there is none. */
  readonly oldest: ComparisonTime | null;
  /** verify: the most recent comparison; null: there is none. */
  readonly newest: ComparisonTime | null;
}
