/**
 * The steps that made versions 1 to 11 of a state file. They never change, because each file has passed them or will
 * pass them. The words in their SQL are those of their time; `state-v12.ts` renames the tables and columns.
 */

// Cursors and item keys hold row values, so the files are for the owner alone. The totals of a range stand beside its
// watermark and change in the same transaction, so that `status` never sums a million chunks.
export const STATE_TO_V11: readonly string[] = [
  `
  CREATE TABLE meta (
    only        INTEGER PRIMARY KEY CHECK (only = 1),
    shard       TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    fingerprint TEXT,               -- canonical JSON; NULL until the first run bound one
    holder_pid  INTEGER,            -- the process that last opened the file to work on it
    held_since  INTEGER
  ) STRICT;

  CREATE TABLE plans (
    table_name    TEXT    PRIMARY KEY,
    scan_key      TEXT    NOT NULL,
    binlog_file   TEXT,
    binlog_offset INTEGER,
    binlog_gtid   TEXT,
    planned_at    INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE ranges (
    table_name     TEXT    NOT NULL REFERENCES plans,
    range_index    INTEGER NOT NULL,
    after          TEXT,            -- exclusive; NULL: from the table's start
    up_to          TEXT,            -- inclusive; NULL: to the table's end
    estimated_rows INTEGER NOT NULL,
    PRIMARY KEY (table_name, range_index)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE passes (
    id          INTEGER PRIMARY KEY,
    kind        TEXT    NOT NULL CHECK (kind IN ('backfill', 'verify')),
    table_name  TEXT    NOT NULL REFERENCES plans,
    started_at  INTEGER NOT NULL,
    finished_at INTEGER
  ) STRICT;
  CREATE INDEX passes_by_table ON passes (table_name, kind);

  CREATE TABLE pass_ranges (
    pass         INTEGER NOT NULL REFERENCES passes,
    range_index  INTEGER NOT NULL,
    watermark    TEXT,              -- NULL: nothing is done yet
    complete     INTEGER NOT NULL DEFAULT 0,
    chunks       INTEGER NOT NULL DEFAULT 0,
    rows         INTEGER NOT NULL DEFAULT 0,
    items        INTEGER NOT NULL DEFAULT 0,
    bad_rows     INTEGER NOT NULL DEFAULT 0,
    expired_rows INTEGER NOT NULL DEFAULT 0,
    units        REAL    NOT NULL DEFAULT 0,
    missing      INTEGER NOT NULL DEFAULT 0,
    differing    INTEGER NOT NULL DEFAULT 0,
    unresolved   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (pass, range_index)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE chunks (
    pass          INTEGER NOT NULL,
    range_index   INTEGER NOT NULL,
    sequence      INTEGER NOT NULL, -- from 0, in key order
    last          TEXT    NOT NULL, -- cursor of the chunk's last row
    rows          INTEGER NOT NULL,
    items         INTEGER NOT NULL,
    bad_rows      INTEGER NOT NULL,
    expired_rows  INTEGER NOT NULL,
    units         REAL    NOT NULL,
    source_digest TEXT    NOT NULL CHECK (length(source_digest) = 32),
    target_digest TEXT             CHECK (length(target_digest) = 32),
    missing       INTEGER NOT NULL,
    differing     INTEGER NOT NULL,
    unresolved    INTEGER NOT NULL,
    done_at       INTEGER NOT NULL,
    PRIMARY KEY (pass, range_index, sequence),
    FOREIGN KEY (pass, range_index) REFERENCES pass_ranges
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE differences (
    id         INTEGER PRIMARY KEY,
    pass       INTEGER NOT NULL REFERENCES passes,
    class      TEXT    NOT NULL CHECK (class IN ('missing', 'differing', 'unresolved')),
    key_text   TEXT    NOT NULL,
    attributes TEXT    NOT NULL,    -- JSON array of names
    cursor     TEXT    NOT NULL
  ) STRICT;
  CREATE INDEX differences_by_pass ON differences (pass);

  CREATE TABLE bad_rows (
    id          INTEGER PRIMARY KEY,
    table_name  TEXT    NOT NULL,
    cursor      TEXT    NOT NULL,
    column_name TEXT,
    reason      TEXT    NOT NULL,
    remedy      TEXT    NOT NULL,
    recorded_at INTEGER NOT NULL,
    UNIQUE (table_name, cursor)
  ) STRICT;

  CREATE TABLE suspects (
    key_text TEXT    PRIMARY KEY,
    since    INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE heartbeat (
    only             INTEGER PRIMARY KEY CHECK (only = 1),
    pid              INTEGER NOT NULL,
    at               INTEGER NOT NULL,
    phase            TEXT    NOT NULL,
    rows_per_second  REAL    NOT NULL,
    items_per_second REAL    NOT NULL,
    units_per_second REAL    NOT NULL,
    throttles        INTEGER NOT NULL,
    retries          INTEGER NOT NULL
  ) STRICT;
  `,
  // A bad row has the last cursor of its chunk in `chunk_last`. The backfill's commit of that chunk writes the chunk's
  // place into the row. `after_pass` is the newest pass of that time. Verifications up to it do not cover the retry or
  // the change.
  `
  ALTER TABLE bad_rows ADD COLUMN kind TEXT NOT NULL DEFAULT 'a value';
  ALTER TABLE bad_rows ADD COLUMN key_text TEXT NOT NULL DEFAULT '';
  ALTER TABLE bad_rows ADD COLUMN chunk_last TEXT;
  ALTER TABLE bad_rows ADD COLUMN range_index INTEGER;
  ALTER TABLE bad_rows ADD COLUMN chunk_sequence INTEGER;
  CREATE INDEX bad_rows_by_chunk ON bad_rows (table_name, chunk_last);

  CREATE TABLE retries (
    id           INTEGER PRIMARY KEY,
    table_name   TEXT    NOT NULL REFERENCES plans,
    pass         INTEGER NOT NULL REFERENCES passes, -- the backfill that counted the rows as bad
    after_pass   INTEGER NOT NULL,
    rows         INTEGER NOT NULL,
    items        INTEGER NOT NULL,
    expired_rows INTEGER NOT NULL,
    gone_rows    INTEGER NOT NULL,
    units        REAL    NOT NULL,
    digest       TEXT    NOT NULL CHECK (length(digest) = 32),
    done_at      INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX retries_by_pass ON retries (pass);

  CREATE TABLE accepted_changes (
    id          INTEGER PRIMARY KEY,
    path        TEXT    NOT NULL,
    from_value  TEXT,               -- JSON; NULL: absent
    to_value    TEXT,
    after_pass  INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL
  ) STRICT;

  -- The columns with bad rows, of whichever shard, that changes were accepted for; NULL: bad items.
  CREATE TABLE accepted_columns (
    table_name  TEXT NOT NULL,
    column_name TEXT
  ) STRICT;
  `,
  // Incidents that runs recovered from, over all runs. The heartbeat's counts of them ended with the process.
  `
  CREATE TABLE incidents (
    kind     TEXT    PRIMARY KEY,
    count    INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at  INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  ALTER TABLE heartbeat DROP COLUMN throttles;
  ALTER TABLE heartbeat DROP COLUMN retries;
  `,
  // `writing`: requests are being sent. At the next start, this mark means that a process ended before all answers
  // came.
  `
  ALTER TABLE meta ADD COLUMN writing INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE meta ADD COLUMN broken_off_at INTEGER;
  `,
  // Items that a live writer had made newer.
  `
  ALTER TABLE pass_ranges ADD COLUMN newer_items INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE chunks ADD COLUMN newer_items INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE retries ADD COLUMN newer_items INTEGER NOT NULL DEFAULT 0;
  `,
  // The MySQL server that the shard was last read from; NULL until a run has recorded it.
  `
  ALTER TABLE meta ADD COLUMN server TEXT;
  `,
  // Position of the steady clock: the boot of the machine, and when that boot began, in ms since the epoch.
  `
  ALTER TABLE meta ADD COLUMN boot TEXT;
  ALTER TABLE meta ADD COLUMN booted_at INTEGER;
  `,
  // The evidence of a verification: the backfill that it saw finished when it began (`saw_chunks`: the newest one's
  // number of chunks at that time). It also has the times of its comparisons, by the wall clock and by the steady one.
  // A steady time that is NULL beside a wall time has an unknown age.
  //
  // Earlier versions recorded none of that, so the migration assumes the worst. A verification saw the backfill only
  // where the backfill had ended before the verification began. Its comparisons are as old as its start. Its last
  // comparison is as old as its last commit by the wall clock, and as its start by the steady one. So it resumes only
  // if all of it is recent.
  //
  // The step also adds items that TTL may have deleted. `ttl`: the attribute that TTL went by at the pass's last check,
  // '' for none; `ttl_changed`: it was another before. `void`: the pass proves nothing. It counted items as present
  // although their time had passed, or it compared with another MySQL server.
  `
  ALTER TABLE passes ADD COLUMN saw_backfill INTEGER;
  ALTER TABLE passes ADD COLUMN saw_chunks INTEGER;
  ALTER TABLE pass_ranges ADD COLUMN oldest_at INTEGER;
  ALTER TABLE pass_ranges ADD COLUMN oldest_steady INTEGER;
  ALTER TABLE pass_ranges ADD COLUMN newest_at INTEGER;
  ALTER TABLE pass_ranges ADD COLUMN newest_steady INTEGER;
  ALTER TABLE chunks ADD COLUMN compared_at INTEGER;
  ALTER TABLE chunks ADD COLUMN compared_steady INTEGER;

  UPDATE passes AS verification
     SET saw_backfill = (SELECT max(id) FROM passes
                          WHERE kind = 'backfill' AND table_name = verification.table_name
                            AND id < verification.id AND finished_at <= verification.started_at)
   WHERE kind = 'verify';
  UPDATE pass_ranges
     SET oldest_at = seen.began_at, oldest_steady = seen.began_at,
         newest_at = coalesce(seen.last_commit, seen.began_at), newest_steady = seen.began_at
    FROM (SELECT id, range_index, started_at AS began_at,
                 (SELECT max(done_at) FROM chunks WHERE chunks.pass = id AND chunks.range_index = of.range_index) AS last_commit
            FROM passes JOIN pass_ranges AS of ON of.pass = id
           WHERE kind = 'verify' AND (of.chunks > 0 OR of.complete = 1)) AS seen
   WHERE pass_ranges.pass = seen.id AND pass_ranges.range_index = seen.range_index;

  ALTER TABLE pass_ranges ADD COLUMN expired_items INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE chunks ADD COLUMN expired_items INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE passes ADD COLUMN ttl TEXT;
  ALTER TABLE passes ADD COLUMN ttl_changed INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE passes ADD COLUMN void INTEGER NOT NULL DEFAULT 0;
  UPDATE passes SET void = 1 WHERE kind = 'verify' AND (SELECT fingerprint LIKE '%"ttl":{%' FROM meta);
  `,
  // The source table that was read, by its creation time and some of its rows: JSON of
  // `src/mysql/scan/table-identity.ts`. A table without a row here gets one at its next run, whatever table it is then.
  `
  CREATE TABLE source_tables (
    table_name TEXT PRIMARY KEY,
    identity   TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  // Where the steady clock was anchored, by the readings of all clocks, and the latest time that was recorded. Only
  // earlier versions use `booted_at`. `inherited`: JSON of the names of the archives whose late writes this file
  // remembers. `home`: JSON of `src/state/home/home.ts`. `lineage` and `commits`: the values that its witness
  // (`witness.ts`) must match.
  `
  ALTER TABLE meta ADD COLUMN clock_at INTEGER;
  ALTER TABLE meta ADD COLUMN clock_uptime INTEGER;
  ALTER TABLE meta ADD COLUMN clock_monotonic INTEGER;
  ALTER TABLE meta ADD COLUMN clock_wall INTEGER;
  ALTER TABLE meta ADD COLUMN clock_seen INTEGER;
  ALTER TABLE meta ADD COLUMN inherited TEXT;
  ALTER TABLE meta ADD COLUMN lineage TEXT;
  ALTER TABLE meta ADD COLUMN commits INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE meta ADD COLUMN home TEXT;
  `,
  // The cause of a bad row, and the number of its items in the target. Earlier versions had them only in the texts of
  // the row. The step also removes the list of kinds from `passes`, so that a new kind needs no migration. Other tables
  // refer to rows of `passes`, and `openDatabase` checks the references only at the end.
  `
  ALTER TABLE bad_rows ADD COLUMN cause TEXT NOT NULL DEFAULT 'value';
  ALTER TABLE bad_rows ADD COLUMN items_taken INTEGER NOT NULL DEFAULT 0;
  UPDATE bad_rows SET cause = 'shared-key' WHERE remedy = 'take a unique key of the table into the key templates';
  UPDATE bad_rows SET cause = 'shard-overlap'
   WHERE remedy = 'find out which shard the value belongs to, and leave the rows of the other out (\`where\`) or remove them';
  UPDATE bad_rows SET cause = 'refused' WHERE reason GLOB 'DynamoDB refused its item (*';
  UPDATE bad_rows
     SET items_taken = cast(substr(before, length(rtrim(before, '0123456789')) + 1) AS INTEGER)
    FROM (SELECT id AS of, replace(replace(reason, ' other items of the row are in the target', ''),
                                   ' other item of the row is in the target', '') AS before
            FROM bad_rows WHERE cause = 'refused' AND reason GLOB '*; [0-9]* other item* of the row * in the target')
   WHERE id = of;

  CREATE TABLE passes_of_any_kind (
    id           INTEGER PRIMARY KEY,
    kind         TEXT    NOT NULL,
    table_name   TEXT    NOT NULL REFERENCES plans,
    started_at   INTEGER NOT NULL,
    finished_at  INTEGER,
    saw_backfill INTEGER,
    saw_chunks   INTEGER,
    ttl          TEXT,
    ttl_changed  INTEGER NOT NULL DEFAULT 0,
    void         INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  INSERT INTO passes_of_any_kind (id, kind, table_name, started_at, finished_at, saw_backfill, saw_chunks, ttl, ttl_changed, void)
       SELECT id, kind, table_name, started_at, finished_at, saw_backfill, saw_chunks, ttl, ttl_changed, void FROM passes;
  DROP TABLE passes;
  ALTER TABLE passes_of_any_kind RENAME TO passes;
  CREATE INDEX passes_by_table ON passes (table_name, kind);
  `,
];
