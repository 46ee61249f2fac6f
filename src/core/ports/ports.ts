/**
 * The seams of the house to source and target; `state-ports.ts` has those to what is kept. The engine is written
 * against these alone; each has one contract test suite in `test/contract` that every implementation passes. Whatever
 * waits takes an AbortSignal and rejects with E_INTERRUPTED.
 */
import type { Instant } from '../time/age.js';
import type { FoundItem } from '../item/found-item.js';
import type { BinlogPosition, Cursor, MappedItem, Range, Row, TableInfo, UniqueKey } from '../model.js';
import type { RowChunk } from '../row-block.js';
import type { WriteOperation } from '../item/write-operation.js';

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
  /**
   * Whether two answers of `identity` are of one server; the first may come from an earlier version, which knew less.
   */
  isSame(before: string, now: string): boolean;
  /** Whether the server has executed all that another one had at that position; null where nothing proves it. */
  hasReached(position: BinlogPosition, signal: AbortSignal): Promise<boolean | null>;
  /** Rows that the server has answered so far, to any statement: it grows while anything is read. */
  readonly rowsRead: number;
  open(scan: TableScan): RowSource;
  /** Rows are known by their content; they come in no order, in one chunk, and cannot be found by key. */
  openWhole(scan: WholeTableScan): RowSource;
  close(): Promise<void>;
}

/** Which table a source reads. */
export interface Identified {
  /** Opaque. Holds row values: for the state alone. */
  readonly identity: string;
  /** It was made anew since, and only the operator's word says that it is the same. */
  readonly vouched: boolean;
}

/** The rows of one table of one shard. Keys are compared by MySQL, never here. */
export interface RowSource {
  /** Cuts the table into at most `count` ranges of about equal size, by sampling the index. */
  planRanges(count: number, signal: AbortSignal): Promise<readonly Range[]>;
  /**
   * The range's rows in key order, behind `after` (or from the range's start where that is null). A chunk is never
   * empty. Reading waits while the consumer does not ask for the next chunk; and a row of many megabytes waits until
   * the last such one was released, in whichever scan of the table.
   */
  scan(range: Range, after: Cursor | null, signal: AbortSignal): AsyncIterable<RowChunk>;
  /** Up to `count` rows spread over the key space. */
  sample(count: number, signal: AbortSignal): Promise<readonly Row[]>;
  /** Rows whose scan key has these values as text, parts in key order; absent ones are left out. */
  find(keys: readonly (readonly string[])[], signal: AbortSignal): Promise<readonly Row[]>;
  /**
   * Any one row whose scan key is one of these, given as for `find`; null where there is none. Hundreds of keys cost
   * one statement.
   */
  findAny(keys: readonly (readonly string[])[], signal: AbortSignal): Promise<Row | null>;
  /**
   * Reads the rows at these cursors, in the given order; null where there is none (any longer).
   * @throws FerryError E_ROW_TOO_LARGE where they are too large to be held at once: ask for fewer, down to one
   */
  at(cursors: readonly Cursor[], signal: AbortSignal): Promise<readonly (Row | null)[]>;
  /**
   * Which table this is, so that one made later under its name can be told from it; from now on, scans and `confirm`
   * watch it.
   * @param before what it was told by last, as opaque text that holds row values; null: nothing was read of it yet
   * @param accept take it for the same, whatever it is: the operator says so
   * @throws FerryError E_SOURCE_CHANGED where it was made anew, and its rows do not show that it is the same
   */
  identify(before: string | null, accept: boolean, signal: AbortSignal): Promise<Identified>;
  /**
   * @returns what `identify` told, brought up to date; null before
   * @param cuts keys of rows that were there when the table was cut into ranges
   * @throws FerryError E_SOURCE_CHANGED where the table has other columns or keys than when it was described, or none
   *   of the rows at `cuts` any more: it was emptied or replaced, or where `identify` would; E_TABLE_MISSING
   */
  confirm(cuts: readonly Cursor[], signal: AbortSignal): Promise<string | null>;
  /** A row that meets the operator's SQL condition besides the scan's own; null where none does. */
  matching(condition: string, signal: AbortSignal): Promise<Row | null>;
  cursorOf(row: Row): Cursor;
  /**
   * The row's scan key for an operator's eye, `account_sid=AC1, sid=SM2`. Holds row values: for reports asked for,
   * never for logs.
   */
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

/**
 * Capacity units per second that may be consumed: a token bucket, filled evenly, holding at most one second's worth.
 */
export interface Budget {
  /** Units per second. */
  readonly limit: number;
  /** @throws RangeError where it is not a finite number, 0 or more */
  setLimit(unitsPerSecond: number): void;
  /**
   * Waits until the bucket is not in debt, then debits `units`. A debit may exceed what is left; the next one waits
   * until it is paid off.
   * @throws FerryError E_INTERRUPTED when the signal aborts: then nothing was debited
   */
  take(units: number, signal: AbortSignal): Promise<void>;
  /** Corrects a debit once the service said what it really took (positive: more than was debited). */
  settle(difference: number): void;
}

/** How many of the operations of one write ended how; each is counted in `items`. */
export interface WriteReceipt {
  /** Operations that were asked for, without those that the target refused: puts and deletes. */
  readonly items: number;
  /**
   * Of these, how many the target has in a newer version, or one that cannot be told to be older: they stay as they
   * are.
   */
  readonly newer: number;
  /**
   * Of these, how many were never sent: a later operation on the same item key took their place, and that one is
   * acknowledged. What became of the later one stands in its own receipt, units included.
   */
  readonly superseded: number;
  /** Write units as the service reported them, index units included; as computed where it reports none. */
  readonly units: number;
}

/**
 * Writes items and deletes them until each operation is acknowledged; bounded memory, one budget.
 *
 * No two requests of a writer are under way for one item key. The only exception is a request without an answer: its
 * operation may land later, so its key is recorded as ambiguous before anything is sent for that key again.
 *
 * The policy that the writer is opened with (`KeyConflictPolicy`) says what a later operation does to an earlier one on
 * the same item key that is not acknowledged yet, in the same call or in another. With `supersede`, in the order of the
 * calls, and of the operations within a call:
 *
 * - The earlier one is queued, or waits to be sent again (unprocessed, throttled, connection refused): the later one
 *   replaces it. The write of the earlier one counts it as `superseded`, and only once the later one is acknowledged.
 *   Where the later one is refused or fails, so does the write of the earlier one, for the same reason.
 * - The earlier one is in flight: the later one waits, and goes once the request has ended. Acknowledged, the earlier
 *   one counts as written. Not applied, the later one replaces it as above. Refused, its own write rejects, and the
 *   later one goes all the same.
 * - The earlier one had no answer: its key is recorded as ambiguous, then the later one replaces it and is sent. The
 *   key stays ambiguous, since the earlier request may still land after the later one.
 * - Several in a row: the last one replaces all that are not in flight, and each of them waits for its acknowledgement.
 *
 * So a caller may advance its position when a receipt resolves: the target then holds that operation, or a later one.
 */
export interface ItemWriter {
  /**
   * Waits until there is room for more: wait for it before `write`.
   * @throws FerryError E_INTERRUPTED when the signal aborts or the writer is closed; E_TARGET_*, E_LIVE_WRITER and
   *   whatever else ended the run of the writer
   */
  waitForRoom(signal: AbortSignal): Promise<void>;
  /**
   * Queues operations and resolves once DynamoDB has acknowledged every one of them (`UnprocessedItems` empty).
   * @param operations puts are mapped items; their memory may be released once the write has settled
   * @param readAt when the SELECT was sent that brought their rows; now unless given
   * @throws FerryError E_TARGET_*; then nothing of the set may be marked done. E_ITEM_KEY_SHARED, with the policy
   *   `reject`: two operations want one item key, and both writes reject, once nothing of either is in flight.
   *   E_TARGET_REQUEST whose cause has `all` and `written`: operations that the target refused, each the fault of its
   *   row, and the receipt of all others, which were acknowledged. E_LIVE_WRITER: a delete beside a live writer, which
   *   is never sent, or rows that waited too long. E_INTERRUPTED: the writer was closed.
   */
  write(operations: readonly WriteOperation[], readAt?: Instant): Promise<WriteReceipt>;
  /**
   * Waits for requests in flight, drops what is only queued (its `write` rejects with E_INTERRUPTED, and so does the
   * write of what it superseded), frees sockets.
   */
  close(): Promise<void>;
}

export interface ItemRead {
  /** What the target holds at each item's key, in the order of the requested items. */
  readonly found: readonly FoundItem[];
  /** Read units consumed, as reported or as computed. */
  readonly units: number;
}

/** What the target deletes by itself, as it said when it was asked. */
export interface TtlLook {
  /** The attribute by whose time, in epoch seconds, it deletes items; null: it deletes none, or may not be asked. */
  readonly deletesBy: string | null;
  /** Seconds since the epoch by the target's clock, or rather less. */
  readonly seconds: () => number;
}

export interface ItemReader {
  /**
   * Reads what the target holds at the items' keys, strongly consistently, and asks again until no key is unprocessed.
   * @throws FerryError E_TARGET_*; E_INTERRUPTED when the signal aborts or the reader is closed
   */
  read(items: readonly MappedItem[], signal: AbortSignal): Promise<ItemRead>;
  close(): Promise<void>;
}

/**
 * Watches that the target is still the table that the state of the shard is bound to: under the same name, another one
 * may stand in its place. What is recorded says nothing of that other one, and no verdict may.
 */
export interface TargetGuard {
  /**
   * Before a checkpoint is recorded: looks again where the last look is some time ago. A look that is not answered
   * within two seconds lets the checkpoint pass: it is bound to the table, and the verdict waits for a look that is
   * answered.
   * @throws FerryError E_TARGET_GONE, E_TARGET_NOT_ACTIVE, E_TARGET_ACCESS, E_TARGET_CREDENTIALS, E_INTERRUPTED
   */
  atCheckpoint(signal: AbortSignal): Promise<void>;
  /**
   * Before a verdict is recorded, after all that it rests on: always looks.
   * @throws as `atCheckpoint`; FerryError E_TARGET_*
   */
  confirm(signal: AbortSignal): Promise<void>;
  /**
   * Looks why the target says that it is not there. It throws nothing itself.
   * @returns the error that a look found in place of E_TARGET_GONE; else what was thrown
   */
  explained(thrown: unknown, signal: AbortSignal): Promise<unknown>;
}

/** A dry run has no target. */
export const NO_TARGET: TargetGuard = {
  atCheckpoint: () => Promise.resolve(),
  confirm: () => Promise.resolve(),
  explained: (thrown) => Promise.resolve(thrown),
};
