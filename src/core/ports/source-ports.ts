/**
 * The ports to the source. The engine depends on the ports alone. Each port has one contract test suite in
 * `test/contract` that every implementation passes. Every method that waits takes an AbortSignal and rejects with
 * E_INTERRUPTED when it aborts.
 *
 * `E_SOURCE_*` below stands for E_SOURCE_CONNECT, E_SOURCE_ACCESS, E_SOURCE_QUERY, E_SOURCE_SESSION, E_SOURCE_WARNING,
 * E_SOURCE_LOST and E_SOURCE_CHANGED. It also covers E_TLS_REQUIRED, E_TOO_MANY_FILES and, after `close`, E_INTERNAL.
 */
import type { BinlogPosition, Cursor, Range, Row, TableInfo, UniqueKey } from '../model.js';
import type { RowChunk } from '../row-block.js';

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
