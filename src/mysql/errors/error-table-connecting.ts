/**
 * Lists what can fail between the first packet and the first statement, and with the connection itself. Each cause has
 * its own next step.
 */
import type { Meaning } from './error-meaning.js';

const lost = (fact: string): Meaning => ({
  code: 'E_SOURCE_LOST',
  remedy: 'again',
  fact,
  hint: 'check the server, its error log and the network; then run the same command again to resume',
});
const unreachable = (fact: string, hint?: string): Meaning => ({
  code: 'E_SOURCE_CONNECT',
  remedy: 'again',
  fact,
  hint: hint ?? 'check host and port in the config, that the server runs, and that no firewall blocks the connection',
});
const refused = (fact: string, hint: string): Meaning => ({ ...unreachable(fact, hint), remedy: 'operator' });
const access = (fact: string, hint: string): Meaning => ({ code: 'E_SOURCE_ACCESS', remedy: 'operator', fact, hint });
const tls = (fact: string, hint: string): Meaning => ({ code: 'E_TLS_REQUIRED', remedy: 'operator', fact, hint });

const SET_TLS = 'set `tls.mode: verify` for the shard (with `ca` or `profile: amazon-rds` where needed)';
const AUTHORITY = 'name the CA that signed it in `tls.ca`, or use `profile: amazon-rds` for RDS and Aurora';
const NEW_CERTIFICATE =
  'give the server a new certificate, and restart it or run FLUSH SSL (MariaDB) or ALTER INSTANCE RELOAD TLS';
const PLUGIN =
  'give the user caching_sha2_password, or mysql_native_password on older servers and MariaDB (ALTER USER ... IDENTIFIED ...)';
const CREDENTIALS =
  'check the user, the password and the host of the user; where the user or the server requires TLS (REQUIRE SSL), set `tls`';

const UNKNOWN_AUTHORITY = tls('an unknown authority signed the certificate', AUTHORITY);
const SELF_SIGNED = tls('the server presents a self-signed certificate', AUTHORITY);
const SELF_SIGNED_ROOT = tls('the certificate chain ends in an authority that this machine does not trust', AUTHORITY);
const EXPIRED = tls("the server's certificate has expired", NEW_CERTIFICATE);
const NOT_YET_VALID = tls(
  "the server's certificate is not valid yet",
  "set this machine's clock, or give the server a certificate that is valid now",
);
const OTHER_NAME = tls(
  "the server's certificate is for another host name",
  'use the name in the certificate as `host`, or `mode: required` if you accept any certificate',
);
const REVOKED = tls("the server's certificate is revoked", NEW_CERTIFICATE);
const WEAK = tls(
  "the server's certificate or key is too weak",
  'give the server a key of 2,048 bits or more, signed with SHA-256',
);
const OTHER_PROTOCOL = tls(
  'the server and this machine have no TLS version or cipher in common',
  'let the server offer TLS 1.2 or later (tls_version); servers before 5.7 may not have it: then read from a newer replica',
);
const TLS_BROKEN = tls('the TLS handshake failed', "check the server's error log, its certificate and its tls_version");

export const CONNECTING: readonly (readonly [names: string, meaning: Meaning])[] = [
  ['ECONNREFUSED', unreachable('nothing listens at that host and port')],
  ['ENOTFOUND', refused('the host name does not resolve', 'check the host in the config, and DNS')],
  ['EAI_AGAIN', unreachable('the host name does not resolve at present')],
  ['EHOSTUNREACH ENETUNREACH EHOSTDOWN ENETDOWN EADDRNOTAVAIL', unreachable('there is no route to the host')],
  ['ETIMEDOUT PROTOCOL_SEQUENCE_TIMEOUT', unreachable('the host did not answer in time')],
  [
    'EMFILE ENFILE',
    {
      ...unreachable(
        'this machine has no file handle left',
        'raise the limit of open files (ulimit -n), or run fewer shards at once (--jobs)',
      ),
      code: 'E_TOO_MANY_FILES',
    },
  ],
  [
    'ER_CON_COUNT_ERROR',
    unreachable(
      'the server has no connection left (max_connections)',
      'see who holds connections (SHOW PROCESSLIST), or raise max_connections; a shard needs scansPerServer + 1',
    ),
  ],
  [
    'ER_TOO_MANY_USER_CONNECTIONS',
    unreachable(
      'the user has no connection left (max_user_connections)',
      'raise max_user_connections for the user; a shard needs scansPerServer + 1',
    ),
  ],
  [
    'ER_USER_LIMIT_REACHED',
    unreachable(
      'the user has reached a resource limit',
      'raise the limit of the user (MAX_QUERIES_PER_HOUR, MAX_CONNECTIONS_PER_HOUR, MAX_USER_CONNECTIONS)',
    ),
  ],
  [
    'ER_CANT_CREATE_THREAD',
    unreachable('the server cannot start another thread', "check the server's memory and its limit of processes"),
  ],
  [
    'ER_DA_GLOBAL_CONN_LIMIT ER_DA_CONN_LIMIT',
    unreachable(
      'the server has no memory left for connections',
      'raise connection_memory_limit or global_connection_memory_limit',
    ),
  ],
  [
    'ER_SERVER_OFFLINE_MODE',
    unreachable('the server is in offline mode', 'set offline_mode = OFF on the server, or read from a replica'),
  ],
  [
    'ER_SERVER_ISNT_AVAILABLE ER_UNKNOWN_COM_ERROR',
    unreachable(
      'the server is not ready for statements',
      'let a Galera node join its cluster first (wsrep_ready); a pooler may not support a command',
    ),
  ],
  [
    'error 9001',
    unreachable('ProxySQL reached no server in time', 'check the servers behind ProxySQL (runtime_mysql_servers)'),
  ],
  [
    'ER_HOST_IS_BLOCKED',
    refused(
      'the server blocks this host after too many connection errors',
      'find what broke the connections; then run FLUSH HOSTS on the server (TRUNCATE performance_schema.host_cache)',
    ),
  ],
  [
    'ER_BAD_HOST_ERROR',
    refused(
      "the server cannot resolve this host's name",
      'repair the DNS of the server, or start it with skip_name_resolve',
    ),
  ],
  [
    'ER_HANDSHAKE_ERROR ER_MALFORMED_PACKET',
    refused(
      'the server and the driver do not understand each other',
      'check that host and port are those of MySQL, and what proxies stand between',
    ),
  ],
  [
    'ER_WRONG_COMPRESSION_ALGORITHM_CLIENT ER_WRONG_COMPRESSION_LEVEL_CLIENT',
    refused(
      'the server requires compressed connections',
      'add `uncompressed` to protocol_compression_algorithms: dynaferry does not compress connections',
    ),
  ],

  ['ECONNRESET', lost('the connection was reset')],
  ['EPIPE ECONNABORTED ERR_STREAM_DESTROYED ERR_STREAM_WRITE_AFTER_END', lost('the connection closed during a write')],
  ['PROTOCOL_CONNECTION_LOST', lost('the server closed the connection')],
  [
    'PROTOCOL_PACKETS_OUT_OF_ORDER ER_NET_PACKETS_OUT_OF_ORDER ER_NET_UNCOMPRESS_ERROR',
    lost('the connection broke in the middle of an answer'),
  ],
  ['FERRY_DEADLINE', lost('a statement got no answer within its deadline')],
  ['ER_SERVER_SHUTDOWN ER_NORMAL_SHUTDOWN ER_SHUTDOWN_COMPLETE ER_GOT_SIGNAL', lost('the server is shutting down')],
  ['ER_CONNECTION_KILLED ER_SESSION_WAS_KILLED ER_FORCING_CLOSE', lost('somebody killed the connection')],
  ['ER_CLIENT_INTERACTION_TIMEOUT', lost('the server closed an idle connection')],
  [
    'ER_NET_READ_INTERRUPTED ER_NET_WRITE_INTERRUPTED ER_NET_ERROR_ON_WRITE ER_NET_READ_ERROR ER_NET_READ_ERROR_FROM_PIPE ER_NET_FCNTL_ERROR',
    lost('the server lost the connection'),
  ],
  ['ER_NEW_ABORTING_CONNECTION ER_ABORTING_CONNECTION', lost('the server aborted the connection')],
  [
    // The numbers of a client library (CR_...): ProxySQL and MaxScale contain one, and pass its errors on as a
    // server's.
    'error 2002 error 2003 error 2006 error 2013 error 2055',
    lost('a proxy lost the server behind it'),
  ],

  ['ER_ACCESS_DENIED_ERROR', access('the server refused the user or the password', CREDENTIALS)],
  [
    'ER_ACCESS_DENIED_NO_PASSWORD_ERROR ER_ACCESS_DENIED_CHANGE_USER_ERROR',
    access(
      'the server refused the user with any password',
      `${CREDENTIALS}; a user of auth_socket or unix_socket does not have a password: ${PLUGIN}`,
    ),
  ],
  [
    'ER_HOST_NOT_PRIVILEGED',
    access(
      'the server accepts no connection from this host',
      "create the user for this host (CREATE USER 'name'@'host')",
    ),
  ],
  [
    'ER_MUST_CHANGE_PASSWORD ER_MUST_CHANGE_PASSWORD_LOGIN',
    access(
      'the password has expired',
      'set a new password for the user (ALTER USER ... IDENTIFIED BY), and put it into the environment of dynaferry',
    ),
  ],
  ['ER_ACCOUNT_HAS_BEEN_LOCKED', access('the account is locked', 'unlock the account (ALTER USER ... ACCOUNT UNLOCK)')],
  [
    'ER_USER_IS_BLOCKED',
    access(
      'the server blocks the user after too many wrong passwords',
      'correct the password, then run FLUSH PRIVILEGES or ALTER USER',
    ),
  ],
  [
    'ER_NOT_SUPPORTED_AUTH_MODE ER_SERVER_IS_IN_SECURE_AUTH_MODE',
    access('the server requires an authentication that dynaferry does not support', PLUGIN),
  ],
  ['ER_PLUGIN_IS_NOT_LOADED', access("the server has not loaded the user's authentication plugin", PLUGIN)],
  ['AUTH_SWITCH_PLUGIN_ERROR', access('the authentication failed', 'check the user and its authentication plugin')],
  ['MYSQL_CLEAR_PASSWORD_NOT_ENABLED', access('the server asks for the password in plain text', PLUGIN)],
  [
    'ERR_OSSL_RSA_DATA_TOO_LARGE_FOR_KEY_SIZE',
    access(
      'the password is too long to send without TLS',
      `${SET_TLS}, or give the user a password of at most 200 bytes`,
    ),
  ],

  [
    'ER_SECURE_TRANSPORT_REQUIRED',
    tls('the server accepts connections over TLS only (require_secure_transport)', SET_TLS),
  ],
  ['HANDSHAKE_NO_SSL_SUPPORT', tls('the server offers no TLS', 'give the server a certificate')],
  ['HANDSHAKE_SSL_ERROR', TLS_BROKEN],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', SELF_SIGNED],
  ['SELF_SIGNED_CERT_IN_CHAIN', SELF_SIGNED_ROOT],
  [
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE UNABLE_TO_GET_ISSUER_CERT_LOCALLY UNABLE_TO_GET_ISSUER_CERT CERT_UNTRUSTED',
    UNKNOWN_AUTHORITY,
  ],
  ['CERT_HAS_EXPIRED', EXPIRED],
  ['CERT_NOT_YET_VALID', NOT_YET_VALID],
  ['CERT_REVOKED', REVOKED],
  ['ERR_TLS_CERT_ALTNAME_INVALID', OTHER_NAME],
];

/**
 * Meanings by message, where the code is not enough. The first match applies. mysql2 has one code for every failure of
 * TLS, and one for every failure of an authentication plugin. Its messages are Node's, OpenSSL's or its own, and none
 * contains a value of the server.
 */
export const SAID: readonly (readonly [code: string, says: RegExp, meaning: Meaning])[] = [
  ['HANDSHAKE_SSL_ERROR', /altnames|does not match certificate/i, OTHER_NAME],
  ['HANDSHAKE_SSL_ERROR', /certificate has expired/i, EXPIRED],
  ['HANDSHAKE_SSL_ERROR', /not yet valid/i, NOT_YET_VALID],
  ['HANDSHAKE_SSL_ERROR', /self[- ]signed certificate in certificate chain/i, SELF_SIGNED_ROOT],
  ['HANDSHAKE_SSL_ERROR', /self[- ]signed certificate/i, SELF_SIGNED],
  [
    'HANDSHAKE_SSL_ERROR',
    /unable to (verify the first|get (local )?issuer)|unknown ca|not trusted|invalid ca|certificate signature failure/i,
    UNKNOWN_AUTHORITY,
  ],
  ['HANDSHAKE_SSL_ERROR', /revoked/i, REVOKED],
  ['HANDSHAKE_SSL_ERROR', /key too small|md too weak|too weak/i, WEAK],
  [
    'HANDSHAKE_SSL_ERROR',
    /protocol version|unsupported protocol|wrong version number|no protocols|no shared cipher|handshake failure|no cipher/i,
    OTHER_PROTOCOL,
  ],
  [
    'HANDSHAKE_SSL_ERROR',
    /disconnected|ECONNRESET|EPIPE|socket hang up/i,
    lost('the connection broke during the TLS handshake'),
  ],
  [
    'AUTH_SWITCH_PLUGIN_ERROR',
    /mysql_clear_password/,
    access('the server asks for the password in plain text', PLUGIN),
  ],
  [
    'AUTH_SWITCH_PLUGIN_ERROR',
    /unknown plugin/,
    access("dynaferry does not have the user's authentication plugin", PLUGIN),
  ],
  [
    'AUTH_SWITCH_PLUGIN_ERROR',
    /too large for key size/,
    access('the password is too long to send without TLS', SET_TLS),
  ],
];

/**
 * The meaning of an error without a code that mysql2 marks as fatal: it reports several broken streams so.
 */
export const BROKE = lost('the connection broke');
