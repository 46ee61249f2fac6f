/**
 * The table and column names by which an archived state is searched for its writes, late ones and others. Nothing
 * migrates an archive, so it has the names of its version.
 */
import type { Database } from 'better-sqlite3';

interface LateWriteNames {
  /** Names of tables. */
  readonly ambiguousWrites: string;
  readonly passSegments: string;
  readonly badRowRetries: string;
  /** The column of `passSegments` that names the pass. */
  readonly passId: string;
  /**
   * The column of `bad_rows` that counts items of the row in the target. Version 10 had no such column, so in a file
   * with the former names it is `1`: each bad row counts.
   */
  readonly itemsTaken: string;
  /** Names of columns of `meta`. */
  readonly crashedAt: string;
  readonly writesInFlight: string;
}

/** The first version with the current names. */
const RENAMED_IN = 12;

const FORMER_NAMES: LateWriteNames = {
  ambiguousWrites: 'suspects',
  passSegments: 'pass_ranges',
  badRowRetries: 'retries',
  passId: 'pass',
  itemsTaken: '1',
  crashedAt: 'broken_off_at',
  writesInFlight: 'writing',
};

const NAMES: LateWriteNames = {
  ambiguousWrites: 'ambiguous_writes',
  passSegments: 'pass_segments',
  badRowRetries: 'bad_row_retries',
  passId: 'pass_id',
  itemsTaken: 'items_taken',
  crashedAt: 'crashed_at',
  writesInFlight: 'writes_in_flight',
};

/** Returns the names in this file. */
export function lateWriteNames(database: Database): LateWriteNames {
  const version = database.pragma('user_version', { simple: true }) as number;
  return version < RENAMED_IN ? FORMER_NAMES : NAMES;
}
