/** Defines the YAML shape of `source`: shards, tables and how gently dynaferry reads them. */
import * as z from 'zod';
import { columnName, host, optional, pattern, path, text, whole } from './fields.js';

const MEBIBYTE = 1024 * 1024;

const port = () => whole(1, 65_535).default(3306).describe('TCP port of the MySQL server; default: 3306');

const tls = z
  .strictObject({
    mode: z
      .enum(['verify', 'required', 'off'])
      .optional()
      .describe(
        'how far dynaferry trusts the server: verify (default) checks certificate and host name. `required` encrypts without a check; `off` sends plain text, for loopback hosts only (their default)',
      ),
    ca: optional(path()).describe(
      "PEM file with the certificate authority; a relative path starts from the config's folder",
    ),
    profile: optional(z.enum(['amazon-rds'])).describe('certificate authorities to trust: amazon-rds'),
  })
  .describe('encryption of the connection to MySQL');

const shard = z
  .strictObject({
    id: pattern(
      /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/,
      'must be 1 to 64 letters, digits, - and _, and begin with a letter or digit',
    ).describe('name of the shard, and of its state file'),
    host: host().describe('host name or address of the MySQL server'),
    port: port(),
    user: text().describe(
      'MySQL user; needs SELECT on the tables, and REPLICATION CLIENT to record the binlog position',
    ),
    password: z.string().describe('password of the MySQL user, as ${NAME}: keep secrets in the environment only'),
    database: text().describe('name of the MySQL database (schema) that holds the tables'),
    tls: tls.prefault({}),
    replicas: z
      .array(
        z
          .strictObject({
            host: host().describe('host name or address of the replica'),
            port: port(),
          })
          .describe('a replica of the shard'),
      )
      .default([])
      .describe(
        'replicas whose lag dynaferry watches: scans wait while one is more than limits.maxReplicaLagSeconds behind',
      ),
  })
  .describe('one MySQL server that holds one slice of the accounts');

const table = z
  .strictObject({
    name: text().describe('name of the MySQL table'),
    where: optional(text()).describe('SQL condition that selects the rows to move; default: all rows'),
    scanKey: optional(z.array(columnName()).min(1)).describe(
      'columns of the unique key to scan by, in order; default: the primary key, else the shortest usable unique key',
    ),
    wholeTable: optional(
      z
        .strictObject({
          maxRows: whole(1, 10_000_000).describe('most rows that the table may have: dynaferry refuses a larger table'),
          maxBytes: whole(1024, 1024 * MEBIBYTE)
            .default(64 * MEBIBYTE)
            .describe('most bytes of all cells, which memory holds at once; default: 64 MiB (67108864)'),
        })
        .describe('reads the table whole, in one chunk: for small tables without a usable key'),
    ).describe('reads the table whole, in one chunk: for small tables without a usable key; default: by key'),
    shardedBy: optional(columnName()).describe(
      'column that decides which shard a row lives on, such as the account: no two shards share a value. With it in the item keys, rows of two shards cannot overwrite each other',
    ),
    globallyUnique: z
      .array(columnName())
      .default([])
      .describe(
        'further columns whose values no two shards share, such as random ids; `check` takes samples, and dynaferry trusts you for the rest',
      ),
  })
  .describe('a MySQL table that every shard has');

/** The default of `maxReplicaLagSeconds`. */
export const DEFAULT_LAG_SECONDS = 10;

export const limitsShape = z
  .strictObject({
    scansPerServer: whole(1, 256)
      .default(4)
      .describe('most SELECTs at once on one MySQL server, over all shards of a run on it'),
    rangesPerTable: whole(1, 10_000)
      .default(16)
      .describe('number of ranges that dynaferry cuts a table into, and scans in parallel'),
    chunkMs: whole(1, 60_000).default(250).describe('target duration of one SELECT, in milliseconds'),
    chunkRows: whole(1, 1_000_000).default(2000).describe('most rows of one SELECT, and so of one chunk'),
    chunkBytes: whole(1024, 1024 * MEBIBYTE)
      .default(4 * MEBIBYTE)
      .describe('most bytes of one SELECT; default: 4 MiB (4194304)'),
    maxReplicaLagSeconds: whole(1, 86_400)
      .default(DEFAULT_LAG_SECONDS)
      .describe('scans wait while a watched replica is further behind than this, in seconds'),
    maxThreadsRunning: whole(1, 100_000)
      .default(64)
      .describe("scans wait while the server's Threads_running is above this"),
    statementIdleTimeoutSeconds: whole(2, 86_400)
      .default(120)
      .describe(
        'longest silence of the server during a statement, in seconds; then dynaferry gives the statement up and tries again',
      ),
    retryTimeoutSeconds: whole(1, 86_400)
      .default(300)
      .describe('how long dynaferry retries a failing source without any progress, in seconds'),
    maxPauseSeconds: whole(1, 604_800)
      .default(21_600)
      .describe(
        'longest wait for a lagging replica or a busy server, in seconds; then the shard stops with E_SOURCE_BUSY; default: six hours',
      ),
  })
  .describe('how gently dynaferry reads the source');

export const sourceShape = z
  .strictObject({
    shards: z.array(shard).min(1).describe('the MySQL servers to move, one entry each'),
    table: table.optional().describe('the one table to move; or give `tables`'),
    tables: z.array(table).min(1).optional().describe('the tables to move; or give `table`'),
    limits: limitsShape.prefault({}),
  })
  .describe('where the rows come from');
