/**
 * The ports to the durable memory of a shard, one for each concept that it keeps. The engine depends on these alone,
 * and `test/contract` has one suite for each.
 *
 * Every method is synchronous and returns only when its effect is on disk. `E_STATE_*` below stands for E_STATE_IO (the
 * disk is full or failed), E_STATE_CORRUPT (the file is damaged) and E_STATE_LOCKED (a foreign program keeps the file).
 * After `StateStore.close`, every method except `close` throws E_INTERNAL.
 */
import type { FerryError } from '../errors.js';
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
  /**
   * Returns E_STATE_GONE if the open files have left their places: nothing that is written is durable. null:
   * they are in place, or nobody can tell. Each write asks by itself. It throws nothing.
   */
  gone(): FerryError | null;
  /** Frees the shard. A second close does nothing. @throws FerryError E_STATE_* */
  close(): void;
}

/** The binding of a shard: the settings that it was started with, and the MySQL server that it is read from. */
export interface BindingStore {
  /**
   * Stores the fingerprint the first time, and compares it with the stored one afterwards.
   * @param takeUp returns the stored fingerprint with those changes that need no consent of the operator. If the result
   * equals the given fingerprint, the given one is stored
   * @throws FerryError E_STATE_CHANGED naming each difference; E_STATE_*
   */
  bind(fingerprint: Fingerprint, takeUp?: TakeUp): void;
  /**
   * Replaces the fingerprint for all rows moved from now on, if both are equal in everything that `mustStay` selects.
   * The state keeps the accepted changes, with the bad columns that justified them. Verifications that started before
   * no longer prove anything.
   * @param columns returns the columns with bad rows; called only when the two fingerprints differ
   * @returns the accepted changes; empty when both are equal
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
   * Returns the settings under which earlier states of the shard wrote, each once, after a restart; null:
   * unknown settings.
   * @throws FerryError E_STATE_*
   */
  formerSettings(): readonly (Fingerprint | null)[];
  /**
   * Returns the MySQL server that the shard was last read from, as `ShardSource.identity` gives it; null: no server is
   * recorded.
   * @throws FerryError E_STATE_*
   */
  server(): string | null;
  /**
   * Records the MySQL server that the shard is read from.
   * @param another the server is not the recorded one, so verifications that started before no longer prove anything;
   * by default, whether the two texts differ
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
   * Returns the identity that `RowSource.identify` last gave; null: the state has none. It holds row values.
   * @throws FerryError E_STATE_*
   */
  identity(table: string): string | null;
  /**
   * Records the identity that `RowSource.identify` gives.
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
  /**
   * Returns the same as `now`, but counts the longest time that may have passed. Ages of comparisons use it. @throws
   * FerryError E_STATE_*
   */
  latest(): number;
  /** Returns how long ago `time` was. @throws FerryError E_STATE_* */
  age(time: ComparisonTime): Age;
}

export interface OpenPass {
  /** verify, in ms: a verification whose newest comparison is older is not resumed. By default, any age is resumed. */
  readonly maxAgeMs?: number;
  /** The pass walks this many numbered segments; by default, it walks the ranges of the table's plan. */
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
   * @param kind any text; only `verify` and `backfill` have the meanings described here
   * @throws FerryError E_INTERNAL when there are no segments: the table has no plan, and `segments` is not given;
   * E_STATE_*
   */
  open(kind: string, table: string, options?: OpenPass): Pass;
  /**
   * Returns why the next `open('verify', table, { maxAgeMs })` does not resume the newest verification. There are three
   * reasons. A retry or the backfill came after its start. Or it started while writes of a crashed run could still
   * land, and they no longer can. Or its newest comparison is too old. null: the newest verification is finished, or is
   * resumed.
   * @throws FerryError E_STATE_*
   */
  abandoned(table: string, maxAgeMs: number): Abandoned | null;
  /** Returns what the newest verification of the table is worth. @throws FerryError E_STATE_* */
  standing(table: string): Standing;
  /** Returns the pass's segments, in the order of their indexes. @throws FerryError E_STATE_* */
  progress(pass: Pass): readonly SegmentProgress[];
  /**
   * Records the attribute by which TTL deletes items now (null: none). If it differs from the one recorded for the pass
   * before, the pass's expired items may be missing. Then they count as unresolved, and the unfinished pass is not
   * resumed.
   * @throws FerryError E_STATE_*
   */
  noteTtl(pass: Pass, deletesBy: string | null): void;
  /**
   * Finishes the pass.
   * @throws FerryError E_INTERNAL when a segment is incomplete, or the pass is finished already; E_STATE_*
   */
  finish(pass: Pass): void;
  /**
   * Returns the totals of the newest pass of that kind, finished or not; null: the state has no such pass. The counts
   * of a backfill include the bad rows that retries moved.
   * @throws FerryError E_STATE_*
   */
  summary(kind: string, table: string): PassSummary | null;
}

/** The checkpoint: which chunks of a pass are done. */
export interface CheckpointStore {
  /**
   * Marks chunks done and moves watermarks, in one transaction. The caller passes the chunks of a segment in order and
   * without gaps. The state keeps all differences of the table's newest verification.
   * @throws FerryError E_INTERNAL when the pass is finished or unknown, or a segment is complete or unknown: then
   * nothing is committed; E_STATE_*
   */
  commit(pass: Pass, chunks: readonly ChunkRecord[], differences: readonly DifferenceRecord[]): void;
  /**
   * Marks a segment complete: the pass walked it to its end, and all its chunks are committed.
   * @param since verify: when the walk started. For a segment without rows, that is the time of its comparison
   * @throws FerryError E_INTERNAL when the segment is already complete, or unknown; E_STATE_*
   */
  completeSegment(pass: Pass, segment: number, since?: ComparisonTime): void;
  /** Returns the first `limit` differences of the pass, in the order they were found. @throws FerryError E_STATE_* */
  differences(pass: Pass, limit: number): readonly DifferenceRecord[];
}

/** Rows that the mapping cannot represent, or whose items the target refuses. */
export interface BadRowStore {
  /** Records bad rows. A row that is recorded already gets the new reason. @throws FerryError E_STATE_* */
  record(rows: readonly BadRowRecord[]): void;
  /**
   * Removes rows that are no longer bad after a new read. It ignores cursors of rows that are not recorded.
   * @throws FerryError E_STATE_*
   */
  forget(table: string, cursors: readonly Cursor[]): void;
  /**
   * Returns bad rows of the table, in the order in which they were first found. There may be millions, so `part` reads
   * some at a time.
   * @param part the first `limit` rows whose number is above `after`; by default all
   * @throws FerryError E_STATE_*
   */
  list(table: string, part?: { readonly after: number; readonly limit: number }): readonly RecordedBadRow[];
  /** Returns the number of bad rows of the table. @throws FerryError E_STATE_* */
  count(table: string): number;
  /** Returns the bad rows that are recorded with these cursors. @throws FerryError E_STATE_* */
  at(table: string, cursors: readonly Cursor[]): readonly RecordedBadRow[];
}

/** The results of retries of bad rows. */
export interface RetryStore {
  /**
   * Ends a step of a retry, in one transaction. It removes the `settled` rows, records the `stillBad` ones again, and
   * adds `record` to the newest backfill of the table. Verifications that started before have not seen the moved rows,
   * so they no longer prove anything.
   * @throws FerryError E_STATE_*
   */
  settle(table: string, settled: readonly Cursor[], stillBad: readonly BadRowRecord[], record: RetryRecord): void;
}

/** Item keys whose last write had an unknown result. */
export interface AmbiguousWriteStore {
  /** Records keys. For a key that is already recorded, the later `since` counts. @throws FerryError E_STATE_* */
  add(writes: readonly AmbiguousWrite[]): void;
  /** Removes keys that a later write or read settled. It ignores unknown keys. @throws FerryError E_STATE_* */
  close(itemKeys: readonly string[]): void;
  /** Returns all of them, the oldest first. @throws FerryError E_STATE_* */
  all(): readonly AmbiguousWrite[];
}

/** Records whether the shard may have sent requests whose result nobody recorded. */
export interface LateWriteStore {
  /**
   * True while writes may still land although nobody knows how much of their window has passed. The window started
   * again when the state was opened. It throws nothing.
   */
  readonly waitsAgain: boolean;
  /**
   * Records that requests are sent from now on. A process that ends before `end` leaves a crashed run.
   * @throws FerryError E_STATE_*
   */
  begin(): void;
  /** Records that every request has a result: an answer, or an ambiguous write. @throws FerryError E_STATE_* */
  end(): void;
  /**
   * Returns when the state last found that a run had crashed between `begin` and `end`; null: no run did. It is in ms
   * since the epoch by `StateClock.now`. That run sent its requests before that time.
   * @throws FerryError E_STATE_*
   */
  crashedAt(): number | null;
}

/** The last report of the running process about itself. */
export interface HeartbeatStore {
  /** Replaces the last heartbeat. @throws FerryError E_STATE_* */
  beat(heartbeat: Heartbeat): void;
}

/** Incidents that a run recovered from. */
export interface IncidentStore {
  /** Adds to the counts of these kinds. @throws FerryError E_STATE_* */
  add(incidents: readonly Incident[]): void;
  /**
   * Returns the counts since the shard was started, in the order of their kinds' names. @throws FerryError E_STATE_*
   */
  all(): readonly Incident[];
}
