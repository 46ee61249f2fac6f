/**
 * Every error that MySQL's and MariaDB's lists have a name for is somebody's: worth another try, the operator's, or
 * ours.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { meaningOf, nameOf } from '../../../../src/mysql/errors/error-table.js';
import { isRetryable, mysqlCode, sourceError } from '../../../../src/mysql/errors/source-errors.js';

const here = (path: string): URL => new URL(path, import.meta.url);

/** mysql2's: MySQL 8.0.33, the codes below 1000 of its storage layer among them. */
const MYSQL = Object.entries(
  createRequire(import.meta.url)(here('../../../../node_modules/mysql2/lib/constants/errors.js').pathname) as object,
)
  .filter((entry): entry is [string, string] => /^\d+$/.test(entry[0]) && typeof entry[1] === 'string')
  .map(([errno, name]) => ({ errno: Number(errno), name }));

/** What MariaDB 10.11 alone has, or has under a number of MySQL's. */
const MARIADB = readFileSync(here('../mariadb-errors.txt'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => line.split(' '))
  .map(([errno, name]) => ({ errno: Number(errno), name: name ?? '' }));

const remedy = (name: string): string => meaningOf(name, null).remedy;

describe('error lists of the servers', () => {
  test('the error lists of MySQL and MariaDB are complete', () => {
    expect(MYSQL.length).toBeGreaterThan(1_900);
    expect(MARIADB.length).toBeGreaterThan(200);
  });

  test('meaningOf gives each error a remedy, a fact and a next step', () => {
    for (const { name } of [...MYSQL, ...MARIADB]) {
      const { code, fact, hint } = meaningOf(name, null);
      expect([name, code]).toEqual([name, expect.stringMatching(/^E_(SOURCE_|TLS_|TABLE_)/)]);
      expect(fact.length > 10 && hint.length > 10, name).toBe(true);
      expect(`${fact} ${hint}`, name).not.toMatch(/look up the code/);
    }
  });

  test('meaningOf marks what passes with time as worth another try, and no refusal', () => {
    const names = [...MYSQL, ...MARIADB].map(({ name }) => name);
    const retried = names.filter((name) => remedy(name) === 'again');
    expect(retried.filter((name) => /DENIED|PASSWORD|ACCOUNT|AUTH|PRIVILEGE|SECURE|SYNTAX|PARSE/.test(name))).toEqual(
      [],
    );
    // Of the clients' own: not of replication, the service of locks or a clone.
    const passing =
      /^ER_(.*(SHUTDOWN|KILLED|_INTERRUPTED)|QUERY_TIMEOUT|LOCK_(WAIT|DEADLOCK|NOWAIT|ABORTED).*|OUT_?OF_?.*MEMORY)$/;
    const others = /^ER_(GR|CLONE|XA|GTID|SP|REPLICA|SLAVE|SOURCE|LOCKING|USER_LOCK)_/;
    for (const name of names.filter((each) => passing.test(each) && !others.test(each)))
      expect([name, remedy(name)]).toEqual([name, 'again']);
  });

  test('meaningOf gives errors that only other statements meet the remedy `ours`', () => {
    for (const name of [
      'ER_SP_DUP_VAR',
      'ER_BINLOG_PURGE_FATAL_ERR',
      'ER_FK_NO_INDEX_CHILD',
      'ER_DUP_ENTRY',
      'ER_XAER_NOTA',
    ])
      expect([name, remedy(name)]).toEqual([name, 'ours']);
  });
});

test.each([
  [1040, 'ER_CON_COUNT_ERROR', 'again', /max_connections/],
  [1044, 'ER_DBACCESS_DENIED_ERROR', 'operator', /may not use the database/],
  [1045, 'ER_ACCESS_DENIED_ERROR', 'operator', /the user or the password/],
  [1047, 'ER_UNKNOWN_COM_ERROR', 'again', /not ready/],
  [1129, 'ER_HOST_IS_BLOCKED', 'operator', /blocks this host/],
  [1130, 'ER_HOST_NOT_PRIVILEGED', 'operator', /no connection from this host/],
  [1142, 'ER_TABLEACCESS_DENIED_ERROR', 'operator', /may not read the table/],
  [1143, 'ER_COLUMNACCESS_DENIED_ERROR', 'operator', /may not read a column/],
  [1146, 'ER_NO_SUCH_TABLE', 'operator', /does not exist/],
  [1030, 'ER_GET_ERRNO', 'operator', /storage engine/],
  [1033, 'ER_NOT_FORM_FILE', 'operator', /definition is damaged/],
  [1194, 'ER_CRASHED_ON_USAGE', 'operator', /crashed/],
  [1195, 'ER_CRASHED_ON_REPAIR', 'operator', /crashed/],
  [1203, 'ER_TOO_MANY_USER_CONNECTIONS', 'again', /max_user_connections/],
  [1226, 'ER_USER_LIMIT_REACHED', 'again', /resource limit/],
  [1356, 'ER_VIEW_INVALID', 'operator', /a view refers/],
  [1524, 'ER_PLUGIN_IS_NOT_LOADED', 'operator', /plugin/],
  [1812, 'ER_TABLESPACE_MISSING', 'operator', /data file is missing/],
  [1820, 'ER_MUST_CHANGE_PASSWORD', 'operator', /has expired/],
  [1862, 'ER_MUST_CHANGE_PASSWORD_LOGIN', 'operator', /has expired/],
  [3032, 'ER_SERVER_OFFLINE_MODE', 'again', /offline/],
  [3118, 'ER_ACCOUNT_HAS_BEEN_LOCKED', 'operator', /locked/],
  [3159, 'ER_SECURE_TRANSPORT_REQUIRED', 'operator', /over TLS only/],
  [3922, 'ER_WRONG_COMPRESSION_ALGORITHM_CLIENT', 'operator', /compressed/],
  // Of a client library, which a proxy hands on.
  [2013, null, 'again', /a proxy lost/],
  [2006, null, 'again', /a proxy lost/],
  [2003, null, 'again', /a proxy lost/],
  [9001, null, 'again', /ProxySQL reached no server/],
  // MariaDB's, whatever mysql2 calls them.
  [1932, null, 'operator', /data file is missing/],
  [1969, null, 'again', /too slow/],
  [4150, 'ER_DICTIONARY_NAME_OF_MYSQL', 'operator', /wrong passwords/],
  [4151, 'ER_BULK_PARSER_INCOMPLETE_ESCAPE_SEQUENCE', 'operator', /locked/],
])('sourceError and isRetryable judge error %i %s as one for: %s', (errno, code, expected, fact) => {
  const error = Object.assign(new Error('secret row value'), { errno, code: code ?? undefined, sqlState: 'HY000' });
  const { message, hint } = sourceError('s01', 'reading m', error);
  expect(message).toMatch(fact);
  expect(message + hint).not.toContain('secret');
  expect(isRetryable(error)).toBe(expected === 'again');
  expect(meaningOf(mysqlCode(error) ?? '', 'HY000').remedy).toBe(expected);
});

test.each([
  ['08S01', true, 'E_SOURCE_LOST'],
  ['28000', false, 'E_SOURCE_ACCESS'],
  ['40001', true, 'E_SOURCE_QUERY'],
  ['42000', false, 'E_SOURCE_QUERY'],
  ['22003', false, 'E_SOURCE_QUERY'],
  ['HY000', false, 'E_SOURCE_QUERY'],
  ['99999', false, 'E_SOURCE_QUERY'],
])('isRetryable judges a number of later servers by its SQLSTATE: %s', (sqlState, retried, code) => {
  const error = Object.assign(new Error('?'), { errno: 6_999, code: undefined, sqlState });
  expect(isRetryable(error)).toBe(retried);
  const said = sourceError('s01', 'reading m', error);
  expect(said).toMatchObject({ code, message: expect.stringContaining('(error 6999)') as string });
});

test.each([
  ["Hostname/IP does not match certificate's altnames: Host: localhost. is not cert's CN: db1", /another host name/],
  ['certificate has expired', /has expired/],
  ['certificate is not yet valid', /not valid yet/],
  ['self-signed certificate', /self-signed/],
  ['self signed certificate in certificate chain', /authority that this machine does not trust/],
  ['unable to verify the first certificate', /unknown authority/],
  ['unable to get local issuer certificate', /unknown authority/],
  ['certificate revoked', /revoked/],
  ['8:error:0A00018F:SSL routines::ee key too small', /too weak/],
  ['8:error:0A000102:SSL routines::unsupported protocol', /no TLS version or cipher/],
  ['write EPROTO: SSL alert number 70: tlsv1 alert protocol version', /no TLS version or cipher/],
  ['Client network socket disconnected before secure TLS connection was established', /broke during the TLS handshake/],
  ['something that OpenSSL says tomorrow', /the TLS handshake failed/],
])('sourceError explains the TLS failure: %s', (message, fact) => {
  const error = Object.assign(new Error(message), { code: 'HANDSHAKE_SSL_ERROR', fatal: true });
  expect(sourceError('s01', 'connecting', error).message).toMatch(fact);
});

test('nameOf finds no server error where nothing is named, and isRetryable repeats a broken stream', () => {
  expect(nameOf(null, null)).toBeNull();
  expect(mysqlCode(Object.assign(new Error('x'), { errno: -111, code: 'ECONNREFUSED' }))).toBe('ECONNREFUSED');
  expect(sourceError('s01', 'reading m', new TypeError('x'))).toMatchObject({ code: 'E_SOURCE_QUERY' });
  expect(isRetryable(Object.assign(new Error('x'), { fatal: true }))).toBe(true);
  expect(isRetryable(Object.assign(new Error('x'), { fatal: true, code: 'SOME_NEW_CODE' }))).toBe(true);
});
