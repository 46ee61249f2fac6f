/**
 * The ports to the durable memory of a shard, one for each concept that it keeps. The engine depends on these alone,
 * and `test/contract` has one suite for each.
 *
 * Every method is synchronous and returns only when its effect is on disk. `E_STATE_*` below stands for E_STATE_IO (the
 * disk is full or failed), E_STATE_CORRUPT (the file is damaged) and E_STATE_LOCKED (a foreign program keeps the file).
 * After `StateStore.close`, every method throws E_INTERNAL.
 */
import type { Abandoned, Age, ComparisonTime, Standing } from '../evidence.js';
import type { Incident } from '../incidents.js';
import type { Cursor } from '../model.js';
import type {
  AmbiguousWrite,
  BadRowRecord,
  ChunkRecord,
  DifferenceRecord,
  Fingerprint,
  FingerprintChange,
  Heartbeat,
  Pass,
  PassSummary,
  RecordedBadRow,
  RetryRecord,
  SegmentProgress,
  TableColumn,
  TablePlan,
  TakeUp,
} from './state-records.js';

/** The durable memory of one shard. One process works on it at a time. */
export interface StateStore {
  readonly shard: string;
  readonly binding: BindingStore;
  readonly plans: PlanStore;
  readonly clock: StateClock;
  readonly passes: PassStore;
  readonly checkpoints: CheckpointStore;
  readonly badRows: BadRowStore;
  readonly retries: RetryStore;
  readonly ambiguousWrites: AmbiguousWriteStore;
  readonly lateWrites: LateWriteStore;
  readonly heartbeat: HeartbeatStore;
  readonly incidents: IncidentStore;
  /** Frees the shard. Closing twice is fine. @throws FerryError E_STATE_* */
  close(): void;
}

/** What the shard was started with: its settings, and the MySQL server that it is read from. */
export interface BindingStore {
  /**
   * Stores the fingerprint the first time, and compares it with the stored one afterwards.
   * @param takeUp returns the stored fingerprint with the changes that need no word of the operator; the given one is
   * stored when the two are equal then
   * @throws FerryError E_STATE_CHANGED naming each difference; E_STATE_*
   */
  bind(fingerprint: Fingerprint, takeUp?: TakeUp): void;
  /**
   * Replaces the fingerprint for what is moved from now on, when both are equal in all that `mustStay` leaves of them.
   * The accepted changes are kept, with the bad columns that they were accepted for. Verifications that started before
   * no longer prove anything.
   * @param columns called only when the two are not equal
   * @returns the accepted changes, none when both are equal
   * @throws FerryError E_STATE_CHANGED naming each difference that is not accepted; E_STATE_*
   */
  rebind(
    fingerprint: Fingerprint,
    mustStay: (side: Fingerprint, other: Fingerprint) => Fingerprint,
    columns: () => readonly TableColumn[],
    takeUp?: TakeUp,
  ): readonly FingerprintChange[];
  /** Returns all changes that `rebind` ever accepted, in order. @throws FerryError E_STATE_* */
  acceptedChanges(): readonly FingerprintChange[];
  /**
   * Returns the MySQL server that the shard was last read from, as `ShardSource.identity` gives it; null: none was
   * noted.
   * @throws FerryError E_STATE_*
   */
  server(): string | null;
  /**
   * Notes the MySQL server that the shard is read from.
   * @param another the server is not the noted one, so verifications that started before no longer prove anything; by
   * default, whether the two texts differ
   * @throws FerryError E_STATE_*
   */
  setServer(server: string, another?: boolean): void;
}

/** How each table of the shard is cut into ranges, and which source table that was. */
export interface PlanStore {
  /** Returns the plan of the table; null: it has none yet. @throws FerryError E_STATE_* */
  get(table: string): TablePlan | null;
  /** Stores the plan of a table. @throws FerryError E_INTERNAL when the table has one; E_STATE_* */
  save(plan: TablePlan): void;
  /**
   * Returns what `RowSource.identify` last said of the table; null: nothing was noted. Holds row values.
   * @throws FerryError E_STATE_*
   */
  identity(table: string): string | null;
  /**
   * Notes what `RowSource.identify` says of the table.
   * @param voids verifications of the table that started before no longer prove anything
   * @throws FerryError E_STATE_*
   */
  setIdentity(table: string, identity: string, voids: boolean): void;
}

/** The time of the state: a clock that nobody sets, and the ages that follow from it. */
export interface StateClock {
  /**
   * Returns ms since the epoch. `AmbiguousWrite.since`, `crashedAt` and `startedAt` are times of this clock. The time
   * between two of its readings has passed for certain. It may be behind the wall clock, or ahead of it.
   * @throws FerryError E_STATE_*
   */
  now(): number;
  /** As `now`, with the longest time that may have passed. Ages of comparisons use it. @throws FerryError E_STATE_* */
  latest(): number;
  /** Returns how long ago `time` was. @throws FerryError E_STATE_* */
  age(time: ComparisonTime): Age;
}

export interface OpenPass {
  /** verify, in ms: a verification whose newest comparison is longer ago is not resumed. Unless given, any is. */
  readonly maxAgeMs?: number;
  /** The pass walks this many numbered segments; unless given, the ranges of the table's plan. */
  readonly segments?: number;
}

/**
 * The passes of the shard. A pass starts with `open`, and each further `open` resumes it until `finish`. A backfill is
 * always resumed. `abandoned` says when a verification is not.
 */
export interface PassStore {
  /**
   * Returns the unfinished pass of that kind, or a new one. A verification that `abandoned` names is replaced by a new
   * one. A resumed pass keeps the segments that it was opened with.
   * @param kind any text; the meaning of `verify` and `backfill` is described here
   * @throws FerryError E_INTERNAL when there are no segments: no plan, and no number of them; E_STATE_*
   */
  open(kind: string, table: string, options?: OpenPass): Pass;
  /**
   * Says why the next `open('verify', table, { maxAgeMs })` does not resume the newest verification: a retry or the
   * backfill came after its start; it started while writes of a crashed run could still land, which they no longer can;
   * or its newest comparison is too long ago. null: the newest verification is finished, or is resumed.
   * @throws FerryError E_STATE_*
   */
  abandoned(table: string, maxAgeMs: number): Abandoned | null;
  /** Returns what the newest verification of the table is worth. @throws FerryError E_STATE_* */
  standing(table: string): Standing;
  /** Returns the pass's segments, in the order of their indexes. @throws FerryError E_STATE_* */
  progress(pass: Pass): readonly SegmentProgress[];
  /**
   * Notes the attribute by which the target deletes items by itself now (null: none). When it differs from the one that
   * was noted for the pass before, the pass's expired items may be missing: they count as unresolved, and the
   * unfinished pass is not resumed.
   * @throws FerryError E_STATE_*
   */
  noteTtl(pass: Pass, deletesBy: string | null): void;
  /**
   * Finishes the pass.
   * @throws FerryError E_INTERNAL when a segment is incomplete, or the pass is finished already; E_STATE_*
   */
  finish(pass: Pass): void;
  /**
   * Returns the totals of the newest pass of that kind, finished or not; null: there is none. The counts of a backfill
   * include what retries moved of its bad rows.
   * @throws FerryError E_STATE_*
   */
  summary(kind: string, table: string): PassSummary | null;
}

/** The checkpoint: which chunks of a pass are done. */
export interface CheckpointStore {
  /**
   * Marks chunks done and moves watermarks, in one transaction. The caller hands over the chunks of a segment in order
   * and without gaps. Of a pass's differences the first 1,000 are kept; the chunks' records count all of them.
   * @throws FerryError E_INTERNAL when the pass is finished or not known, or a segment is complete or not known: then
   * nothing is committed; E_STATE_*
   */
  commit(pass: Pass, chunks: readonly ChunkRecord[], differences: readonly DifferenceRecord[]): void;
  /**
   * Marks a segment complete: it was walked to its end, and all its chunks are committed.
   * @param since verify: when the walk started. For a segment without rows, that is the time of its comparison
   * @throws FerryError E_INTERNAL when the segment is complete already, or not known; E_STATE_*
   */
  completeSegment(pass: Pass, segment: number, since?: ComparisonTime): void;
  /** Returns the first `limit` differences of the pass, in the order they were found. @throws FerryError E_STATE_* */
  differences(pass: Pass, limit: number): readonly DifferenceRecord[];
}

/** Rows that cannot be represented as asked. */
export interface BadRowStore {
  /** Records bad rows. A row that is recorded already gets the new reason. @throws FerryError E_STATE_* */
  record(rows: readonly BadRowRecord[]): void;
  /**
   * Removes rows that were read again and are no longer bad. Cursors of rows that are not recorded are ignored.
   * @throws FerryError E_STATE_*
   */
  forget(table: string, cursors: readonly Cursor[]): void;
  /**
   * Returns bad rows of the table, in the order they were first found. There may be millions, so `part` takes some at a
   * time.
   * @param part the first `limit` rows whose number is above `after`; by default all
   * @throws FerryError E_STATE_*
   */
  list(table: string, part?: { readonly after: number; readonly limit: number }): readonly RecordedBadRow[];
  /** Returns the number of bad rows of the table. @throws FerryError E_STATE_* */
  count(table: string): number;
  /** Returns the bad rows that are recorded with these cursors. @throws FerryError E_STATE_* */
  at(table: string, cursors: readonly Cursor[]): readonly RecordedBadRow[];
}

/** What retries did with bad rows. */
export interface RetryStore {
  /**
   * Ends a step of a retry, in one transaction: it removes the `settled` rows, records the `stillBad` ones again, and
   * adds `record` to the newest backfill of the table. Verifications that started before have not seen what was moved,
   * so they no longer prove anything.
   * @throws FerryError E_STATE_*
   */
  settle(table: string, settled: readonly Cursor[], stillBad: readonly BadRowRecord[], record: RetryRecord): void;
}

/** Item keys whose last write ended ambiguously. */
export interface AmbiguousWriteStore {
  /** Records keys. Of a key that is recorded already, the later `since` counts. @throws FerryError E_STATE_* */
  add(writes: readonly AmbiguousWrite[]): void;
  /** Removes keys that a later write or read settled. Unknown keys are ignored. @throws FerryError E_STATE_* */
  close(itemKeys: readonly string[]): void;
  /** Returns all of them, the oldest first. @throws FerryError E_STATE_* */
  all(): readonly AmbiguousWrite[];
}

/** Whether requests may have been sent that nobody recorded the outcome of. */
export interface LateWriteStore {
  /**
   * Whether writes may still land although nobody knows how much of their window has passed: the window started again
   * when the state was opened.
   */
  readonly waitsAgain: boolean;
  /**
   * Notes that requests are sent from now on. A process that ends before `end` leaves a crashed run.
   * @throws FerryError E_STATE_*
   */
  begin(): void;
  /** Notes that every request has an outcome: an answer, or an ambiguous write. @throws FerryError E_STATE_* */
  end(): void;
  /**
   * Returns when the state last found that a run had crashed between `begin` and `end`, in ms since the epoch by
   * `StateClock.now`; null: no run did. That run sent its requests before then.
   * @throws FerryError E_STATE_*
   */
  crashedAt(): number | null;
}

/** What the running process last reported about itself. */
export interface HeartbeatStore {
  /** Replaces the last heartbeat. @throws FerryError E_STATE_* */
  beat(heartbeat: Heartbeat): void;
}

/** Faults that a run survived. */
export interface IncidentStore {
  /** Adds to the counts of these kinds. @throws FerryError E_STATE_* */
  add(incidents: readonly Incident[]): void;
  /** Returns all since the shard was started, in the order of their kinds' names. @throws FerryError E_STATE_* */
  all(): readonly Incident[];
}
