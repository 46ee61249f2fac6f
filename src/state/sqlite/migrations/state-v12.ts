/**
 * The step to version 12 of a state file adds passes without a plan, and gives each thing one name. Other tables refer
 * to rows of `plans` and `passes`: `openDatabase` checks that at the end of all steps.
 *
 * - `plans.scan_key` is NULL when the table is read whole; it was '' before.
 * - `passes.follows_plan`: 1 when the pass's segments are the ranges of the table's plan. A pass with 0 has numbered
 *   segments, and its table needs no plan.
 * - `newest_pass_id`: the newest pass of that time; verifications up to it have not seen the retry or the change.
 */
export const STATE_V12 = `
  ALTER TABLE meta RENAME COLUMN only TO id;
  ALTER TABLE meta RENAME COLUMN writing TO writes_in_flight;
  ALTER TABLE meta RENAME COLUMN broken_off_at TO crashed_at;
  ALTER TABLE heartbeat RENAME COLUMN only TO id;

  CREATE TABLE plans_of_v12 (
    table_name    TEXT    PRIMARY KEY,
    scan_key      TEXT,
    binlog_file   TEXT,
    binlog_offset INTEGER,
    binlog_gtid   TEXT,
    planned_at    INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  INSERT INTO plans_of_v12 (table_name, scan_key, binlog_file, binlog_offset, binlog_gtid, planned_at)
       SELECT table_name, nullif(scan_key, ''), binlog_file, binlog_offset, binlog_gtid, planned_at FROM plans;
  DROP TABLE plans;
  ALTER TABLE plans_of_v12 RENAME TO plans;

  CREATE TABLE passes_of_v12 (
    id           INTEGER PRIMARY KEY,
    kind         TEXT    NOT NULL,
    table_name   TEXT    NOT NULL,
    follows_plan INTEGER NOT NULL CHECK (follows_plan IN (0, 1)),
    started_at   INTEGER NOT NULL,
    finished_at  INTEGER,
    saw_backfill INTEGER,
    saw_chunks   INTEGER,
    ttl          TEXT,
    ttl_changed  INTEGER NOT NULL DEFAULT 0,
    void         INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  INSERT INTO passes_of_v12 (id, kind, table_name, follows_plan, started_at, finished_at, saw_backfill, saw_chunks, ttl,
                             ttl_changed, void)
       SELECT id, kind, table_name, 1, started_at, finished_at, saw_backfill, saw_chunks, ttl, ttl_changed, void
         FROM passes;
  DROP TABLE passes;
  ALTER TABLE passes_of_v12 RENAME TO passes;
  CREATE INDEX passes_by_table ON passes (table_name, kind);

  ALTER TABLE pass_ranges RENAME TO pass_segments;
  ALTER TABLE pass_segments RENAME COLUMN pass TO pass_id;
  ALTER TABLE pass_segments RENAME COLUMN range_index TO segment_index;
  ALTER TABLE chunks RENAME COLUMN pass TO pass_id;
  ALTER TABLE chunks RENAME COLUMN range_index TO segment_index;
  ALTER TABLE chunks RENAME COLUMN last TO last_cursor;
  ALTER TABLE differences RENAME COLUMN pass TO pass_id;
  ALTER TABLE differences RENAME COLUMN key_text TO item_key;

  ALTER TABLE bad_rows RENAME COLUMN key_text TO scan_key;
  ALTER TABLE bad_rows RENAME COLUMN chunk_last TO chunk_last_cursor;
  ALTER TABLE bad_rows RENAME COLUMN range_index TO segment_index;

  ALTER TABLE retries RENAME TO bad_row_retries;
  ALTER TABLE bad_row_retries RENAME COLUMN pass TO pass_id;
  ALTER TABLE bad_row_retries RENAME COLUMN after_pass TO newest_pass_id;
  DROP INDEX retries_by_pass;
  CREATE INDEX bad_row_retries_by_pass ON bad_row_retries (pass_id);
  ALTER TABLE accepted_changes RENAME COLUMN after_pass TO newest_pass_id;

  ALTER TABLE suspects RENAME TO ambiguous_writes;
  ALTER TABLE ambiguous_writes RENAME COLUMN key_text TO item_key;
`;
