/**
 * A validated dynaferry.yaml as frozen data: defaults filled in, environment variables taken, units made plain numbers.
 * The schema in `schema.ts` yields exactly this; nothing inside the tool looks at YAML again.
 */
import type { Path } from '../core/text/config-path.js';

export interface Config {
  /** Absolute path of the file, for messages. */
  readonly file: string;
  /** Absolute path of the folder of state files. */
  readonly state: string;
  /** It is on a volume that moves between hosts by design. */
  readonly stateMoves: boolean;
  readonly source: SourceConfig;
  readonly target: TargetConfig;
  /** By table name; every table of `source.tables` has one. */
  readonly mapping: Readonly<Record<string, TableMapping>>;
  readonly verify: VerifyConfig;
  /** Where in the file a fault lies: `line` of the node at that path, or of its nearest parent. 1-based. */
  readonly lineOf: (path: Path) => number;
  /** Of a value that takes environment variables: the text of the file, with `${NAME}` in it. null: it takes none. */
  readonly writtenAt: (path: Path) => string | null;
  /** The same for another process, as plain data. */
  readonly toSend: () => SentConfig;
}

/**
 * A config as plain data. It holds what the environment gave, passwords too: it goes to the processes of a run and
 * nowhere else.
 */
export interface SentConfig {
  readonly settings: Omit<Config, 'lineOf' | 'writtenAt' | 'toSend'>;
  /** By the key of a path in the file: the text there, of those that hold `${NAME}`. */
  readonly written: readonly (readonly [path: string, text: string])[];
  /** By the key of a path in the file: its line. */
  readonly lines: readonly (readonly [path: string, line: number])[];
}

export interface VerifyConfig {
  /** How long ago the last comparison of an interrupted verification may be for it to be resumed. */
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
  /** Replicas watched for lag; the shard's user must be able to connect to them. */
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
  /** SQL condition that rows must meet, or null. */
  readonly where: string | null;
  /** Columns of the unique key to scan by, or null: the primary key, else the shortest usable one. */
  readonly scanKey: readonly string[] | null;
  /** The table has no usable key and is read whole, in one chunk of no more than this; null: it is scanned by key. */
  readonly wholeTable: { readonly maxRows: number; readonly maxBytes: number } | null;
  /** The column that says which shard a row lives on: no value of it is on two shards. null: none was declared. */
  readonly shardedBy: string | null;
  /** Columns whose values no two shards share, such as random ids: the operator's word. */
  readonly globallyUnique: readonly string[];
}

export interface SourceLimits {
  /** SELECTs at once on one server. */
  readonly scansPerServer: number;
  /** Ranges a table is cut into. */
  readonly rangesPerTable: number;
  /** Aim for the time of one SELECT, in ms. */
  readonly chunkMs: number;
  /** Upper bounds of one chunk. */
  readonly chunkRows: number;
  readonly chunkBytes: number;
  /** Scans wait while a watched replica is further behind, in seconds. */
  readonly maxReplicaLagSeconds: number;
  /** Scans wait while Threads_running is above. */
  readonly maxThreadsRunning: number;
  readonly statementIdleTimeoutSeconds: number;
  readonly retryTimeoutSeconds: number;
  readonly maxPauseSeconds: number;
}

export interface TargetConfig {
  readonly table: string;
  /** null: the SDK's own chain (AWS_REGION, profile). */
  readonly region: string | null;
  /** null: the SDK's own chain (AWS_ENDPOINT_URL_DYNAMODB, profile, the region's endpoint). */
  readonly endpoint: string | null;
  /** WCU per second for the whole migration, all shards together, index writes included. */
  readonly writeCapacity: number;
  /** RCU per second for verify and diff, all shards together. */
  readonly readCapacity: number;
  /** Requests in flight per shard process. */
  readonly maxInFlightRequests: number;
  /** How long one unavailable or throttling target is waited for without any progress, in seconds. */
  readonly retryTimeoutSeconds: number;
  /** `none`: this migration is the sole writer of its items. */
  readonly liveWriter: 'none' | 'concurrent';
  /** null with `none`, and only then. */
  readonly version: VersionConfig | null;
  /** Used by --create-table only. */
  readonly create: {
    readonly billing: 'on-demand' | 'provisioned';
    readonly indexes: readonly IndexConfig[];
  };
}

export interface VersionConfig {
  /** Which of two items is newer. */
  readonly attribute: string;
  /**
   * How long the application keeps what it puts in the place of a deleted item; null: it does not say, or puts nothing.
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
  /** For messages; `item 1` where the file names none. */
  readonly name: string;
  readonly partitionKey: KeyMapping;
  /** null where the target table has a partition key alone. */
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
  /** Columns that become attributes: all visible ones, or these. */
  readonly columns: 'all' | readonly string[];
  readonly drop: readonly string[];
  /** By column name. */
  readonly rules: Readonly<Record<string, ColumnRule>>;
  /** By attribute name: attributes that no single column gives. */
  readonly add: Readonly<Record<string, AddedAttribute>>;
}

export type AttributeType = 'S' | 'N' | 'B' | 'BOOL' | 'SS' | 'JSON';
/** `text`: as MySQL prints it, zero dates included. */
export type DateFormat = 'iso' | 'text' | 'epoch-s' | 'epoch-ms' | 'epoch-us';

export interface ColumnRule {
  /** Attribute name; null: the column's name. */
  readonly name: string | null;
  /** null: the default of the column's type. `JSON`: M or L (or the scalar) that the JSON text holds. */
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
  /** Rows whose time is over: written like others, or left out and counted. */
  readonly expired: 'keep' | 'skip';
}
