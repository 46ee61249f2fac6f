/**
 * The ports to source and target; `state-ports.ts` has the ports to the state. The engine depends on these alone. Each
 * port has one contract test suite in `test/contract` that every implementation passes. Every method that waits takes
 * an AbortSignal and rejects with E_INTERRUPTED when it aborts.
 *
 * `E_SOURCE_*` below stands for E_SOURCE_CONNECT, E_SOURCE_ACCESS, E_SOURCE_QUERY, E_SOURCE_SESSION, E_SOURCE_WARNING,
 * E_SOURCE_LOST and E_SOURCE_CHANGED. It also covers E_TLS_REQUIRED, E_TOO_MANY_FILES and, after `close`, E_INTERNAL.
 * `E_TARGET_*` stands for E_TARGET_CREDENTIALS, E_TARGET_ACCESS, E_TARGET_CONNECT, E_TARGET_REQUEST,
 * E_TARGET_UNAVAILABLE and E_TARGET_GONE.
 */
import type { Instant } from '../time/age.js';
import type { FoundItem } from '../item/found-item.js';
import type { BinlogPosition, Cursor, MappedItem, Range, Row, TableInfo, UniqueKey } from '../model.js';
import type { RowChunk } from '../row-block.js';
import type { WriteOperation } from '../item/write-operation.js';

// ---------------------------------------------------------------------------------------------------- source

/** Describes what a scan of one table reads. `columns` are in the order of the cells in each row. */
export interface TableScan {
  readonly table: TableInfo;
  readonly key: UniqueKey;
  readonly columns: readonly string[];
  /** The operator's own SQL condition, or null. */
  readonly where: string | null;
}

/** A table without a usable key: the source reads all of it as one chunk. */
export interface WholeTableScan extends Omit<TableScan, 'key'> {
  /** Maximum number of rows. A larger table is refused with E_TABLE_TOO_LARGE. */
  readonly maxRows: number;
  readonly maxBytes: number;
}

/**
 * One shard's MySQL server. Sessions are read-only, in UTC and utf8mb4. They take no lock that outlives a statement.
 */
export interface ShardSource {
  /**
   * Describes a table: its columns, unique keys and estimated rows.
   * @throws FerryError E_TABLE_MISSING, E_TABLE_NOT_BASE; E_SOURCE_ACCESS where the user does not see all columns;
   * E_SOURCE_*, E_INTERRUPTED
   */
  describe(table: string, signal: AbortSignal): Promise<TableInfo>;
  /**
   * Returns the binlog position; null where the server writes no binary log, or the user lacks REPLICATION CLIENT.
   * @throws FerryError E_SOURCE_*, E_INTERRUPTED
   */
  position(signal: AbortSignal): Promise<BinlogPosition | null>;
  /**
   * Returns a text that distinguishes the server from every other, whatever host name leads to it.
   * @throws FerryError E_SOURCE_*, E_INTERRUPTED
   */
  identity(signal: AbortSignal): Promise<string>;
  /**
   * Returns whether two results of `identity` belong to one server. The first may come from an earlier version of
   * dynaferry, which recorded less. It throws nothing.
   */
  isSame(before: string, now: string): boolean;
  /**
   * Returns whether the server has executed all transactions up to a position of another server; null: nothing proves
   * it.
   * @throws FerryError E_SOURCE_*, E_INTERRUPTED
   */
  hasReached(position: BinlogPosition, signal: AbortSignal): Promise<boolean | null>;
  /** Number of rows that the server has returned so far, for any statement. It grows while anything is read. */
  readonly rowsRead: number;
  /**
   * Opens a table for scans, and sends no statement.
   * @throws TypeError where the table lacks one of `columns`, or no scan can follow the key
   */
  open(scan: TableScan): RowSource;
  /**
   * Opens a table that is read whole, and sends no statement. Its rows come in one chunk, in no order. Only their
   * content identifies them, so no key finds them.
   * @throws TypeError where the table lacks one of `columns`
   */
  openWhole(scan: WholeTableScan): RowSource;
  /** Closes all connections. Later statements throw E_INTERNAL. It throws nothing itself. */
  close(): Promise<void>;
}

/** Identifies the table that a source reads. */
export interface Identified {
  /** Opaque text with row values: only the state may keep it. */
  readonly identity: string;
  /** The table was rebuilt or replaced since, and only the operator's word says that it has the same rows. */
  readonly vouched: boolean;
}

/**
 * The rows of one table of one shard. MySQL compares the keys; the implementation never does. Every statement may also
 * throw E_TABLE_MISSING where the table is gone, and E_ROW_TOO_LARGE where a single row exceeds this machine's memory.
 * A cursor that does not fit the table's key throws E_STATE_CORRUPT.
 */
export interface RowSource {
  /**
   * Cuts the table into at most `count` ranges of about equal size, by sampling the index.
   * @throws FerryError E_SOURCE_*, E_INTERRUPTED
   */
  planRanges(count: number, signal: AbortSignal): Promise<readonly Range[]>;
  /**
   * Yields the range's rows in key order, behind `after` (null: from the range's start). A chunk is never empty.
   * Reading pauses until the consumer asks for the next chunk. A row of many megabytes also waits until the last such
   * row was released, in any scan of the table.
   * @throws FerryError E_SOURCE_*, E_SOURCE_BUSY, E_INTERRUPTED; E_TABLE_NO_KEY where a key has no exact text;
   * E_TABLE_TOO_LARGE in a table that is read whole
   */
  scan(range: Range, after: Cursor | null, signal: AbortSignal): AsyncIterable<RowChunk>;
  /** Returns up to `count` rows spread over the key space. @throws FerryError E_SOURCE_*, E_INTERRUPTED */
  sample(count: number, signal: AbortSignal): Promise<readonly Row[]>;
  /**
   * Returns the rows whose scan key has these values as text, parts in key order. Absent rows are left out.
   * @throws FerryError E_USAGE where a key cannot be one of this table, or the table is read whole; E_SOURCE_*,
   * E_INTERRUPTED
   */
  find(keys: readonly (readonly string[])[], signal: AbortSignal): Promise<readonly Row[]>;
  /**
   * Returns any one row whose scan key is one of these, given as for `find`; null: no such row exists. Hundreds of keys
   * cost one statement.
   * @throws FerryError as `find`
   */
  findAny(keys: readonly (readonly string[])[], signal: AbortSignal): Promise<Row | null>;
  /**
   * Reads the rows at these cursors, in the given order; null: no row is there now.
   * @throws FerryError E_ROW_TOO_LARGE where they are too large to hold at once: ask for fewer, down to one.
   * E_TABLE_TOO_LARGE in a table that is read whole; E_SOURCE_*, E_INTERRUPTED
   */
  at(cursors: readonly Cursor[], signal: AbortSignal): Promise<readonly (Row | null)[]>;
  /**
   * Identifies the table, so that a table created later under its name is recognised. From now on, scans and `confirm`
   * watch the identity.
   * @param before the last identity, as opaque text with row values; null: nothing was read of the table so far
   * @param accept the operator says that the table is the same, whatever it is
   * @throws FerryError E_SOURCE_CHANGED where the table was rebuilt or replaced and its rows do not prove that it is
   * the same; E_SOURCE_*, E_INTERRUPTED
   */
  identify(before: string | null, accept: boolean, signal: AbortSignal): Promise<Identified>;
  /**
   * Confirms at the end of a pass that the table is still the same.
   * @returns the current identity; null where `identify` was not called
   * @param cuts keys of rows that existed when the table was cut into ranges
   * @throws FerryError E_SOURCE_CHANGED where the table has other columns or keys than when it was described.
   * E_SOURCE_CHANGED where no row at `cuts` exists now: the table was emptied or replaced. E_SOURCE_CHANGED where
   * `identify` would throw it. E_TABLE_MISSING; E_SOURCE_*, E_INTERRUPTED
   */
  confirm(cuts: readonly Cursor[], signal: AbortSignal): Promise<string | null>;
  /**
   * Returns a row that meets the operator's SQL condition and the scan's own; null: no row meets both.
   * @throws FerryError E_SOURCE_QUERY where the condition takes longer than 30 s or is no valid SQL; E_SOURCE_*,
   * E_INTERRUPTED
   */
  matching(condition: string, signal: AbortSignal): Promise<Row | null>;
  /**
   * Returns the row's cursor. In a table that is read whole, it is a hash of the row.
   * @throws FerryError E_TABLE_NO_KEY where the key has no exact text in UTF-8
   */
  cursorOf(row: Row): Cursor;
  /**
   * Returns the row's scan key as text for an operator: `account_sid=AC1, sid=SM2`. It holds row values: for reports on
   * request, never for logs.
   * @throws FerryError E_STATE_CORRUPT
   */
  describeKey(cursor: Cursor): string;
}

/**
 * Changes of a shard from a binlog position on. Nothing implements this port yet. A change stream will start at the
 * position that a backfill stores (`TablePlan.position`).
 */
export interface ChangeSource {
  /** Yields the changes from a position on. Its errors are not defined yet. */
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

/** A token bucket of capacity units per second. It fills evenly and holds at most one second's worth. */
export interface Budget {
  /** Units per second. */
  readonly limit: number;
  /** Sets the limit. @throws RangeError where it is not a finite number, 0 or more */
  setLimit(unitsPerSecond: number): void;
  /**
   * Waits until the bucket is not in debt, then debits `units`. A debit may exceed the level; the next debit waits
   * until the debt is paid.
   * @throws FerryError E_INTERRUPTED when the signal aborts: then nothing was debited
   */
  take(units: number, signal: AbortSignal): Promise<void>;
  /**
   * Corrects a debit after the service has reported the consumed units (positive: more than was debited). It throws
   * nothing.
   */
  settle(difference: number): void;
}

/** The results of one write's operations. `items` counts each operation, and the other counts are parts of it. */
export interface WriteReceipt {
  /** Operations of the write, puts and deletes, without those that the target refused. */
  readonly items: number;
  /** Items that the target has in a newer version, or in one that cannot be compared: they stay as they are. */
  readonly newer: number;
  /**
   * Operations that were never sent, because a later operation on the same item key replaced them and was acknowledged.
   * The later one's own receipt has its result, units included.
   */
  readonly superseded: number;
  /** Write units as the service reported them, index units included; computed where it reports no units. */
  readonly units: number;
}

/**
 * Writes and deletes items until each operation is acknowledged, with bounded memory and one budget.
 *
 * A writer never has two requests in flight for one item key. The only exception is a request without an answer, whose
 * operation may land later. The writer records its key as ambiguous before it sends anything for that key again.
 *
 * Two operations may meet on one item key while the earlier one is not acknowledged, in the same call or in another.
 * The policy that the writer was opened with (`KeyConflictPolicy`) says what happens then. With `supersede`, in the
 * order of the calls and of the operations within a call:
 *
 * - The earlier one is queued, or waits for a retry (unprocessed, throttled, connection refused): the later one
 *   replaces it. The earlier write counts it as `superseded` once the later one is acknowledged. If the later one is
 *   refused or fails, the earlier write fails for the same reason.
 * - The earlier one is in flight: the later one waits until the request has ended. If the earlier one was acknowledged,
 *   it counts as written. If it was not applied, the later one replaces it as above. If it was refused, its own write
 *   rejects, and the later one goes on.
 * - The earlier one had no answer: the writer records its key as ambiguous, and then sends the later one in its place.
 *   The key stays ambiguous, since the earlier request may still land after the later one.
 * - Several follow each other: the last one replaces all that are not in flight, and each of them waits for its
 *   acknowledgement.
 *
 * So a caller may advance its position when a receipt resolves: the target then holds that operation, or a later one.
 */
export interface ItemWriter {
  /**
   * Waits until there is room for more operations. Callers await it before `write`.
   * @throws FerryError E_INTERRUPTED when the signal aborts or the writer is closed; E_TARGET_*, E_LIVE_WRITER, and any
   * other fault that ended the writer
   */
  waitForRoom(signal: AbortSignal): Promise<void>;
  /**
   * Queues operations and resolves once DynamoDB has acknowledged every one of them (`UnprocessedItems` empty).
   * @param operations puts are mapped items; the caller may release their memory once the write has settled
   * @param readAt when the SELECT was sent that read their rows; by default now
   * @throws FerryError E_TARGET_*: then the caller may mark nothing of the set as done.
   * E_ITEM_KEY_SHARED, with the policy `reject`: two operations want one item key. Both writes reject, once no request
   * of either is in flight.
   * E_TARGET_REQUEST whose cause has `all` and `written`: the target refused some operations. `all` has the fault of
   * each one's row, and `written` the receipt of all others, which were acknowledged.
   * E_LIVE_WRITER: a delete beside a live writer, which is never sent, or rows that waited too long.
   * E_INTERRUPTED: the writer was closed.
   */
  write(operations: readonly WriteOperation[], readAt?: Instant): Promise<WriteReceipt>;
  /**
   * Waits a short time for requests in flight, drops queued operations, and frees sockets. The write of a dropped
   * operation rejects with E_INTERRUPTED, as do the writes that it superseded. A request that has no answer after the
   * wait leaves its keys ambiguous. It throws nothing.
   */
  close(): Promise<void>;
}

export interface ItemRead {
  /** The target's item at each key, in the order of the requested items. */
  readonly found: readonly FoundItem[];
  /** Read units consumed, as reported or as computed. */
  readonly units: number;
}

/** The target's answer to a question about its TTL. */
export interface TtlLook {
  /** The attribute, in epoch seconds, by which TTL deletes items; null: TTL is off, or the role may not ask. */
  readonly deletesBy: string | null;
  /** Returns seconds since the epoch by the target's clock, never ahead of it. */
  readonly seconds: () => number;
}

export interface ItemReader {
  /**
   * Reads the target's items at the given keys, strongly consistently, and retries until no key is unprocessed.
   * @throws FerryError E_TARGET_*; E_INTERRUPTED when the signal aborts or the reader is closed
   */
  read(items: readonly MappedItem[], signal: AbortSignal): Promise<ItemRead>;
  /** Aborts the reads under way and frees sockets. It throws nothing. */
  close(): Promise<void>;
}

/**
 * Watches that the target is still the table that the shard's state is bound to. Another table may take its place under
 * the same name. The state's record and a verdict must never cover that other table.
 */
export interface TargetGuard {
  /**
   * Checks the table before a checkpoint is recorded, if the last check is some time ago. If DescribeTable gives no
   * answer within two seconds, the checkpoint passes. It is bound to the table, and the verdict waits for an answer.
   * @throws FerryError E_TARGET_GONE, E_TARGET_NOT_ACTIVE, E_TARGET_ACCESS, E_TARGET_REQUEST; nothing where the signal
   * has aborted
   */
  atCheckpoint(signal: AbortSignal): Promise<void>;
  /**
   * Checks the table in any case, before a verdict is recorded and after all that it rests on.
   * @throws FerryError E_TARGET_NOT_ACTIVE, E_TARGET_*, E_INTERRUPTED
   */
  confirm(signal: AbortSignal): Promise<void>;
  /**
   * Checks why the target says that the table does not exist. It throws nothing itself.
   * @returns the error of that check in place of E_TARGET_GONE; else `thrown`
   */
  explained(thrown: unknown, signal: AbortSignal): Promise<unknown>;
}

/** The guard of a dry run, which has no target. It accepts everything. */
export const NO_TARGET: TargetGuard = {
  atCheckpoint: () => Promise.resolve(),
  confirm: () => Promise.resolve(),
  explained: (thrown) => Promise.resolve(thrown),
};
