/**
 * The table and column names that a search for late writes needs in an archived state. Nothing migrates an archive, so
 * it has the names of its version.
 */
import type { Database } from 'better-sqlite3';

interface LateWriteNames {
  /** The name of a table. */
  readonly ambiguousWrites: string;
  /** Names of columns of `meta`. */
  readonly crashedAt: string;
  readonly writesInFlight: string;
}

/** The first version with the current names. */
const RENAMED_IN = 12;

/** Returns the names in this file. */
export function lateWriteNames(database: Database): LateWriteNames {
  const version = database.pragma('user_version', { simple: true }) as number;
  return version < RENAMED_IN
    ? { ambiguousWrites: 'suspects', crashedAt: 'broken_off_at', writesInFlight: 'writing' }
    : { ambiguousWrites: 'ambiguous_writes', crashedAt: 'crashed_at', writesInFlight: 'writes_in_flight' };
}
