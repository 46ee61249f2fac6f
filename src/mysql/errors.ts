/**
 * What MySQL's and the driver's error codes mean here: which code of ours, whether another try may help, what to do.
 * The server's own text is never passed on: it may quote row values.
 */
import { FerryError, type ErrorCode } from '../core/errors.js';

interface Rule {
  readonly code: ErrorCode;
  /** Another connection, a little later, may succeed. */
  readonly retryable: boolean;
  readonly fact: string;
  readonly hint: string;
}

const lost = (fact: string): Rule => ({
  code: 'E_SOURCE_LOST',
  retryable: true,
  fact,
  hint: 'look at the server, its error log and the network; then run the same command again to resume',
});
const unreachable = (fact: string): Rule => ({
  code: 'E_SOURCE_CONNECT',
  retryable: true,
  fact,
  hint: 'check host and port in the config, that the server runs, and that no firewall lies between',
});
const busy = (fact: string, hint: string): Rule => ({ code: 'E_SOURCE_QUERY', retryable: true, fact, hint });
const access = (fact: string, hint: string): Rule => ({ code: 'E_SOURCE_ACCESS', retryable: false, fact, hint });
const query = (fact: string, hint: string): Rule => ({ code: 'E_SOURCE_QUERY', retryable: false, fact, hint });
const tls = (fact: string, hint: string): Rule => ({ code: 'E_TLS_REQUIRED', retryable: false, fact, hint });

const GRANTS = 'grant the user SELECT on the tables and REPLICATION CLIENT on *.* (MIGRATION.md has the statements)';
const CERTIFICATE = 'name the CA that signed it in `tls.ca`, or use `profile: amazon-rds` for RDS and Aurora';

/** By the code that mysql2 puts on its errors: MySQL's ER_ name, a code of Node's sockets and TLS, or its own. */
const RULES: Readonly<Record<string, Rule>> = {
  ECONNREFUSED: unreachable('nothing listens at that host and port'),
  ENOTFOUND: { ...unreachable('the host name does not resolve'), retryable: false },
  EAI_AGAIN: unreachable('the host name could not be resolved just now'),
  EHOSTUNREACH: unreachable('there is no route to the host'),
  ENETUNREACH: unreachable('there is no route to the host'),
  ETIMEDOUT: unreachable('the host did not answer in time'),
  ER_CON_COUNT_ERROR: {
    ...unreachable('the server has no connection left (max_connections)'),
    hint: 'see who holds them (SHOW PROCESSLIST), or raise max_connections; a shard takes scansPerShard + 1',
  },
  ER_TOO_MANY_USER_CONNECTIONS: {
    ...unreachable('the user has no connection left (max_user_connections)'),
    hint: 'raise max_user_connections for the user; a shard takes scansPerShard + 1',
  },
  ER_USER_LIMIT_REACHED: { ...unreachable('the user has used up a resource limit'), hint: 'raise it for the user' },
  ER_HOST_IS_BLOCKED: {
    ...unreachable('the server blocks this host after too many connection errors'),
    retryable: false,
    hint: 'run FLUSH HOSTS on the server, and find what broke the connections',
  },

  ECONNRESET: lost('the connection was reset'),
  EPIPE: lost('the connection was closed while writing to it'),
  PROTOCOL_CONNECTION_LOST: lost('the server closed the connection'),
  PROTOCOL_PACKETS_OUT_OF_ORDER: lost('the connection broke in the middle of an answer'),
  FERRY_DEADLINE: lost('a statement gave no answer within its deadline'),
  ER_SERVER_SHUTDOWN: lost('the server is shutting down'),
  ER_NORMAL_SHUTDOWN: lost('the server is shutting down'),
  ER_CONNECTION_KILLED: lost('the connection was killed'),
  ER_CLIENT_INTERACTION_TIMEOUT: lost('the server closed an idle connection'),
  ER_NET_READ_INTERRUPTED: lost('the server lost the connection'),
  ER_NET_WRITE_INTERRUPTED: lost('the server lost the connection'),
  ER_NET_ERROR_ON_WRITE: lost('the server lost the connection'),
  ER_NET_READ_ERROR: lost('the server lost the connection'),
  ER_NEW_ABORTING_CONNECTION: lost('the server aborted the connection'),

  ER_QUERY_INTERRUPTED: busy('the statement was killed', 'see who kills statements on this server'),
  ER_QUERY_TIMEOUT: busy('the server ended the statement as too slow', 'raise max_execution_time for the user'),
  ER_STATEMENT_TIMEOUT: busy('the server ended the statement as too slow', 'raise max_statement_time for the user'),
  ER_LOCK_WAIT_TIMEOUT: busy('a lock was not had in time', 'see what locks the table (ALTER, LOCK TABLES, backup)'),
  ER_LOCK_DEADLOCK: busy('the statement lost a deadlock', 'see what locks the table'),
  ER_NET_PACKET_TOO_LARGE: busy('an answer exceeds max_allowed_packet', 'raise max_allowed_packet on the server'),
  ER_OUTOFMEMORY: busy('the server had no memory for the statement', 'see what uses up its memory'),
  ER_OUT_OF_RESOURCES: busy('the server had no memory for the statement', 'see what uses up its memory'),
  ER_OUT_OF_SORTMEMORY: busy('the server had too little sort memory', 'raise sort_buffer_size for the user'),
  ER_TABLE_DEF_CHANGED: query('the table was altered meanwhile', 'run `dynaferry check`, then begin the shard anew'),

  ER_ACCESS_DENIED_ERROR: access('the server refused user or password', 'check user and password; ' + GRANTS),
  ER_ACCESS_DENIED_NO_PASSWORD_ERROR: access('the server refused the user', 'check user and password; ' + GRANTS),
  ER_DBACCESS_DENIED_ERROR: access('the user may not use the database', GRANTS),
  ER_TABLEACCESS_DENIED_ERROR: access('the user may not read the table', GRANTS),
  ER_COLUMNACCESS_DENIED_ERROR: access('the user may not read a column', GRANTS),
  ER_SPECIFIC_ACCESS_DENIED_ERROR: access('the user lacks a privilege', GRANTS),
  ER_HOST_NOT_PRIVILEGED: access('the server accepts no connection from this host', 'create the user for this host'),
  ER_MUST_CHANGE_PASSWORD: access('the password has expired', 'set a new password for the user'),
  ER_MUST_CHANGE_PASSWORD_LOGIN: access('the password has expired', 'set a new password for the user'),
  ER_ACCOUNT_HAS_BEEN_LOCKED: access('the account is locked', 'unlock it (ALTER USER ... ACCOUNT UNLOCK)'),
  ER_NOT_SUPPORTED_AUTH_MODE: access('the server wants an authentication that is not supported', 'use another plugin'),
  AUTH_SWITCH_PLUGIN_ERROR: access('the authentication failed', 'check the user and its authentication plugin'),

  ER_BAD_DB_ERROR: access('the server has no such database', 'check `database` in the config'),
  ER_NO_SUCH_TABLE: {
    code: 'E_TABLE_MISSING',
    retryable: false,
    fact: 'the table does not exist',
    hint: 'check `source.tables` in the config; if it was there when the run began, find out who dropped or renamed it',
  },
  ER_PARSE_ERROR: query('the server did not understand the statement', "check the table's `where` in the config"),
  ER_BAD_FIELD_ERROR: query(
    'the server does not know a column',
    "check the table's `where`; if the table was altered meanwhile, begin the shard anew",
  ),
  ER_KEY_DOES_NOT_EXITS: query('the scan key is gone', 'the table was altered: begin the shard anew'),
  ER_KEY_DOES_NOT_EXISTS: query('the scan key is gone', 'the table was altered: begin the shard anew'),
  ER_CRASHED_ON_USAGE: query('the table is marked as crashed', 'repair it before anything is moved'),

  HANDSHAKE_NO_SSL_SUPPORT: tls('the server offers no TLS', 'give the server a certificate'),
  HANDSHAKE_SSL_ERROR: tls('the TLS handshake failed', CERTIFICATE),
  DEPTH_ZERO_SELF_SIGNED_CERT: tls('the server shows a self-signed certificate', CERTIFICATE),
  SELF_SIGNED_CERT_IN_CHAIN: tls('the certificate is signed by an unknown authority', CERTIFICATE),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: tls('the certificate is signed by an unknown authority', CERTIFICATE),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: tls('the certificate is signed by an unknown authority', CERTIFICATE),
  CERT_HAS_EXPIRED: tls("the server's certificate has expired", 'renew it'),
  ERR_TLS_CERT_ALTNAME_INVALID: tls(
    "the server's certificate is for another host name",
    'use the name in the certificate as `host`, or `mode: required` if you accept any certificate',
  ),
};

/** mysql2 reports several broken streams without a code of their own; each marks its error as fatal for the connection. */
const UNKNOWN_FATAL = lost('the connection broke');
const UNKNOWN = query('the statement failed', 'look the code up in the MySQL manual');

/** MariaDB's alone, and without a name in mysql2. */
const STATEMENT_TIMEOUT = 1969;

/** The code under which mysql2, Node or MySQL reported something; null where it is no such error. */
export function mysqlCode(thrown: unknown): string | null {
  if (!(thrown instanceof Error) || thrown instanceof FerryError) return null;
  if ('errno' in thrown && thrown.errno === STATEMENT_TIMEOUT) return 'ER_STATEMENT_TIMEOUT';
  if (!('code' in thrown)) return null;
  return typeof thrown.code === 'string' ? thrown.code : null;
}

function ruleOf(thrown: unknown): Rule {
  const rule = RULES[mysqlCode(thrown) ?? ''];
  if (rule !== undefined) return rule;
  return thrown instanceof Error && 'fatal' in thrown && thrown.fatal === true ? UNKNOWN_FATAL : UNKNOWN;
}

/** What happened, in words. */
export function factOf(thrown: unknown): string {
  return ruleOf(thrown).fact;
}

/** Whether the same statement on a new connection, after a pause, may succeed. */
export function isRetryable(thrown: unknown): boolean {
  return !(thrown instanceof FerryError) && ruleOf(thrown).retryable;
}

/** Ends of a statement that asked for too much at once: a smaller one may pass. A kill is one: some servers report a timeout so. */
const TOO_MUCH: ReadonlySet<string | null> = new Set([
  'ER_QUERY_TIMEOUT',
  'ER_STATEMENT_TIMEOUT',
  'ER_QUERY_INTERRUPTED',
  'FERRY_DEADLINE',
  'ER_NET_PACKET_TOO_LARGE',
  'ER_OUTOFMEMORY',
  'ER_OUT_OF_RESOURCES',
  'ER_OUT_OF_SORTMEMORY',
]);

export function askedTooMuch(thrown: unknown): boolean {
  return TOO_MUCH.has(mysqlCode(thrown));
}

/** The connection broke, by whichever end. */
export function isLost(thrown: unknown): boolean {
  return !(thrown instanceof FerryError) && ruleOf(thrown).code === 'E_SOURCE_LOST';
}

/** An error of the driver as ours. @param doing what failed: `reading messages` */
export function sourceError(shard: string, doing: string, thrown: unknown): FerryError {
  if (thrown instanceof FerryError) return thrown;
  const rule = ruleOf(thrown);
  const named = mysqlCode(thrown);
  const suffix = named === null ? '' : ` (${named})`;
  return new FerryError(rule.code, `shard ${shard}: ${doing}: ${rule.fact}${suffix}`, rule.hint, { cause: thrown });
}

/** The deadline of a statement passed without a byte from the server. */
export function deadlinePassed(): Error {
  return Object.assign(new Error('statement deadline passed'), { code: 'FERRY_DEADLINE', fatal: true });
}
