/**
 * The catalogue of everything that can go wrong: one code a cause, each with its exit code and what it means.
 * A FerryError states the fact (`message`) and what to do next (`hint`); neither ever holds a row value or a secret.
 */

/** What the process returns to the shell; documented in README.md. */
export const EXIT = {
  done: 0,
  differences: 1,
  usage: 2,
  preflight: 3,
  source: 4,
  target: 5,
  state: 6,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

interface CodeEntry {
  readonly exit: ExitCode;
  /** One line for the table in README.md. */
  readonly meaning: string;
}

const entry = (exit: ExitCode, meaning: string): CodeEntry => ({ exit, meaning });

export const ERROR_CODES = {
  E_USAGE: entry(EXIT.usage, 'the command line is not one that dynaferry understands'),
  E_OUTPUT: entry(EXIT.state, 'stdout could not be written: the report is lost or cut off'),
  E_CONFIG_READ: entry(EXIT.usage, 'the config file cannot be read or is not YAML'),
  E_CONFIG_INVALID: entry(EXIT.usage, 'the config has faults; each is listed with its path and line'),
  E_CONFIG_ENV: entry(EXIT.usage, 'the config takes an environment variable that is not set'),
  E_MAPPING_INVALID: entry(EXIT.usage, 'a mapping rule cannot be compiled against the table'),
  E_MAPPING_COLUMN: entry(EXIT.usage, 'a mapping names a column that the table does not have'),
  E_MAPPING_UNSORTABLE: entry(EXIT.usage, 'a sort key template would not sort as the source does'),
  E_LIMIT_INVALID: entry(
    EXIT.usage,
    'a limit or a budget that was to change during a run is unknown or out of its bounds',
  ),
  E_SHARD_UNKNOWN: entry(EXIT.usage, 'a shard id was named that the config does not have'),

  E_PREFLIGHT: entry(
    EXIT.preflight,
    'the preflight found several faults, each listed with its own code; exits as they do where they agree',
  ),
  E_TABLE_MISSING: entry(EXIT.preflight, 'the source database has no such table'),
  E_TABLE_NOT_BASE: entry(EXIT.preflight, 'what the config names is a view or no table, and may hide rows or columns'),
  E_TABLE_NO_KEY: entry(EXIT.preflight, 'the table has no unique key that a scan can follow'),
  E_TABLE_TOO_LARGE: entry(EXIT.preflight, 'a table that is read whole is larger than its limit'),
  E_ITEM_KEY_NOT_UNIQUE: entry(EXIT.preflight, 'the schema does not prove that every row gets an item key of its own'),
  E_TARGET_TABLE_MISSING: entry(EXIT.preflight, 'the target table does not exist'),
  E_TARGET_KEY_SCHEMA: entry(EXIT.preflight, 'the target table has another key schema than the mapping'),
  E_TARGET_NOT_ACTIVE: entry(
    EXIT.preflight,
    'the target table is being made or deleted, is archived, or its KMS key or replication is denied',
  ),
  E_TLS_REQUIRED: entry(
    EXIT.preflight,
    'TLS is missing where it is required, by the server or because the host is not loopback, or cannot be verified',
  ),
  E_STATE_SPACE: entry(EXIT.preflight, 'the disk of the state folder is nearly full'),

  E_SOURCE_CONNECT: entry(EXIT.source, 'MySQL cannot be reached'),
  E_SOURCE_ACCESS: entry(EXIT.source, 'MySQL refused the user, the password or a privilege'),
  E_SOURCE_QUERY: entry(EXIT.source, 'MySQL failed a query'),
  E_SOURCE_SESSION: entry(
    EXIT.source,
    'MySQL answered in another session than the one that was set up, or keeps settings that change what is read',
  ),
  E_SOURCE_WARNING: entry(EXIT.source, 'MySQL ended a SELECT with a warning: values or rows may be others than stored'),
  E_SOURCE_LOST: entry(EXIT.source, 'the connection to MySQL was lost and could not be had again'),
  E_SOURCE_CHANGED: entry(
    EXIT.source,
    'the source is another than when the shard was begun: another server, or a table that was altered, emptied or created again',
  ),
  E_ROW_TOO_LARGE: entry(EXIT.source, 'a row is larger than the memory of this machine can take'),
  E_SOURCE_BUSY: entry(EXIT.source, 'replica lag or running threads stayed above their limits for maxPauseSeconds'),
  E_BAD_ROWS: entry(
    EXIT.differences,
    'more rows than --max-bad-rows allows cannot be represented as asked, or DynamoDB refuses their items',
  ),
  E_ITEM_KEY_SHARED: entry(EXIT.differences, 'two source rows map to one item key'),
  E_SHARD_OVERLAP: entry(EXIT.differences, 'a value that only one shard should have is on two'),
  E_LATE_WRITES: entry(
    EXIT.differences,
    'an earlier run ended with writes under way, which may still be applied: no verification passes yet',
  ),

  E_TARGET_CREDENTIALS: entry(EXIT.target, 'no AWS credentials were found, or they have expired'),
  E_TARGET_ACCESS: entry(EXIT.target, 'AWS refused an action'),
  E_TARGET_CONNECT: entry(EXIT.target, 'DynamoDB cannot be reached'),
  E_TARGET_REQUEST: entry(EXIT.target, 'DynamoDB refused a request as invalid'),
  E_TARGET_UNAVAILABLE: entry(EXIT.target, 'DynamoDB kept failing or throttling until the patience ran out'),
  E_LIVE_WRITER: entry(
    EXIT.target,
    'beside a live writer, rows waited too long to be written safely, or items have no version to compare',
  ),
  E_TARGET_GONE: entry(EXIT.target, 'the target table went away during the run, or another one is in its place'),

  E_STATE_LOCKED: entry(EXIT.state, 'another process works on this shard'),
  E_STATE_COPIED: entry(
    EXIT.state,
    'the state is a copy, an older one, or of another machine: `dynaferry state adopt` takes it up once the other one has ended',
  ),
  E_STATE_CORRUPT: entry(EXIT.state, 'the state file is damaged'),
  E_STATE_FOREIGN: entry(EXIT.state, 'the state file belongs to something else'),
  E_STATE_CHANGED: entry(
    EXIT.state,
    'the mapping, the source table, the target table or another bound setting is not as it was when this shard, or another, was begun',
  ),
  E_STATE_IO: entry(EXIT.state, 'the state file cannot be written'),
  E_STATE_MISSING: entry(EXIT.state, 'nothing is recorded yet for this shard'),

  E_TOO_MANY_FILES: entry(EXIT.state, 'the machine lets the process open no more files'),
  E_DISK_FULL: entry(EXIT.state, 'the disk of the state, or another one that is written to, is full'),
  E_TOO_MANY_PROCESSES: entry(EXIT.state, 'the machine lets the user start no more processes'),
  E_OUT_OF_MEMORY: entry(EXIT.state, 'the machine or the container has no more memory for the process'),
  E_MACHINE_LIMITS: entry(EXIT.preflight, 'the config needs more memory, files or processes than the machine allows'),

  E_WORKER_DIED: entry(EXIT.state, 'the process of a shard ended without saying why, or could not be started'),
  E_STALLED: entry(EXIT.state, 'nothing moved for longer than every patience of the config; the checkpoint is saved'),
  E_WORKER_HUNG: entry(
    EXIT.state,
    'the process of a shard gave no sign of life for minutes, or was stopped in the way of others',
  ),
  E_INTERRUPTED: entry(EXIT.interrupted, 'stopped by a signal; the checkpoint is saved'),
  E_INTERNAL: entry(EXIT.state, 'a defect in dynaferry; nothing was marked done that was not acknowledged'),
} as const satisfies Record<string, CodeEntry>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** A fault as plain data: what travels over IPC and into JSON. */
export interface Fault {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
}

/** What a preflight found: an `error` refuses the run, a `warning` is told and goes on. */
export interface Finding extends Fault {
  readonly level: 'error' | 'warning';
}

/**
 * Of faults that were found together: their own where they agree, so that a fault exits alike whoever meets it; else a
 * refusal's.
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
   * @param options.cause the error underneath, kept for debugging; never printed
   * @param options.faults the single faults, where this error sums up several
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

/** As `interrupted` says it: the work ended in order. */
export const STOPPED_IN_ORDER = 'stopped by request';

/** Thrown where an AbortSignal stopped the work: the checkpoint stands. */
export function interrupted(): FerryError {
  return new FerryError('E_INTERRUPTED', STOPPED_IN_ORDER, 'run the same command again to resume');
}
