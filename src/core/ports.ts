/**
 * The seams of the house. The engine is written against these alone; each has one contract test suite in
 * `test/contract` that every implementation passes. Whatever waits takes an AbortSignal and rejects with E_INTERRUPTED.
 */
import type { Moment } from './age.js';
import type { Incident } from './incidents.js';
import type {
  BadRow,
  BinlogPosition,
  Counts,
  Cursor,
  Difference,
  MappedItem,
  Phase,
  Range,
  Row,
  TableInfo,
  UniqueKey,
} from './model.js';
import type { RowChunk } from './row-block.js';

// ---------------------------------------------------------------------------------------------------- source

/** What a scan of one table needs to know; `columns` in the order that rows are wanted in. */
export interface TableScan {
  readonly table: TableInfo;
  readonly key: UniqueKey;
  readonly columns: readonly string[];
  /** The operator's own SQL condition, or null. */
  readonly where: string | null;
}

/** A table without a usable key: all of it is one chunk. */
export interface WholeTableScan extends Omit<TableScan, 'key'> {
  /** More is refused, with E_TABLE_TOO_LARGE. */
  readonly maxRows: number;
  readonly maxBytes: number;
}

/** One shard's MySQL server. Read-only, UTC, utf8mb4; takes no lock that outlives a statement. */
export interface ShardSource {
  /** @throws FerryError E_TABLE_MISSING */
  describe(table: string, signal: AbortSignal): Promise<TableInfo>;
  /** null where the server writes no binary log, or the user may not ask (REPLICATION CLIENT). */
  position(signal: AbortSignal): Promise<BinlogPosition | null>;
  /** Tells the server from every other, whatever name leads to it. */
  identity(signal: AbortSignal): Promise<string>;
  /** Whether the server has executed all that another one had at that position; null where nothing proves it. */
  hasReached(position: BinlogPosition, signal: AbortSignal): Promise<boolean | null>;
  open(scan: TableScan): RowSource;
  /** Rows are known by their content; they come in no order, in one chunk, and cannot be found by key. */
  openWhole(scan: WholeTableScan): RowSource;
  close(): Promise<void>;
}

/** The rows of one table of one shard. Keys are compared by MySQL, never here. */
export interface RowSource {
  /** Cuts the table into at most `count` ranges of about equal size, by sampling the index. */
  planRanges(count: number, signal: AbortSignal): Promise<readonly Range[]>;
  /**
   * The range's rows in key order, behind `after` (or from the range's start where that is null). A chunk is never empty.
   * Reading waits while the consumer does not ask for the next chunk.
   */
  scan(range: Range, after: Cursor | null, signal: AbortSignal): AsyncIterable<RowChunk>;
  /** Up to `count` rows spread over the key space. */
  sample(count: number, signal: AbortSignal): Promise<readonly Row[]>;
  /** Rows whose scan key has these values as text, parts in key order; absent ones are left out. */
  find(keys: readonly (readonly string[])[], signal: AbortSignal): Promise<readonly Row[]>;
  /** The same rows read once more, by scan key, in the given order; null for one that is gone. */
  refetch(rows: readonly Row[], signal: AbortSignal): Promise<readonly (Row | null)[]>;
  /** The rows at these cursors, in the given order; null where there is none (any more). */
  at(cursors: readonly Cursor[], signal: AbortSignal): Promise<readonly (Row | null)[]>;
  /**
   * @param cuts keys of rows that were there when the table was cut into ranges
   * @throws FerryError E_SOURCE_CHANGED where the table has other columns or keys than when it was described, or none of the rows at
   *   `cuts` any more: it was emptied or replaced; E_TABLE_MISSING
   */
  confirm(cuts: readonly Cursor[], signal: AbortSignal): Promise<void>;
  /** A row that meets the operator's SQL condition besides the scan's own; null where none does. */
  matching(condition: string, signal: AbortSignal): Promise<Row | null>;
  cursorOf(row: Row): Cursor;
  /** The row's scan key for an operator's eye, `account_sid=AC1, sid=SM2`. Holds row values: for reports asked for, never for logs. */
  describeKey(cursor: Cursor): string;
}

/**
 * Changes of a shard from a binlog position on. A seam: nothing implements it yet; the position that a backfill stores
 * (`TablePlan.position`) is where one will start.
 */
export interface ChangeSource {
  changes(from: BinlogPosition, signal: AbortSignal): AsyncIterable<RowChange>;
}

export interface RowChange {
  readonly table: string;
  readonly kind: 'insert' | 'update' | 'delete';
  readonly before: Row | null;
  readonly after: Row | null;
  readonly position: BinlogPosition;
}

// ---------------------------------------------------------------------------------------------------- target

/** Capacity units per second that may be consumed: a token bucket, filled evenly, holding at most one second's worth. */
export interface Budget {
  /** Units per second. */
  readonly limit: number;
  setLimit(unitsPerSecond: number): void;
  /** Waits until the bucket is not in debt, then debits `units`; a debit may exceed what is left, the next one waits for it. */
  take(units: number, signal: AbortSignal): Promise<void>;
  /** Corrects a debit once the service said what it really took (positive: more than was debited). */
  settle(difference: number): void;
}

export interface WriteReceipt {
  readonly items: number;
  /** Of these, how many the target has in a newer version, or one that cannot be told to be older: they stay as they are. */
  readonly newer: number;
  /** Write units as the service reported them, index units included; as computed where it reports none. */
  readonly units: number;
}

/** Writes items until each is acknowledged; bounded memory, one budget. */
export interface ItemWriter {
  /** Resolves when there is room for more: wait for it before `write`. */
  ready(signal: AbortSignal): Promise<void>;
  /**
   * Queues items and resolves once DynamoDB has acknowledged every one of them (`UnprocessedItems` empty).
   * @param readAt when the SELECT was sent that brought their rows; now unless given
   * @throws FerryError E_TARGET_*, E_ITEM_KEY_SHARED; then nothing of the set may be marked done.
   */
  write(items: readonly MappedItem[], readAt?: Moment): Promise<WriteReceipt>;
  /** Waits for requests in flight, drops what is only queued (its `write` rejects), frees sockets. */
  close(): Promise<void>;
}

export interface ItemRead {
  /** Canonical text by key text; an absent item has no entry. */
  readonly texts: ReadonlyMap<string, string>;
  /** Read units consumed, as reported or as computed. */
  readonly units: number;
}

export interface ItemReader {
  /** Strongly consistent reads of distinct item keys (DynamoDB JSON); asks again until no key is unprocessed. */
  read(keyTexts: readonly string[], signal: AbortSignal): Promise<ItemRead>;
  close(): Promise<void>;
}

// ---------------------------------------------------------------------------------------------------- state

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
  readonly startedAt: number;
  readonly finishedAt: number | null;
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
  readonly newerItems: number;
  readonly units: number;
  readonly sourceDigest: string;
  /** verify only; null in a backfill */
  readonly targetDigest: string | null;
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
}

/** A bad row as the state has it. */
export interface RecordedBadRow extends BadRowRecord {
  /** Its own among the shard's bad rows for as long as it is recorded, from 1: names it without a value of its key. */
  readonly number: number;
  /** The committed chunk of a backfill that counted it as bad, ordinals from 0; null: none has, so far. */
  readonly place: { readonly range: number; readonly chunk: number } | null;
  /** ms since the epoch: last seen as bad. */
  readonly recordedAt: number;
}

/** What a retry of bad rows came to: of those rows alone that a committed chunk counts as bad, since no chunk knows of it. */
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
  readonly rangesComplete: number;
  readonly ranges: number;
}

/** The durable memory of one shard, exclusive to one process. Every method returns only once its effect is on disk. */
export interface StateStore {
  readonly shard: string;
  /** Stores the fingerprint the first time; afterwards @throws FerryError E_STATE_CHANGED naming each difference. */
  bind(fingerprint: Fingerprint): void;
  /**
   * Takes another fingerprint for what is moved from now on, where the two are equal in all that `mustStay` leaves of them. What
   * was accepted is kept, with the bad columns that it was accepted for; verifications that began before prove nothing any more.
   * @returns the accepted changes, none where both are equal
   * @throws FerryError E_STATE_CHANGED naming each difference that is not accepted
   */
  rebind(
    fingerprint: Fingerprint,
    mustStay: (side: Fingerprint, other: Fingerprint) => Fingerprint,
    columns: readonly { readonly table: string; readonly column: string | null }[],
  ): readonly FingerprintChange[];
  /** All that `rebind` ever accepted, in order. */
  acceptedChanges(): readonly FingerprintChange[];
  /** ms since the epoch by a clock that nobody sets: what `since`, `brokenOffAt` and `startedAt` are told by. */
  now(): number;
  /** The MySQL server that the shard was last read from, as `ShardSource.identity` tells it; null: none was noted. */
  server(): string | null;
  setServer(server: string): void;
  plan(table: string): TablePlan | null;
  savePlan(plan: TablePlan): void;
  /**
   * The unfinished pass of that kind, or a new one: also in the place of a verification that a retry has overtaken, or that began
   * while writes of a broken-off run could still land, once they cannot any more.
   */
  openPass(kind: PassKind, table: string): Pass;
  progress(pass: Pass): readonly RangeProgress[];
  /** Marks chunks done and moves watermarks, in one transaction. Chunks of a range come in key order without gaps. */
  commitChunks(pass: Pass, chunks: readonly ChunkRecord[], differences: readonly DifferenceRecord[]): void;
  /** The range was scanned to its end; all its chunks are committed. */
  completeRange(pass: Pass, range: number): void;
  finishPass(pass: Pass): void;
  /** The newest pass of that kind, finished or not; a backfill's counts have in them what retries made of its bad rows. */
  summary(kind: PassKind, table: string): PassSummary | null;
  /** Recording the same row again replaces what was said of it. */
  recordBadRows(rows: readonly BadRowRecord[]): void;
  /** These rows were read again and are bad no more. Rows that nothing is recorded of may be among them. */
  forgetBadRows(table: string, cursors: readonly Cursor[]): void;
  /** In the order they were first found in. */
  badRows(table: string): readonly RecordedBadRow[];
  /**
   * Ends a step of a retry, in one transaction: `settled` rows are bad no more, `stillBad` ones are recorded anew, and what was moved
   * is added to the newest backfill of the table. Verifications that began before have not seen it and prove nothing any more.
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
  /** ms since the epoch when it was last found that a run had been broken off: what it had sent was sent before; null: none was. */
  brokenOffAt(): number | null;
  beat(heartbeat: Heartbeat): void;
  /** Adds to what was counted of these kinds. */
  addIncidents(incidents: readonly Incident[]): void;
  /** What was ridden out since the shard was begun, by kind in the order of their names. */
  incidents(): readonly Incident[];
  close(): void;
}

/**
 * Which row owns which item key, kept only where the schema does not prove that keys are unique; and which shard has which
 * value of a sharding column. Shared by all shards.
 */
export interface KeyRegister {
  /**
   * Claims item keys for rows. Claiming again for the same row is fine.
   * @returns the claims that another row already holds: by index into `claims`, with the holder.
   */
  claim(
    owner: { readonly shard: string; readonly table: string },
    claims: readonly { readonly keyText: string; readonly cursor: Cursor }[],
  ): readonly { readonly index: number; readonly shard: string; readonly table: string; readonly cursor: Cursor }[];
  close(): void;
}
