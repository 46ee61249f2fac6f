/**
 * Lists every error of dynaferry: one code for each cause, with its exit code and its meaning.
 * A FerryError states the fact (`message`) and what to do next (`hint`); neither ever holds a row value or a secret.
 */

/** The codes that the process returns to the shell; README.md documents them. */
export const EXIT = {
  done: 0,
  differences: 1,
  usage: 2,
  preflight: 3,
  source: 4,
  target: 5,
  state: 6,
  /** Nothing is known to be wrong, and yet something is not known to be right. */
  notProven: 7,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

interface CodeEntry {
  readonly exit: ExitCode;
  /** The meaning is one line for the table in README.md. */
  readonly meaning: string;
}

const entry = (exit: ExitCode, meaning: string): CodeEntry => ({ exit, meaning });

export const ERROR_CODES = {
  E_USAGE: entry(EXIT.usage, 'dynaferry does not understand the command line'),
  E_OUTPUT: entry(EXIT.state, 'dynaferry could not write to stdout: the report is lost or incomplete'),
  E_CONFIG_READ: entry(EXIT.usage, 'the config file cannot be read or is not YAML'),
  E_CONFIG_INVALID: entry(EXIT.usage, 'the config has faults; the report lists each with its path and line'),
  E_CONFIG_ENV: entry(EXIT.usage, 'the config uses an environment variable that is not set'),
  E_MAPPING_INVALID: entry(EXIT.usage, 'a mapping rule does not fit the table'),
  E_MAPPING_COLUMN: entry(EXIT.usage, 'a mapping names a column that the table does not have'),
  E_MAPPING_UNSORTABLE: entry(EXIT.usage, 'a sort key template would sort items in another order than the source'),
  E_LIMIT_INVALID: entry(
    EXIT.usage,
    'a limit or a budget that was to change during a run is unknown or out of its bounds',
  ),
  E_SHARD_UNKNOWN: entry(EXIT.usage, 'the command names a shard id that the config does not have'),

  E_PREFLIGHT: entry(
    EXIT.preflight,
    'the preflight found several faults and lists each with its code; where all have one exit code, that is used',
  ),
  E_TABLE_MISSING: entry(EXIT.preflight, 'the source database does not have the table'),
  E_TABLE_NOT_BASE: entry(
    EXIT.preflight,
    'the config names a view or another object that is not a base table; it may hide rows or columns',
  ),
  E_TABLE_NO_KEY: entry(EXIT.preflight, 'the table has no unique key that a scan can follow'),
  E_TABLE_TOO_LARGE: entry(EXIT.preflight, 'a table that dynaferry reads whole is larger than its limit'),
  E_ITEM_KEY_NOT_UNIQUE: entry(EXIT.preflight, 'the schema does not prove that every row gets its own item key'),
  E_TARGET_TABLE_MISSING: entry(EXIT.preflight, 'the target table does not exist'),
  E_TARGET_KEY_SCHEMA: entry(EXIT.preflight, 'the key schema of the target table differs from the mapping'),
  E_TARGET_NOT_EMPTY: entry(
    EXIT.preflight,
    'the target table holds items that no state of this migration knows: a first backfill could overwrite them',
  ),
  E_TARGET_NOT_ACTIVE: entry(
    EXIT.preflight,
    'the target table is being created or deleted, is archived, or AWS denies its KMS key or its replication',
  ),
  E_TLS_REQUIRED: entry(
    EXIT.preflight,
    'TLS is missing although the server requires it or the host is not loopback; or the certificate cannot be verified',
  ),
  E_STATE_SPACE: entry(EXIT.preflight, 'the disk of the state folder is nearly full'),

  E_SOURCE_CONNECT: entry(EXIT.source, 'dynaferry cannot reach MySQL'),
  E_SOURCE_ACCESS: entry(EXIT.source, 'MySQL refused the user, the password or a privilege'),
  E_SOURCE_QUERY: entry(EXIT.source, 'a MySQL query failed'),
  E_SOURCE_SESSION: entry(
    EXIT.source,
    'MySQL answered from another session than the one that was set up, or keeps settings that change results',
  ),
  E_SOURCE_WARNING: entry(
    EXIT.source,
    'MySQL ended a SELECT with a warning: values or rows may differ from what it stores',
  ),
  E_SOURCE_LOST: entry(EXIT.source, 'dynaferry lost the MySQL connection and could not reconnect'),
  E_SOURCE_CHANGED: entry(
    EXIT.source,
    'the source server or table changed since this shard started: another server, or a table altered, emptied or created again',
  ),
  E_ROW_TOO_LARGE: entry(EXIT.source, 'a row needs more memory than this machine has'),
  E_SOURCE_BUSY: entry(EXIT.source, 'replica lag or running threads stayed above their limits for `maxPauseSeconds`'),
  E_BAD_ROWS: entry(
    EXIT.differences,
    'more rows than `--max-bad-rows` allows do not fit the mapping, or DynamoDB rejects their items',
  ),
  E_ITEM_KEY_SHARED: entry(EXIT.differences, 'two source rows map to the same item key'),
  E_SHARD_OVERLAP: entry(EXIT.differences, 'two shards have a value that only one shard should have'),
  E_LATE_WRITES: entry(
    EXIT.notProven,
    'DynamoDB may still apply writes of a run that ended early: no verification can pass yet',
  ),

  E_TARGET_CREDENTIALS: entry(EXIT.target, 'AWS credentials are missing or have expired'),
  E_TARGET_ACCESS: entry(EXIT.target, 'AWS denied an action'),
  E_TARGET_CONNECT: entry(EXIT.target, 'dynaferry cannot reach DynamoDB'),
  E_TARGET_REQUEST: entry(EXIT.target, 'DynamoDB rejected a request as invalid'),
  E_TARGET_UNAVAILABLE: entry(
    EXIT.target,
    'DynamoDB kept failing or throttling until `target.retryTimeoutSeconds` elapsed',
  ),
  E_LIVE_WRITER: entry(
    EXIT.target,
    'beside a live writer, rows waited too long for a safe write, or items have no version to compare',
  ),
  E_TARGET_GONE: entry(EXIT.target, 'the target table was deleted during the run, or another table replaced it'),

  E_STATE_LOCKED: entry(EXIT.state, 'another process works on this shard'),
  E_STATE_COPIED: entry(
    EXIT.state,
    'the state is a copy, is outdated, or is of another machine; when the other run has ended, run `dynaferry state adopt`',
  ),
  E_STATE_CORRUPT: entry(EXIT.state, 'the state file is damaged'),
  E_STATE_FOREIGN: entry(EXIT.state, 'the state file belongs to another program or to a newer dynaferry'),
  E_STATE_CHANGED: entry(
    EXIT.state,
    'the mapping, the source table, the target table or another setting that the state records changed since this shard or another one started',
  ),
  E_STATE_GONE: entry(
    EXIT.state,
    'the state folder or a file in it was deleted, moved or replaced during a run; the run stopped',
  ),
  E_STATE_IO: entry(EXIT.state, 'dynaferry cannot write the state file'),
  E_STATE_MISSING: entry(EXIT.state, 'the state has no record of this shard yet'),

  E_TOO_MANY_FILES: entry(EXIT.state, 'the machine does not let the process open more files'),
  E_DISK_FULL: entry(EXIT.state, 'the disk of the state folder, or another disk that the run writes to, is full'),
  E_TOO_MANY_PROCESSES: entry(EXIT.state, 'the machine does not let the user start more processes'),
  E_OUT_OF_MEMORY: entry(EXIT.state, 'the machine or the container has no memory left for the process'),
  E_MACHINE_LIMITS: entry(EXIT.preflight, 'the config needs more memory, files or processes than the machine allows'),

  E_WORKER_DIED: entry(EXIT.state, 'the process of a shard ended without a reason, or could not start'),
  E_STALLED: entry(
    EXIT.state,
    'a shard made no progress for longer than every timeout of the config; the checkpoint is saved',
  ),
  E_WORKER_HUNG: entry(
    EXIT.state,
    'the process of a shard gave no sign of life for minutes, or dynaferry stopped it because it blocked others',
  ),
  E_INTERRUPTED: entry(EXIT.interrupted, 'a signal stopped the run; the checkpoint is saved'),
  E_INTERNAL: entry(EXIT.state, 'a defect in dynaferry; it marked nothing done that DynamoDB did not acknowledge'),
} as const satisfies Record<string, CodeEntry>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** A fault is plain data, so that it can travel over IPC and into JSON. */
export interface Fault {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
}

/** A finding of the preflight: an `error` refuses the run; a `warning` is reported, and the run starts. */
export interface Finding extends Fault {
  readonly level: 'error' | 'warning';
}

/**
 * Returns the exit code of faults that were found together. If all have one exit code, it is that one, so that a fault
 * has the same exit code in every command. Else it is the code of a refused preflight.
 */
export function exitOf(faults: readonly Fault[]): ExitCode {
  const exits = new Set(faults.map(({ code }) => ERROR_CODES[code].exit));
  const [own] = exits;
  return exits.size === 1 && own !== undefined ? own : EXIT.preflight;
}

export class FerryError extends Error {
  override readonly name = 'FerryError';

  /**
   * @param code from the catalogue
   * @param message the fact: what was found, where
   * @param hint the next step for the operator
   * @param options.cause the underlying error, kept for debugging; dynaferry never prints it
   * @param options.faults the single faults, where this error stands for several
   */
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly hint: string,
    readonly options: { readonly cause?: unknown; readonly faults?: readonly Fault[] } = {},
  ) {
    super(message, { cause: options.cause });
  }

  get exitCode(): ExitCode {
    return this.code === 'E_PREFLIGHT' ? exitOf(this.faults) : ERROR_CODES[this.code].exit;
  }

  get faults(): readonly Fault[] {
    return this.options.faults ?? [];
  }

  toFault(): Fault {
    return { code: this.code, message: this.message, hint: this.hint };
  }
}

/** Returns the error for work that an AbortSignal stopped: the checkpoint is saved. */
export function interrupted(): FerryError {
  return new FerryError('E_INTERRUPTED', 'stopped by request', 'run the same command again to resume');
}
