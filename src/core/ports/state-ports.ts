/**
 * The seam to the durable memory of a shard: what is kept of plans, passes, chunks, bad rows and suspects, and by whom
 * it may be asked. The engine is written against this; `test/contract` holds every implementation to it.
 */
import type { Abandoned, Age, ComparisonTime, Standing } from '../evidence.js';
import type { Incident } from '../incidents.js';
import type { BadRow, BinlogPosition, Counts, Cursor, Difference, Phase, Range, Renamed } from '../model.js';

export type PassKind = 'backfill' | 'verify';

/** How a table of a shard is cut up, made once and kept: resumes and verifications follow it. */
export interface TablePlan {
  readonly table: string;
  /** Name of the unique key that is scanned; null: the table is read whole. */
  readonly scanKey: string | null;
  /** Recorded before the upper bound was read. */
  readonly position: BinlogPosition | null;
  readonly ranges: readonly Range[];
  /** ms since the epoch */
  readonly plannedAt: number;
}

/** One walk over a whole table: a backfill or a verification. */
export interface Pass {
  readonly id: number;
  readonly kind: PassKind;
  readonly table: string;
  /** ms since the epoch by the state's steady clock: late writes are judged by it. */
  readonly startedAt: number;
  /** ms since the epoch by the wall clock: people read it. */
  readonly finishedAt: number | null;
  /** verify: the backfill of its table that was finished when it began; null: none was, or this is a backfill. */
  readonly sawBackfill: number | null;
  /** verify: how many chunks the newest backfill of its table had by then; null: nobody noted it. */
  readonly sawChunks: number | null;
}

export interface RangeProgress {
  readonly range: Range;
  /** The last cursor up to which every item is acknowledged (or compared); null: nothing yet. */
  readonly watermark: Cursor | null;
  readonly complete: boolean;
}

/** One done chunk. `sourceDigest` and `targetDigest` are sums of item digests mod 2^128, 32 hex digits. */
export interface ChunkRecord {
  readonly range: number;
  readonly last: Cursor;
  readonly rows: number;
  readonly items: number;
  readonly badRows: number;
  readonly expiredRows: number;
  /** Not there, and TTL may have deleted them. */
  readonly expiredItems: number;
  readonly newerItems: number;
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

export interface BadRowRecord extends BadRow {
  readonly table: string;
  readonly cursor: Cursor;
  /** The row's scan key as `RowSource.describeKey` gives it. Holds row values. */
  readonly key: string;
  /** `last` of the chunk that it was read in: the two meet when that chunk is committed. null: of no chunk. */
  readonly chunk: Cursor | null;
  /**
   * Items of it that the target took although it refused others of it: no count of items has them. null: nothing of it
   * was written this time, so what was recorded of that stays.
   */
  readonly itemsTaken: number | null;
}

/** A bad row as the state has it. */
export interface RecordedBadRow extends BadRowRecord {
  readonly itemsTaken: number;
  /** Its own among the shard's bad rows for as long as it is recorded, from 1: names it without a value of its key. */
  readonly number: number;
  /** The committed chunk of a backfill that counted it as bad, ordinals from 0; null: none has, so far. */
  readonly place: { readonly range: number; readonly chunk: number } | null;
  /** ms since the epoch: last seen as bad. */
  readonly recordedAt: number;
}

/**
 * What a retry of bad rows came to: of those rows alone that a committed chunk counts as bad, since no chunk knows of
 * it.
 */
export interface RetryRecord {
  /** Rows that became items. */
  readonly rows: number;
  readonly items: number;
  readonly expiredRows: number;
  /** Rows that the source has no more. */
  readonly goneRows: number;
  /** These two of all rows, whoever counts them. */
  readonly newerItems: number;
  readonly units: number;
  /** Sum of the items' digests. */
  readonly digest: string;
  /**
   * Settled ones whose row is recorded under another reading of its key: that record takes over what it has not itself.
   */
  readonly renamed?: readonly Renamed[];
}

export interface DifferenceRecord extends Difference {
  readonly cursor: Cursor;
}

/** A key whose last write ended ambiguously. */
export interface Suspect {
  readonly keyText: string;
  /** ms since the epoch of the last ambiguous request */
  readonly since: number;
}

/** What a running process last said of itself; for `status`, never for a resume. */
export interface Heartbeat {
  readonly pid: number;
  readonly at: number;
  readonly phase: Phase;
  readonly rowsPerSecond: number;
  readonly itemsPerSecond: number;
  readonly unitsPerSecond: number;
}

/** Everything whose change would make a resume wrong, as plain JSON: mapping, table definitions, target. */
export type Fingerprint = Readonly<Record<string, unknown>>;

export type TakeUp = (stored: Fingerprint, given: Fingerprint) => Fingerprint;

/** One place where two fingerprints differ; undefined where that side has nothing. */
export interface FingerprintChange {
  /** `tables.messages.items.message.attributes.rules.price.type` */
  readonly path: string;
  readonly from: unknown;
  readonly to: unknown;
}

export interface PassSummary {
  readonly pass: Pass;
  readonly counts: Counts;
  readonly missing: number;
  readonly differing: number;
  readonly unresolved: number;
  /**
   * Of the unresolved: items that were taken for deleted by TTL; since TTL was changed meanwhile, nothing tells them
   * from missing ones.
   */
  readonly doubtful: number;
  readonly rangesComplete: number;
  readonly ranges: number;
  /** verify: the comparison that is longest ago, of all that it vouches for; null: there is none. */
  readonly oldest: ComparisonTime | null;
  /** verify: the comparison that is the least long ago; null: there is none. */
  readonly newest: ComparisonTime | null;
}

/** The durable memory of one shard, exclusive to one process. Every method returns only once its effect is on disk. */
export interface StateStore {
  readonly shard: string;
  /**
   * Stores the fingerprint the first time; afterwards @throws FerryError E_STATE_CHANGED naming each difference.
   * @param takenUp what was stored, as it is to be compared: with what of the given one needs no word; stored where all
   * is equal then
   */
  bind(fingerprint: Fingerprint, takenUp?: TakeUp): void;
  /**
   * Takes another fingerprint for what is moved from now on, where the two are equal in all that `mustStay` leaves of
   * them. What was accepted is kept, with the bad columns that it was accepted for; verifications that began before
   * prove nothing any more.
   * @param columns asked where the two are not equal
   * @returns the accepted changes, none where both are equal
   * @throws FerryError E_STATE_CHANGED naming each difference that is not accepted
   */
  rebind(
    fingerprint: Fingerprint,
    mustStay: (side: Fingerprint, other: Fingerprint) => Fingerprint,
    columns: () => readonly { readonly table: string; readonly column: string | null }[],
    takenUp?: TakeUp,
  ): readonly FingerprintChange[];
  /** All that `rebind` ever accepted, in order. */
  acceptedChanges(): readonly FingerprintChange[];
  /**
   * ms since the epoch by a clock that nobody sets: what `since`, `brokenOffAt` and `startedAt` are told by. What lies
   * between two of its times has passed for certain; it may be behind the wall clock, or ahead of it.
   */
  now(): number;
  /** As `now`, with the most that may have passed: what ages of comparisons are told by. */
  latest(): number;
  /**
   * Writes may still land, and since nobody knows how much of their window has passed, it began anew when the state was
   * opened.
   */
  readonly waitsAnew: boolean;
  /** The MySQL server that the shard was last read from, as `ShardSource.identity` tells it; null: none was noted. */
  server(): string | null;
  /**
   * @param another it is not the one that was noted before: verifications that began before prove nothing any more.
   * Unless given, where the two differ
   */
  setServer(server: string, another?: boolean): void;
  /** What `RowSource.identify` last told of the table; null: nothing was noted. Holds row values. */
  tableIdentity(table: string): string | null;
  /** @param voids verifications of the table that began before prove nothing any more */
  setTableIdentity(table: string, identity: string, voids: boolean): void;
  plan(table: string): TablePlan | null;
  savePlan(plan: TablePlan): void;
  /**
   * The unfinished pass of that kind, or a new one: also in the place of a verification that `abandoned` tells of.
   * @param maxAgeMs how long ago the newest comparison of a verification may be that is gone on with
   */
  openPass(kind: PassKind, table: string, maxAgeMs?: number): Pass;
  /**
   * What the next `openPass('verify', table, maxAgeMs)` will not go on with: a verification that a retry or the
   * backfill has overtaken, that began while writes of a broken-off run could still land, once they cannot any more, or
   * that was left alone for too long. null: the newest one is finished, or is gone on with.
   */
  abandoned(table: string, maxAgeMs: number): Abandoned | null;
  /** What the newest verification of the table is worth. */
  standing(table: string): Standing;
  age(time: ComparisonTime): Age;
  progress(pass: Pass): readonly RangeProgress[];
  /**
   * Marks chunks done and moves watermarks, in one transaction. Chunks of a range come in key order without gaps. Of a
   * pass's differences the first 1,000 are kept; the chunks' records count all of them.
   */
  commitChunks(pass: Pass, chunks: readonly ChunkRecord[], differences: readonly DifferenceRecord[]): void;
  /**
   * Notes by which attribute the target deletes items by itself now (null: none). Where that is another than was noted
   * for the pass before, its expired items count as unresolved, since they may be missing, and an unfinished pass is
   * not resumed.
   */
  noteTtl(pass: Pass, deletesBy: string | null): void;
  /**
   * The range was scanned to its end; all its chunks are committed.
   * @param since verify: when the scan began. Where it brought no row, that is what the verification says of this
   * range: none was there
   */
  completeRange(pass: Pass, range: number, since?: ComparisonTime): void;
  finishPass(pass: Pass): void;
  /**
   * The newest pass of that kind, finished or not; a backfill's counts have in them what retries made of its bad rows.
   */
  summary(kind: PassKind, table: string): PassSummary | null;
  /** Recording the same row again replaces what was said of it. */
  recordBadRows(rows: readonly BadRowRecord[]): void;
  /** These rows were read again and are bad no more. Rows that nothing is recorded of may be among them. */
  forgetBadRows(table: string, cursors: readonly Cursor[]): void;
  /**
   * In the order they were first found in. There may be millions of them: `part` takes some at a time.
   * @param part the first `limit` of those behind number `after`; all unless given
   */
  badRows(table: string, part?: { readonly after: number; readonly limit: number }): readonly RecordedBadRow[];
  countBadRows(table: string): number;
  /** Of rows with these cursors, what is recorded of them as bad. */
  badRowsAt(table: string, cursors: readonly Cursor[]): readonly RecordedBadRow[];
  /**
   * Ends a step of a retry, in one transaction: `settled` rows are bad no more, `stillBad` ones are recorded anew, and
   * what was moved is added to the newest backfill of the table. Verifications that began before have not seen it and
   * prove nothing any more.
   */
  settleRetry(table: string, settled: readonly Cursor[], stillBad: readonly BadRowRecord[], record: RetryRecord): void;
  differences(pass: Pass, limit: number): readonly DifferenceRecord[];
  addSuspects(suspects: readonly Suspect[]): void;
  closeSuspects(keyTexts: readonly string[]): void;
  suspects(): readonly Suspect[];
  /** Requests will be sent from now on. A process that ends before `endWrites` leaves a run that was broken off. */
  beginWrites(): void;
  /** Every request was heard out: answered, or its keys recorded as suspects. */
  endWrites(): void;
  /**
   * ms since the epoch when it was last found that a run had been broken off: what it had sent was sent before; null:
   * none was.
   */
  brokenOffAt(): number | null;
  beat(heartbeat: Heartbeat): void;
  /** Adds to what was counted of these kinds. */
  addIncidents(incidents: readonly Incident[]): void;
  /** What was ridden out since the shard was begun, by kind in the order of their names. */
  incidents(): readonly Incident[];
  close(): void;
}

/**
 * Which row owns which item key, kept only where the schema does not prove that keys are unique; and which shard has
 * which value of a sharding column. Shared by all shards.
 */
export interface KeyRegister {
  /**
   * Claims item keys for rows. Claiming again for the same row is fine, also where it failed because another process
   * had the register.
   * @throws FerryError E_STATE_LOCKED where another process keeps it for longer than a moment
   * @returns the claims that another row already holds: by index into `claims`, with the holder.
   */
  claim(
    owner: { readonly shard: string; readonly table: string },
    claims: readonly { readonly keyText: string; readonly cursor: Cursor }[],
  ): readonly { readonly index: number; readonly shard: string; readonly table: string; readonly cursor: Cursor }[];
  /**
   * Passes an item key on from one row of a table to another: from its cursor before its scan key was changed to that
   * of now, as a rule.
   * @returns false, with nothing passed on, where `from` does not hold it (any more)
   */
  transfer(
    owner: { readonly shard: string; readonly table: string },
    claim: { readonly keyText: string; readonly from: Cursor; readonly to: Cursor },
  ): boolean;
  /** Id of a process that keeps others from claiming now; null: there is none, or nobody can tell. */
  holder(): number | null;
  close(): void;
}
