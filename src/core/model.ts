/**
 * The words of README.md's glossary as types. Plain data only: everything here can cross a process border.
 */

/**
 * A value as MySQL sent it: text in UTF-8, raw bytes (binary types, BIT, geometry), or NULL. Never a number or a Date.
 * In a text column, bytes are what has no exact form in UTF-8.
 */
export type Cell = string | Buffer | null;

/** One row in the order of the scan's `columns`. It may have further cells behind those (the adapter's key cells). */
export type Row = readonly Cell[];

/** The key of the last row of a chunk as MySQL gave it; made and read in `mysql/` only. Holds row values. */
export type Cursor = string & { readonly __cursor: unique symbol };

export interface ColumnInfo {
  readonly name: string;
  /** information_schema DATA_TYPE in lower case: `int`, `varchar`, `datetime`, `bit`, ... */
  readonly dataType: string;
  /** information_schema COLUMN_TYPE: `int(10) unsigned zerofill`, `enum('a','b')`, ... */
  readonly columnType: string;
  readonly nullable: boolean;
  readonly unsigned: boolean;
  /** null where the type has none */
  readonly charset: string | null;
  readonly collation: string | null;
  /** CHARACTER_MAXIMUM_LENGTH in characters for text, in bytes for binary types; null elsewhere. */
  readonly maxLength: number | null;
  readonly precision: number | null;
  readonly scale: number | null;
  /** Digits of a second's fraction of TIME, DATETIME and TIMESTAMP; null elsewhere. */
  readonly fractionDigits: number | null;
  readonly generated: boolean;
  readonly invisible: boolean;
  /** `bytes`: cells arrive as Buffer; `text`: as string. */
  readonly transport: 'text' | 'bytes';
}

export interface KeyPart {
  readonly column: string;
  readonly descending: boolean;
}

export interface UniqueKey {
  /** Index name; `PRIMARY` for the primary key. */
  readonly name: string;
  readonly parts: readonly KeyPart[];
  /** A part may be NULL: MySQL then lets rows repeat, so a scan cannot follow it. */
  readonly nullable: boolean;
  /** Only a prefix of a column is indexed: it identifies no row. */
  readonly prefix: boolean;
}

export interface TableInfo {
  readonly database: string;
  readonly name: string;
  readonly columns: readonly ColumnInfo[];
  readonly uniqueKeys: readonly UniqueKey[];
  /** The engine's own estimate (TABLE_ROWS): never evidence. */
  readonly estimatedRows: number;
}

/** A contiguous part of a table's key space: rows with `after` < key <= `upTo`, null meaning no bound. */
export interface Range {
  /** Ordinal within the table, from 0, in key order. */
  readonly index: number;
  readonly after: Cursor | null;
  readonly upTo: Cursor | null;
  /** Estimate by the index's statistics: for progress and ETA only. */
  readonly estimatedRows: number;
}

/** Where the binary log stood before the upper bound of a table was read. */
export interface BinlogPosition {
  readonly file: string;
  readonly offset: number;
  /** MySQL's gtid_executed or MariaDB's gtid_binlog_pos; null where GTIDs are off. */
  readonly gtid: string | null;
}

/** What tells the items of one target table apart. */
export interface ItemKey {
  /** Below 2^30; items with one item key have one hash. */
  readonly keyHash: number;
  /**
   * The item key as DynamoDB JSON, `{"pk":{"S":"..."},"sk":{"S":"..."}}`: for BatchGetItem, and to tell items apart.
   * Made at each call.
   */
  readonly keyText: string;
  /** The partition key's value as DynamoDB JSON: what a hot partition is told by. */
  readonly partition: string;
}

/**
 * One item, ready to send, in canonical form. That is DynamoDB JSON with attributes sorted by name, numbers normalised
 * as the service does, sets sorted, and minimal JSON escapes. Equal items have equal texts, so digests hash them.
 */
export interface MappedItem extends ItemKey {
  /** Holds the canonical form as UTF-8, from `start` to `end`, beside that of other items. */
  readonly buffer: Buffer;
  readonly start: number;
  readonly end: number;
  /** The canonical form, made at each call. */
  readonly text: string;
  /** Exact size as the service bills it, in bytes (names and values, without the storage overhead). */
  readonly bytes: number;
  /** Epoch seconds from which on DynamoDB may delete the item by itself; null: never. */
  readonly expiresAt: number | null;
  /** The row it came from, to name it in a report; made at each call. */
  readonly row: Row;
  /** Returns one cell of that row, by its index; made at each call. */
  cell(column: number): Cell;
  /**
   * Returns whether that cell is the same as in another item's row, if both rows are in one block; else false. It
   * compares the bytes in place, and makes no cell.
   */
  sharesCell(column: number, other: MappedItem): boolean;
}

/** Compares two keys of one target table. The texts are made only where the hashes are equal. */
export function haveOneKey(a: ItemKey, b: ItemKey): boolean {
  return a.keyHash === b.keyHash && a.partition === b.partition && a.keyText === b.keyText;
}

/**
 * Why a row is a bad row; holds no value. The next run treats the row by this cause, never by the words of `reason` and
 * `remedy`.
 */
export type BadRowCause =
  /** A value, or an item of them, that cannot be represented as asked. */
  | 'value'
  /** DynamoDB refused an item of it. */
  | 'refused'
  /** Another row maps to its item key; this one stopped the run. */
  | 'shared-key'
  /** Another shard has its sharding value; this one stopped the run. */
  | 'shard-overlap';

/** A bad row under two readings of its key (`abc`, `ABC`). */
export interface Renamed {
  readonly from: Cursor;
  readonly to: Cursor;
}

export interface BadRow {
  readonly cause: BadRowCause;
  /** null where the fault is the whole item's, as with its size. */
  readonly column: string | null;
  /** What sort of value it was: `decimal(65,30)`, `varchar(40), gbk`, `NULL`, `an item of 412,345 bytes`. */
  readonly kind: string;
  /** The same for all values with the same fault, so that rows can be counted by it. */
  readonly reason: string;
  readonly remedy: string;
}

/** `unresolved`: the row kept changing while it was compared, so neither equal nor different was seen. */
export type DifferenceClass = 'missing' | 'differing' | 'unresolved';

/** One difference between what a row maps to and what the target holds. */
export interface Difference {
  readonly class: DifferenceClass;
  readonly keyText: string;
  /** Names of the attributes that differ, sorted; empty for a missing item. */
  readonly attributes: readonly string[];
}

/** What every phase counts. All are whole numbers since the phase began, resumes included. */
export interface Counts {
  readonly rows: number;
  /** backfill: acknowledged. verify: seen in the target; those that were not there are not among them. */
  readonly items: number;
  readonly badRows: number;
  /** Rows that the mapping leaves out as expired. */
  readonly expiredRows: number;
  /** verify: items that are not there, and that TTL may have deleted, as far as can be told. backfill: 0. */
  readonly expiredItems: number;
  /**
   * Items that the target has in a newer version, from a live writer. backfill: left as they are, those included whose
   * version cannot be told to be older. verify: not compared.
   */
  readonly newerItems: number;
  readonly chunks: number;
  /** Write units (backfill) or read units (verify) as the service reported them, or as computed where it does not. */
  readonly units: number;
}

export const NO_COUNTS: Counts = {
  rows: 0,
  items: 0,
  badRows: 0,
  expiredRows: 0,
  expiredItems: 0,
  newerItems: 0,
  chunks: 0,
  units: 0,
};

/** Field by field: of counts of one sort. */
export function addCounts<T extends Readonly<Record<keyof T, number>>>(a: T, b: T): T {
  const names = Object.keys(a) as (keyof T)[];
  return Object.fromEntries(names.map((name) => [name, a[name] + b[name]])) as T;
}

export type Phase =
  'new' | 'planned' | 'backfilling' | 'backfilled' | 'verifying' | 'verified' | 'unproven' | 'differences';
