/**
 * Sorts every cause that a MySQL or MariaDB server, the driver or a socket can name. A cause means to try again, that
 * the operator must act, or a defect of ours. It looks at the name first, then at the kind of the name, then at the
 * SQLSTATE. No cause is left without a meaning.
 *
 * Sources: mysql2's list (MySQL 8.0.33: 1,700 server errors), MariaDB 10.11's list (`perror` 1900 to 4192), and the
 * messages of Node and OpenSSL. Numbers from 4000 on have other meanings in MySQL than in MariaDB: those that a reader
 * of rows can meet are named below.
 */
import type { Meaning } from './error-meaning.js';
import { CONNECTING } from './error-table-connecting.js';

type Named = readonly (readonly [names: string, meaning: Meaning])[];

const busy = (fact: string, hint: string): Meaning => ({ code: 'E_SOURCE_QUERY', remedy: 'again', fact, hint });
const query = (fact: string, hint: string): Meaning => ({ code: 'E_SOURCE_QUERY', remedy: 'operator', fact, hint });
const access = (fact: string, hint: string): Meaning => ({ code: 'E_SOURCE_ACCESS', remedy: 'operator', fact, hint });
const missing = (fact: string, hint: string): Meaning => ({ code: 'E_TABLE_MISSING', remedy: 'operator', fact, hint });
const ours = (fact: string): Meaning => ({
  ...{ code: 'E_SOURCE_QUERY', remedy: 'ours', fact },
  hint: 'report this defect of dynaferry with the code and the version of the server',
});

export const GRANTS =
  'grant the user SELECT on the tables and REPLICATION CLIENT on *.* (MIGRATION.md has the statements)';
const WHERE = "check the table's `where` in the config";
const ALTERED = 'run `dynaferry check`, then `dynaferry backfill --restart` for the shard';
const ERROR_LOG = "see the server's error log; restore or repair the table before you move it";
const DAMAGED = query(
  'the table or its index is damaged',
  'run CHECK TABLE; repair or restore the table before you move it',
);

/** Errors while a statement runs. */
const READING: Named = [
  ['ER_QUERY_INTERRUPTED', busy('somebody killed the statement', 'find out who kills statements on this server')],
  ['ER_FILSORT_ABORT', busy('somebody ended the statement', 'find out who kills statements on this server')],
  ['ER_QUERY_TIMEOUT', busy('the server ended the statement as too slow', 'raise max_execution_time for the user')],
  ['ER_STATEMENT_TIMEOUT', busy('the server ended the statement as too slow', 'raise max_statement_time for the user')],
  [
    'ER_LOCK_WAIT_TIMEOUT',
    busy('a lock did not become free in time', 'see what locks the table (ALTER, LOCK TABLES, backup)'),
  ],
  [
    'ER_LOCK_DEADLOCK ER_LOCK_ABORTED ER_LOCK_NOWAIT ER_LOCK_TABLE_FULL ER_LOCK_REFUSED_BY_ENGINE',
    busy('the server ended the statement over a lock', 'see what locks the table'),
  ],
  ['ER_BACKUP_LOCK_IS_ACTIVE', busy('a backup holds its lock', 'wait for the backup, or end it')],
  [
    'ER_NEED_REPREPARE ER_CHECKREAD ER_GET_TEMPORARY_ERRMSG',
    busy('the table changed during the statement', 'see what alters the table'),
  ],
  ['ER_NET_PACKET_TOO_LARGE', busy('an answer exceeds max_allowed_packet', 'raise max_allowed_packet on the server')],
  [
    'ER_OUTOFMEMORY ER_OUT_OF_RESOURCES ER_ENGINE_OUT_OF_MEMORY ER_STD_BAD_ALLOC_ERROR ER_MDL_OUT_OF_RESOURCES ER_CAPACITY_EXCEEDED',
    busy('the server had no memory for the statement', 'see what uses the memory of the server'),
  ],
  ['ER_OUT_OF_SORTMEMORY', busy('the server had too little sort memory', 'raise sort_buffer_size for the user')],
  [
    'ER_TOO_MANY_CONCURRENT_TRXS ER_INNODB_UNDO_LOG_FULL',
    busy('the server has no room for another transaction', 'see what transactions run on the server'),
  ],
  [
    'ER_DISK_FULL ER_RECORD_FILE_FULL ER_TEMP_FILE_WRITE_FAILURE ER_ERROR_ON_WRITE ER_IO_WRITE_ERROR ER_DISK_FULL_NOWAIT',
    busy("the server's disk or a temporary table is full", 'make room on the server, its tmpdir included'),
  ],

  ['ER_DBACCESS_DENIED_ERROR ER_DB_ACCESS_DENIED', access('the user may not use the database', GRANTS)],
  ['ER_TABLEACCESS_DENIED_ERROR ER_NONEXISTING_TABLE_GRANT', access('the user may not read the table', GRANTS)],
  ['ER_COLUMNACCESS_DENIED_ERROR', access('the user may not read a column', GRANTS)],
  ['ER_SPECIFIC_ACCESS_DENIED_ERROR ER_NONEXISTING_GRANT', access('the user lacks a privilege', GRANTS)],
  ['ER_PROCACCESS_DENIED_ERROR', access('the user may not call a function', `grant EXECUTE on it, or ${WHERE}`)],
  ['ER_VIEW_NO_EXPLAIN', access('the user may not look into a view', 'name the table itself in `source.tables`')],
  [
    'ER_KEYRING_ACCESS_DENIED_ERROR ER_CANNOT_FIND_KEY_IN_KEYRING ER_RELOAD_KEYRING_FAILURE',
    query(
      'the server has no key to decrypt the table',
      "repair the server's keyring; its error log says what is missing",
    ),
  ],

  [
    'ER_BAD_DB_ERROR ER_NO_DB_ERROR ER_WRONG_DB_NAME',
    access('the server has no such database', 'check `database` in the config'),
  ],
  [
    'ER_NO_SUCH_TABLE ER_UNKNOWN_TABLE ER_BAD_TABLE_ERROR',
    missing(
      'the table does not exist',
      'check `source.tables` in the config; if the table existed when the run started, find out who dropped or renamed it',
    ),
  ],
  [
    'ER_NO_SUCH_TABLE_IN_ENGINE ER_TABLESPACE_MISSING ER_TABLESPACE_MISSING_WITH_NAME ER_MISSING_TABLESPACE_FILE ER_TABLESPACE_DISCARDED ER_SQL_DISCOVER_ERROR',
    query('the table is known, but its data file is missing or discarded', ERROR_LOG),
  ],
  [
    'ER_VIEW_INVALID ER_NO_SUCH_USER ER_VIEW_OTHER_USER ER_VIEW_RECURSIVE',
    query(
      'a view refers to a missing object, or its definer may not read it',
      'name the table itself in `source.tables`',
    ),
  ],
  [
    'ER_CRASHED_ON_USAGE ER_CRASHED_ON_REPAIR',
    query('the table is marked as crashed', 'run REPAIR TABLE before you move the table'),
  ],
  [
    'ER_NOT_KEYFILE ER_INDEX_CORRUPT ER_INNODB_INDEX_CORRUPT ER_TABLE_CORRUPT ER_FILE_CORRUPT ER_KEY_NOT_FOUND ER_ROW_IN_WRONG_PARTITION ER_METADATA_INCONSISTENCY',
    DAMAGED,
  ],
  [
    'ER_NOT_FORM_FILE ER_FRM_UNKNOWN_TYPE ER_FORM_NOT_FOUND ER_OLD_KEYFILE ER_OLD_FILE_FORMAT ER_TABLE_NEEDS_UPGRADE ER_TABLE_NEEDS_UPG_PART ER_TABLE_NEEDS_REBUILD ER_COL_COUNT_DOESNT_MATCH_CORRUPTED ER_COL_COUNT_DOESNT_MATCH_CORRUPTED_V2',
    query(
      "the table's definition is damaged or of an older server",
      'run mysql_upgrade, or REPAIR TABLE, before you move the table',
    ),
  ],
  [
    'ER_GET_ERRNO ER_GET_ERRMSG ER_INTERNAL_ERROR ER_RDB_STATUS_GENERAL ER_RDB_STATUS_MSG ER_ILLEGAL_HA ER_CANT_OPEN_FILE ER_FILE_NOT_FOUND ER_ERROR_ON_READ ER_IO_READ_ERROR ER_CANT_LOCK ER_CANT_GET_STAT ER_UNEXPECTED_EOF ER_FSEEK_FAIL ER_UNKNOWN_ERROR',
    query('the storage engine could not read the table', ERROR_LOG),
  ],
  [
    'ER_INNODB_FORCED_RECOVERY',
    query('InnoDB runs in forced recovery', 'restore the server before you move its tables'),
  ],
  [
    'ER_UNKNOWN_STORAGE_ENGINE ER_STORAGE_ENGINE_NOT_LOADED ER_DISABLED_STORAGE_ENGINE ER_STORAGE_ENGINE_DISABLED ER_FEATURE_DISABLED ER_UNSUPPORTED_ENGINE ER_PROVIDER_NOT_LOADED',
    query(
      'the server has not loaded the storage engine or compression of the table',
      "load the storage engine or the compression provider; the server's error log names it",
    ),
  ],
  [
    'ER_CONNECT_TO_FOREIGN_DATA_SOURCE ER_QUERY_ON_FOREIGN_DATA_SOURCE ER_FOREIGN_DATA_SOURCE_DOESNT_EXIST ER_FOREIGN_SERVER_DOESNT_EXIST',
    query('the table is on another server, which does not answer', 'name that server as the shard'),
  ],
  [
    'ER_WRONG_MRG_TABLE',
    query('the tables underneath a MERGE table differ', 'name the tables underneath in `source.tables`'),
  ],

  [
    'ER_TOO_BIG_SELECT',
    query(
      'the statement would examine more rows than max_join_size',
      'set max_join_size or sql_big_selects for the user',
    ),
  ],
  [
    'ER_QUERY_RESULT_INCOMPLETE',
    query(
      'the server ended the statement at a limit and left out rows',
      'remove the limit of the user (LIMIT ROWS EXAMINED, max_rows)',
    ),
  ],
  [
    'ER_STACK_OVERRUN ER_STACK_OVERRUN_NEED_MORE',
    query('the server ran out of stack', `raise thread_stack, or ${WHERE}`),
  ],
  ['ER_TABLE_DEF_CHANGED', query('somebody altered the table during the run', ALTERED)],
  ['ER_KEY_DOES_NOT_EXITS ER_KEY_DOES_NOT_EXISTS ER_NO_SUCH_INDEX', query('the scan key no longer exists', ALTERED)],
  [
    'ER_BAD_FIELD_ERROR',
    query(
      'the server does not know a column',
      "check the table's `where`; if somebody altered the table during the run, `dynaferry backfill --restart` moves the shard again",
    ),
  ],
  ['ER_PARSE_ERROR ER_SYNTAX_ERROR ER_EMPTY_QUERY', query('the server did not understand the statement', WHERE)],
  [
    'ER_SP_DOES_NOT_EXIST ER_FUNC_INEXISTENT_NAME_COLLISION ER_FUNCTION_NOT_DEFINED ER_CANT_FIND_UDF ER_CANT_INITIALIZE_UDF ER_UDF_ERROR',
    query('the server does not know a function', WHERE),
  ],
  [
    'ER_UNKNOWN_CHARACTER_SET ER_UNKNOWN_COLLATION',
    query('the server does not know utf8mb4', 'read from MySQL 5.6 or later'),
  ],

  [
    'ER_OPTION_PREVENTS_STATEMENT ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION ER_READ_ONLY_MODE ER_INNODB_READ_ONLY ER_READ_ONLY_TRANSACTION ER_SCHEMA_READ_ONLY ER_OPEN_AS_READONLY ER_CANT_UPDATE_WITH_READLOCK',
    ours('the server treated the statement as a write'),
  ],
  [
    'ER_UNKNOWN_SYSTEM_VARIABLE ER_WRONG_VALUE_FOR_VAR ER_WRONG_TYPE_FOR_VAR ER_INCORRECT_GLOBAL_LOCAL_VAR ER_GLOBAL_VARIABLE ER_LOCAL_VARIABLE ER_VARIABLE_IS_READONLY ER_UNKNOWN_TIME_ZONE',
    ours('the server does not accept a setting of the session'),
  ],
];

/**
 * Errors of statements that dynaferry never sends: stored programs, replication, partitions and other DDL, XA, audit,
 * clones.
 */
const NOT_SENT = ours('the server reports an error that no statement of dynaferry can cause');
const EXPRESSION = query('the server cannot calculate an expression', WHERE);

/** Meanings by the kind of the name, for names that are not listed above. The first match applies. */
const KINDS: readonly (readonly [name: RegExp, meaning: Meaning])[] = [
  [/^(WARN_|ER_WARN_|ER_UNUSED)|DEPRECATED/, ours('the server reports a warning as an error')],
  [
    /^EE_(DISK_FULL|OUTOFMEMORY|OUT_OF_FILERESOURCES)/,
    busy('the server ran out of disk, memory or files', 'see what uses them'),
  ],
  [/^(EE|HA)_/, query('the storage engine could not read the table', ERROR_LOG)],
  [
    /^ER_(SP|TRG|EVENT|XA|XAER|BINLOG|SLAVE|REPLICA|SOURCE|MASTER|GTID|GROUP_REPLICATION|GRP|GR|RPL|MTA|FK|PARTITION|PART|CLONE|RESOURCE_GROUP|DUP|ALTER|DROP|CREATE|CHANGE|VERS|BACKUP|SEQUENCE|PERIOD|CTE|SRS|FILEGROUP|TABLESPACE|RELAY|LOAD|SIGNAL|RESIGNAL|GET_STACKED|DA|AUDIT|PASSWORD|PLUGIN|ROLE|USER|FOREIGN|CANNOT_ADD|TOO_LONG|SDI|LOCKING_SERVICE|VTOKEN|COMPONENT|PERSIST|IMPORT|SECONDARY)_/,
    NOT_SENT,
  ],
  [/CORRUPT|CRASHED/, DAMAGED],
  [
    /GIS|GEO|WKB|POLYGON|LATITUDE|LONGITUDE|JSON|REGEXP|WINDOW|AGGREGATE|GROUP_FUNC|FUNC|FCT|ARGUMENT|PARAM|COLLATION|DATETIME|DIVISION|OVERFLOW|OUT_OF_RANGE|OPERAND|SUBQUERY|CAST|BOOST|STD_|AES_|UUID|BASE64|FT_|TRUNCATED|ILLEGAL_VALUE|ILLEGAL_REFERENCE|AMBIGUOUS|NON_UNIQ|DERIVED|CYCLIC|RECURSIVE|DATA_/,
    EXPRESSION,
  ],
];

/** Meanings by the class of the SQLSTATE (ISO 9075; MySQL's manual, "Server Error Message Reference"). */
const CLASSES: Readonly<Record<string, Meaning>> = {
  '08': {
    ...busy('the connection failed', 'check the server, its error log and the network'),
    code: 'E_SOURCE_LOST',
  },
  '21': EXPRESSION,
  '22': EXPRESSION,
  '28': access('the server refused the user', `check user and password; ${GRANTS}`),
  '40': busy('the server ended the transaction', 'see what locks the table'),
  '42': query('the server refused the statement', `${WHERE}; if the table has none, report this defect of dynaferry`),
  '53': busy('the server lacks a resource', 'see what uses the resource'),
  '57': busy('somebody made the server end the statement', 'find out who kills statements on this server'),
  '70': busy('somebody killed the statement', 'find out who kills statements on this server'),
  HY: query('the statement failed on the server', "see the server's error log; `perror` explains the number"),
};
const LAST = query('the statement failed on the server', "see the server's error log; `perror` explains the number");
/** The meaning of an error that did not come from a server. */
export const UNKNOWN = ours('the driver reports a failure that it does not explain');

const BY_NAME: ReadonlyMap<string, Meaning> = new Map(
  [...CONNECTING, ...READING].flatMap(([names, meaning]) =>
    // `error 9001` is one name.
    names.split(/ (?!\d)/).map((name) => [name, meaning] as const),
  ),
);

/** Names of MariaDB's own numbers, for which mysql2 has no name, or MySQL's. */
const MARIADB: Readonly<Record<number, string>> = {
  1927: 'ER_CONNECTION_KILLED',
  1931: 'ER_QUERY_RESULT_INCOMPLETE',
  1932: 'ER_NO_SUCH_TABLE_IN_ENGINE',
  1939: 'ER_SQL_DISCOVER_ERROR',
  1969: 'ER_STATEMENT_TIMEOUT',
  4064: 'ER_METADATA_INCONSISTENCY',
  4067: 'ER_RDB_STATUS_GENERAL',
  4068: 'ER_RDB_STATUS_MSG',
  4145: 'ER_BACKUP_LOCK_IS_ACTIVE',
  4150: 'ER_USER_IS_BLOCKED',
  4151: 'ER_ACCOUNT_HAS_BEEN_LOCKED',
  4182: 'ER_STORAGE_ENGINE_DISABLED',
  4185: 'ER_PROVIDER_NOT_LOADED',
};

/** Returns the name of a server's error, or `error 6123` without one. @param named the name that mysql2 gives it */
export function nameOf(errno: number | null, named: string | null): string | null {
  if (errno === null) return named;
  return MARIADB[errno] ?? named ?? `error ${errno}`;
}

/**
 * Returns the meaning of an error.
 *
 * @param name from `nameOf`, or a code of Node or mysql2
 * @param sqlState of the server's answer; null: the error is not an answer of a server
 */
export function meaningOf(name: string, sqlState: string | null): Meaning {
  const byName = BY_NAME.get(name) ?? KINDS.find(([kind]) => kind.test(name))?.[1];
  if (byName !== undefined) return byName;
  if (sqlState !== null) return CLASSES[sqlState.slice(0, 2)] ?? LAST;
  return /^(ER_|error )/.test(name) ? LAST : UNKNOWN;
}
