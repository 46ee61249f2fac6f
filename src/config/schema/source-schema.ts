/** The YAML shape of `source`: shards, tables and how gently they are read. */
import * as z from 'zod';
import { columnName, host, optional, pattern, path, text, whole } from './fields.js';

const MEBIBYTE = 1024 * 1024;

const port = () => whole(1, 65_535).default(3306).describe('TCP port of the MySQL server; 3306 unless given');

const tls = z
  .strictObject({
    mode: z
      .enum(['verify', 'required', 'off'])
      .optional()
      .describe(
        'how far the server is trusted: verify (default) checks certificate and host name, required encrypts without a check, off is plain text, for loopback hosts only (there the default)',
      ),
    ca: optional(path()).describe("PEM file with the certificate authority; relative to the config's folder"),
    profile: optional(z.enum(['amazon-rds'])).describe('certificate authorities to trust: amazon-rds'),
  })
  .describe('how the connection to MySQL is encrypted');

const shard = z
  .strictObject({
    id: pattern(
      /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/,
      'must be 1 to 64 letters, digits, - and _, beginning with a letter or digit',
    ).describe('name of the shard; its state file is called after it'),
    host: host().describe('host name or address of the MySQL server'),
    port: port(),
    user: text().describe(
      'MySQL user; needs SELECT on the tables, and REPLICATION CLIENT to record the binlog position',
    ),
    password: z.string().describe('password of the MySQL user, as ${NAME}: secrets live in the environment only'),
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
      .describe('replicas whose lag is watched: scans wait while one is behind limits.maxReplicaLagSeconds'),
  })
  .describe('one MySQL server that holds one slice of the accounts');

const table = z
  .strictObject({
    name: text().describe('name of the MySQL table'),
    where: optional(text()).describe('SQL condition that rows must meet to be moved; all rows unless given'),
    scanKey: optional(z.array(columnName()).min(1)).describe(
      'columns of the unique key to scan by, in order; the primary key, else the shortest usable unique key, unless given',
    ),
    wholeTable: optional(
      z
        .strictObject({
          maxRows: whole(1, 10_000_000).describe('most rows that the table may have: with more, the run is refused'),
          maxBytes: whole(1024, 1024 * MEBIBYTE)
            .default(64 * MEBIBYTE)
            .describe('most bytes of its cells, which memory holds at once; 64 MiB (67108864) unless given'),
        })
        .describe('reads the table whole, in one chunk: for small tables without a usable key'),
    ).describe('reads the table whole, in one chunk: for small tables without a usable key; by key unless given'),
    shardedBy: optional(columnName()).describe(
      'column that says which shard a row lives on, such as the account: no value of it is on two shards; with it in the item keys, rows of two shards cannot overwrite each other',
    ),
    globallyUnique: z
      .array(columnName())
      .default([])
      .describe(
        'further columns of which no two shards share a value, such as random ids; sampled by `check`, and otherwise taken on your word',
      ),
  })
  .describe('a MySQL table that every shard has');

export const DEFAULT_LAG_SECONDS = 10;

const limits = z
  .strictObject({
    scansPerServer: whole(1, 256)
      .default(4)
      .describe('SELECTs at once on one MySQL server, whichever shards of a run are on it'),
    rangesPerTable: whole(1, 10_000)
      .default(16)
      .describe('ranges that a table is cut into, to be scanned side by side'),
    chunkMs: whole(1, 60_000).default(250).describe('time to aim for with one SELECT, in milliseconds'),
    chunkRows: whole(1, 1_000_000).default(2000).describe('most rows of one SELECT, and so of one chunk'),
    chunkBytes: whole(1024, 1024 * MEBIBYTE)
      .default(4 * MEBIBYTE)
      .describe('most bytes of one SELECT; 4 MiB (4194304) unless given'),
    maxReplicaLagSeconds: whole(1, 86_400)
      .default(DEFAULT_LAG_SECONDS)
      .describe('scans wait while a watched replica is further behind, in seconds'),
    maxThreadsRunning: whole(1, 100_000).default(64).describe("scans wait while the server's Threads_running is above"),
    statementIdleTimeoutSeconds: whole(2, 86_400)
      .default(120)
      .describe('longest silence of a server within a statement, in seconds, before it is given up and tried again'),
    retryTimeoutSeconds: whole(1, 86_400)
      .default(300)
      .describe('how long a source that fails is waited for without any progress, in seconds'),
    maxPauseSeconds: whole(1, 604_800)
      .default(21_600)
      .describe('longest such wait, in seconds, before the shard stops with E_SOURCE_BUSY; six hours unless given'),
  })
  .describe('how gently the source is read');

export const sourceShape = z
  .strictObject({
    shards: z.array(shard).min(1).describe('the MySQL servers to move, one entry each'),
    table: table.optional().describe('the one table to move; or give `tables`'),
    tables: z.array(table).min(1).optional().describe('the tables to move; or give `table`'),
    limits: limits.prefault({}),
  })
  .describe('where the rows come from');
