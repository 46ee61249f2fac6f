/**
 * The model of a validated dynaferry.yaml: frozen data with defaults, values of environment variables, and units as
 * plain numbers. No other code reads YAML.
 */
import type { Path } from '../core/text/config-path.js';

export interface Config {
  /** Absolute path of the file, for messages. */
  readonly file: string;
  /** Absolute path of the folder of state files. */
  readonly state: string;
  /** True: the state folder is on a volume that moves between hosts. */
  readonly stateMoves: boolean;
  readonly source: SourceConfig;
  readonly target: TargetConfig;
  /** The mapping of every table of `source.tables`, by table name. */
  readonly mapping: Readonly<Record<string, TableMapping>>;
  readonly verify: VerifyConfig;
  /** Returns the line (from 1) of the node at that path, or of its nearest parent in the file. */
  readonly lineOf: (path: Path) => number;
  /** Returns the text of the file, with `${NAME}`, of a value that uses variables; null: it uses none. */
  readonly writtenAt: (path: Path) => string | null;
  /** Returns the config as plain data, for another process. */
  readonly toSend: () => SentConfig;
}

/**
 * A config as plain data. It contains values of the environment, passwords too: send it only to the processes of a run.
 */
export interface SentConfig {
  readonly settings: Omit<Config, 'lineOf' | 'writtenAt' | 'toSend'>;
  /** The texts of the file with `${NAME}`, by the keys of their paths. */
  readonly written: readonly (readonly [path: string, text: string])[];
  /** The line of each value, by the key of its path. */
  readonly lines: readonly (readonly [path: string, line: number])[];
}

export interface VerifyConfig {
  /** Greatest age, in seconds, of the last comparison at which an interrupted verification resumes. */
  readonly maxAgeSeconds: number;
}

export interface SourceConfig {
  readonly shards: readonly ShardConfig[];
  readonly tables: readonly SourceTableConfig[];
  readonly limits: SourceLimits;
}

export interface ShardConfig {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly tls: TlsConfig;
  /** Replicas whose lag dynaferry watches. The shard's user must be able to connect to them. */
  readonly replicas: readonly { readonly host: string; readonly port: number }[];
}

export interface TlsConfig {
  /** `verify`: certificate and host name are checked; `required`: encrypted, unchecked; `off`: plain text. */
  readonly mode: 'verify' | 'required' | 'off';
  /** Absolute path of a PEM file with the CA, or null. */
  readonly ca: string | null;
  /** `amazon-rds`: mysql2's own bundle of the RDS certificate authorities. */
  readonly profile: 'amazon-rds' | null;
}

export interface SourceTableConfig {
  readonly name: string;
  /** SQL condition that selects the rows; null: all rows. */
  readonly where: string | null;
  /** Columns of the unique key to scan by; null: the primary key, else the shortest usable unique key. */
  readonly scanKey: readonly string[] | null;
  /** Limits of a table that is read whole, in one chunk, since it has no usable key; null: it is scanned by key. */
  readonly wholeTable: { readonly maxRows: number; readonly maxBytes: number } | null;
  /** The column that decides which shard a row lives on: no two shards share a value. null: none was declared. */
  readonly shardedBy: string | null;
  /** Columns whose values no two shards share, such as random ids, as the operator declares. */
  readonly globallyUnique: readonly string[];
}

export interface SourceLimits {
  /** Most SELECTs at once on one server. */
  readonly scansPerServer: number;
  /** Number of ranges that a table is cut into. */
  readonly rangesPerTable: number;
  /** Target duration of one SELECT, in ms. */
  readonly chunkMs: number;
  /** Most rows of one chunk. */
  readonly chunkRows: number;
  /** Most bytes of one chunk. */
  readonly chunkBytes: number;
  /** Scans wait while a watched replica is further behind than this, in seconds. */
  readonly maxReplicaLagSeconds: number;
  /** Scans wait while Threads_running is above this. */
  readonly maxThreadsRunning: number;
  /** Longest silence of the server during a statement. */
  readonly statementIdleTimeoutSeconds: number;
  /** How long dynaferry retries a failing source without any progress. */
  readonly retryTimeoutSeconds: number;
  /** Longest wait for a lagging replica or a busy server. */
  readonly maxPauseSeconds: number;
}

export interface TargetConfig {
  readonly table: string;
  /** null: the SDK's own chain (AWS_REGION, profile). */
  readonly region: string | null;
  /** null: the SDK's own chain (AWS_ENDPOINT_URL_DYNAMODB, profile, the region's endpoint). */
  readonly endpoint: string | null;
  /** Write capacity units per second for the whole migration: all shards, with index writes. */
  readonly writeCapacity: number;
  /** Read capacity units per second for verify and diff: all shards. */
  readonly readCapacity: number;
  /** Most requests in flight per shard process. */
  readonly maxInFlightRequests: number;
  /** How long dynaferry retries a failing or throttling target without any progress. */
  readonly retryTimeoutSeconds: number;
  /** `none`: this migration is the only writer of its items. */
  readonly liveWriter: 'none' | 'concurrent';
  /** null exactly if `liveWriter` is `none`. */
  readonly version: VersionConfig | null;
  /** Settings of the table that --create-table creates. */
  readonly create: {
    readonly billing: 'on-demand' | 'provisioned';
    readonly indexes: readonly IndexConfig[];
  };
}

export interface VersionConfig {
  /** The attribute that decides which of two items is newer. */
  readonly attribute: string;
  /**
   * How long the application keeps the item that replaces a deleted one; null: not given, or it replaces none.
   */
  readonly tombstoneRetentionSeconds: number | null;
}

export interface IndexConfig {
  readonly name: string;
  readonly partitionKey: { readonly name: string; readonly type: KeyType };
  readonly sortKey: { readonly name: string; readonly type: KeyType } | null;
  readonly projection: 'all' | 'keys-only';
}

export type KeyType = 'S' | 'N' | 'B';

export interface TableMapping {
  /** Items made from one row, in order; at least one. */
  readonly items: readonly ItemMapping[];
}

export interface ItemMapping {
  /** For messages; `item 1` if the file gives no name. */
  readonly name: string;
  readonly partitionKey: KeyMapping;
  /** null: the target table has only a partition key. */
  readonly sortKey: KeyMapping | null;
  readonly attributes: AttributesMapping;
  readonly ttl: TtlMapping | null;
}

export interface KeyMapping {
  /** Attribute name in the target table. */
  readonly name: string;
  readonly type: KeyType;
  /** Template source text, `ACCT#{account_sid}`. */
  readonly template: string;
  /** Partition keys only: a calculated suffix `#<hash(by) mod n>` where n > 1. */
  readonly spread: SpreadMapping | null;
}

export interface SpreadMapping {
  /** The column whose hash picks the suffix. */
  readonly by: string;
  /** Number of suffixes unless an override says otherwise; 1: no suffix. */
  readonly shards: number;
  /** The column whose value the overrides name (the account). */
  readonly account: string | null;
  readonly overrides: Readonly<Record<string, number>>;
}

export interface AttributesMapping {
  /** Columns that become attributes: all visible ones, or the listed ones. */
  readonly columns: 'all' | readonly string[];
  readonly drop: readonly string[];
  /** By column name. */
  readonly rules: Readonly<Record<string, ColumnRule>>;
  /** Attributes that are not one column, by attribute name. */
  readonly add: Readonly<Record<string, AddedAttribute>>;
}

export type AttributeType = 'S' | 'N' | 'B' | 'BOOL' | 'SS' | 'JSON';
/** `text` means as MySQL prints it, with zero dates. */
export type DateFormat = 'iso' | 'text' | 'epoch-s' | 'epoch-ms' | 'epoch-us';

export interface ColumnRule {
  /** Attribute name; null: the column's name. */
  readonly name: string | null;
  /** null: the default of the column's type. `JSON`: the M, L or scalar in the JSON text. */
  readonly type: AttributeType | null;
  /** Dates and times only. */
  readonly format: DateFormat | null;
  /** NULL is left out, or stored as NULL. */
  readonly null: 'absent' | 'keep';
}

export type AddedAttribute =
  | { readonly kind: 'template'; readonly template: string }
  | { readonly kind: 'constant'; readonly value: string | number | boolean };

export interface TtlMapping {
  readonly attribute: string;
  /** DATE, DATETIME, TIMESTAMP, or a whole number of epoch seconds. */
  readonly column: string;
  /** Added to the column's time, in seconds. */
  readonly retentionSeconds: number;
  /** `keep` writes expired rows. `skip` leaves them out and counts them. */
  readonly expired: 'keep' | 'skip';
}
