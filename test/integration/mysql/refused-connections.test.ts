/**
 * Refusals by policy or state, brought about on real servers: each says what it is and what to do. Users come and go on
 * the servers of the run; settings of the whole server, and certificates, are those of servers of their own.
 */
import { createPrivateKey } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { describe, expect, test } from 'vitest';
import type { ShardConfig } from '../../../src/config/model.js';
import type { Finding } from '../../../src/core/errors.js';
import { inspectShard } from '../../../src/mysql/inspect/inspect-shard.js';
import { createDatabase, mysqlServers, type MysqlServer, type TestDatabase } from '../../support/mysql.js';
import { ownMysqlKinds, startOwnMysql, type OwnMysql } from '../../support/own-mysql.js';
import { temporaryFolder } from '../../support/temporary.js';
import { LIMITS } from './source.js';

const signal = new AbortController().signal;
const LONG = 'x'.repeat(250);
const own = await ownMysqlKinds();

interface Refusal {
  readonly what: string;
  readonly only: RegExp;
  readonly password: string;
  /** USER stands for the account. */
  readonly sql: readonly string[];
  /** How often it may connect before. */
  readonly connects?: number;
  readonly code: Finding['code'];
  readonly fact: RegExp;
  readonly hint: RegExp;
}

const REFUSALS: readonly Refusal[] = [
  {
    ...{ what: 'a locked account', only: /mariadb|9\./, password: 'p', code: 'E_SOURCE_ACCESS' },
    sql: ["CREATE USER USER IDENTIFIED BY 'p' ACCOUNT LOCK"],
    fact: /the account is locked \(ER_ACCOUNT_HAS_BEEN_LOCKED\)/,
    hint: /ACCOUNT UNLOCK/,
  },
  {
    ...{ what: 'an expired password', only: /./, password: 'p', code: 'E_SOURCE_ACCESS' },
    sql: ["CREATE USER USER IDENTIFIED BY 'p'", 'ALTER USER USER PASSWORD EXPIRE'],
    fact: /the password has expired/,
    hint: /set a new password/,
  },
  {
    ...{
      what: 'a limit of connections an hour',
      only: /mariadb|9\./,
      password: 'p',
      connects: 1,
      code: 'E_SOURCE_CONNECT',
    },
    sql: ["CREATE USER USER IDENTIFIED BY 'p' WITH MAX_CONNECTIONS_PER_HOUR 1"],
    fact: /reached a resource limit/,
    hint: /MAX_CONNECTIONS_PER_HOUR/,
  },
  {
    ...{ what: 'a user who must use TLS', only: /mariadb|9\./, password: 'p', code: 'E_SOURCE_ACCESS' },
    sql: ["CREATE USER USER IDENTIFIED BY 'p' REQUIRE SSL"],
    fact: /refused the user or the password/,
    hint: /REQUIRE SSL.*`tls`/,
  },
  {
    ...{ what: 'a password too long for RSA', only: /mysql-9/, password: LONG, code: 'E_SOURCE_ACCESS' },
    sql: [`CREATE USER USER IDENTIFIED WITH caching_sha2_password BY '${LONG}'`],
    fact: /too long to send without TLS/,
    hint: /tls\.mode/,
  },
  {
    ...{ what: 'a plugin that nobody has', only: /mysql-5/, password: 'p', code: 'E_SOURCE_ACCESS' },
    sql: ['CREATE USER USER IDENTIFIED WITH mysql_old_password'],
    fact: /dynaferry does not have the user's authentication plugin/,
    hint: /caching_sha2_password/,
  },
  {
    ...{ what: 'a user of the socket alone', only: /mariadb/, password: 'p', code: 'E_SOURCE_ACCESS' },
    sql: ['CREATE USER USER IDENTIFIED VIA unix_socket'],
    fact: /refused the user with any password/,
    hint: /unix_socket/,
  },
];

async function errorsOf(
  shard: ShardConfig,
  tables: Parameters<typeof inspectShard>[2] = [],
): Promise<readonly Finding[]> {
  return (await inspectShard(shard, LIMITS, tables, signal)).faults.filter(({ level }) => level === 'error');
}

async function asRefused(database: TestDatabase, refusal: Refusal): Promise<readonly Finding[]> {
  const user = `refused_${database.name.slice(-8)}`;
  const shard = { ...database.shard(), user, password: refusal.password };
  try {
    for (const sql of refusal.sql) await database.query(sql.replace(/(?<=USER )USER/, `${user}@'%'`));
    // A server may look at this right first.
    await database.query(`GRANT SELECT ON * TO ${user}@'%'`);
    for (let i = 0; i < (refusal.connects ?? 0); i++) await errorsOf(shard);
    return await errorsOf(shard);
  } finally {
    await database.query(`DROP USER ${user}@'%'`);
  }
}

describe.each(mysqlServers)('$name', (server) => {
  test('inspectShard() reports each way in which a server refuses a user, with its own message and hint', async () => {
    await using database = await createDatabase(server);
    for (const refusal of REFUSALS.filter(({ only }) => only.test(server.name))) {
      const { what, code, fact, hint } = refusal;
      expect(await asRefused(database, refusal), what).toMatchObject([
        { code, message: expect.stringMatching(fact) as string, hint: expect.stringMatching(hint) as string },
      ]);
    }
  });

  test('inspectShard() reports a table that exists but cannot be read, with E_SOURCE_QUERY', async () => {
    await using database = await createDatabase(server);
    await database.query('CREATE TABLE t (id INT PRIMARY KEY)');
    await database.query('ALTER TABLE t DISCARD TABLESPACE');
    const table = { name: 't', where: null, scanKey: null, wholeTable: null, shardedBy: null, globallyUnique: [] };
    expect(await errorsOf(database.shard(), [table])).toMatchObject([
      {
        code: 'E_SOURCE_QUERY',
        message: expect.stringMatching(/data file is missing or discarded/) as string,
        hint: expect.stringMatching(/error log/) as string,
      },
    ]);
  });
});

const asShard = ({ host, port, user, password }: MysqlServer, more: Partial<ShardConfig> = {}): ShardConfig => ({
  ...{ id: 's01', host, port, user, password, database: 'mysql', replicas: [] },
  tls: { mode: 'off', ca: null, profile: null },
  ...more,
});

const DAY_MS = 86_400_000;

interface Pair {
  readonly private: string;
  readonly cert: string;
}

async function certificate(
  name: string,
  signer: Pair | null,
  days: readonly [number, number] = [-10, 10],
): Promise<Pair> {
  const [from, to] = days.map((day) => new Date(Date.now() + day * DAY_MS));
  return await generate([{ name: 'commonName', value: name }], {
    ...{ keySize: 2048, algorithm: 'sha256', notBeforeDate: from ?? new Date(), notAfterDate: to ?? new Date() },
    ...(signer === null ? {} : { ca: { key: signer.private, cert: signer.cert } }),
    extensions: [
      { name: 'basicConstraints', cA: name === 'ferry CA' },
      { name: 'subjectAltName', altNames: [{ type: 2, value: name }] },
    ],
  });
}

async function writePair(folder: string, { private: key, cert }: Pair): Promise<void> {
  // MySQL 5.6 reads no other form.
  const pkcs1 = createPrivateKey(key).export({ type: 'pkcs1', format: 'pem' });
  await Promise.all([writeFile(join(folder, 'key.pem'), pkcs1), writeFile(join(folder, 'cert.pem'), cert)]);
}

const options = (folder: string): readonly string[] =>
  ['ca', 'cert', 'key'].map((part) => `--ssl-${part}=${join(folder, `${part}.pem`)}`);

async function refusedOf(
  server: OwnMysql,
  more: Partial<ShardConfig> = {},
): Promise<readonly (readonly [string, string])[]> {
  return (await errorsOf(asShard(server, more))).map(({ code, message }) => [code, message]);
}

test.runIf(own.includes('mariadb'))('inspectShard() names each certificate fault', { timeout: 300_000 }, async () => {
  await using folder = await temporaryFolder();
  const authority = await certificate('ferry CA', null);
  const file = join(folder.path, 'ca.pem');
  await writeFile(file, authority.cert);
  await writePair(folder.path, await certificate('localhost', authority));
  await using server = await startOwnMysql('mariadb', { options: options(folder.path) });
  const verified = { host: 'localhost', tls: { mode: 'verify', ca: file, profile: null } } as const;
  expect(await refusedOf(server, verified)).toEqual([]);
  const cases: readonly (readonly [Pair, RegExp])[] = [
    [await certificate('db1.example.com', authority), /for another host name/],
    [await certificate('localhost', authority, [-20, -10]), /has expired/],
    [await certificate('localhost', authority, [5, 10]), /not valid yet/],
    [await certificate('localhost', null), /self-signed/],
    [await certificate('localhost', await certificate('another CA', null)), /unknown authority/],
  ];
  for (const [pair, fact] of cases) {
    await writePair(folder.path, pair);
    await server.query('FLUSH SSL');
    expect(await refusedOf(server, verified)).toEqual([['E_TLS_REQUIRED', expect.stringMatching(fact)]]);
  }
});

test.runIf(own.includes('mysqld'))('inspectShard() names a refusal of all users', { timeout: 300_000 }, async () => {
  await using server = await startOwnMysql('mysqld');
  // Set by one connection, since no other may come meanwhile.
  await using root = Object.assign(await server.connect(), { [Symbol.asyncDispose]: async () => await root.end() });
  await root.query("CREATE USER plain@'%' IDENTIFIED BY 'p'");
  await root.query("GRANT SELECT ON mysql.* TO plain@'%'");
  const refusals = [
    ['require_secure_transport', 'ON', 'OFF', 'E_TLS_REQUIRED', /accepts connections over TLS only/],
    [
      'protocol_compression_algorithms',
      "'zlib'",
      "'zlib,uncompressed'",
      'E_SOURCE_CONNECT',
      /requires compressed connections/,
    ],
    ['offline_mode', 'ON', 'OFF', 'E_SOURCE_CONNECT', /offline mode/],
    ['max_connections', '1', '151', 'E_SOURCE_CONNECT', /no connection left \(max_connections\)/],
  ] as const;
  for (const [variable, on, off, code, fact] of refusals) {
    await root.query(`SET GLOBAL ${variable} = ${on}`);
    const plain = { user: 'plain', password: 'p' };
    expect(await refusedOf(server, plain), variable).toEqual([[code, expect.stringMatching(fact)]]);
    await root.query(`SET GLOBAL ${variable} = ${off}`);
  }
});

test.runIf(own.includes('mysql-5.6'))(
  'inspectShard() refuses a server whose TLS is too old, with E_TLS_REQUIRED',
  { timeout: 300_000 },
  async () => {
    await using folder = await temporaryFolder();
    const authority = await certificate('ferry CA', null);
    await writeFile(join(folder.path, 'ca.pem'), authority.cert);
    await writePair(folder.path, await certificate('localhost', authority));
    await using server = await startOwnMysql('mysql-5.6', { options: options(folder.path) });
    const tls = { mode: 'required', ca: null, profile: null } as const;
    expect(await refusedOf(server, { tls })).toEqual([
      ['E_TLS_REQUIRED', expect.stringMatching(/no TLS version or cipher in common/)],
    ]);
  },
);
