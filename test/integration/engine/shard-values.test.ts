/**
 * One value on two shards that define its column otherwise, as their servers send it: the second shard is told that the
 * first has it.
 */
import { describe, expect, it } from 'vitest';
import type { MappedItem } from '../../../src/core/model.js';
import { KeyClaims } from '../../../src/engine/claims/key-claims.js';
import { compileMapping } from '../../../src/mapping/compile.js';
import { chooseScanKey } from '../../../src/mysql/keyset/scan-key.js';
import { openKeyRegister } from '../../../src/state/shared/key-register.js';
import { openStateStore } from '../../../src/state/open.js';
import { PauseGate } from '../../../src/core/async/pause-gate.js';
import { EventBus } from '../../../src/core/event-bus.js';
import type { TableJob } from '../../../src/engine/pass/table-job.js';
import { createDatabase, mysqlServers, type MysqlServer } from '../../support/mysql.js';
import { temporaryFolder } from '../../support/temporary.js';
import { rule } from '../../unit/mapping/tables.js';
import { openSource } from '../mysql/source.js';
import { allRows, signal } from './table-work.js';

/** Definition and SQL literal. */
type Side = readonly [definition: string, literal: string];
interface Pair {
  readonly name: string;
  readonly one: Side;
  readonly other: Side;
  readonly template?: string;
  readonly only?: RegExp;
}

const LATIN = 'CHARACTER SET latin1 COLLATE latin1_swedish_ci';
const UTF8 = 'CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci';
const UUID = '0b5c4f0e-1111-4222-8333-abcdefabcdef';

const SAME: readonly Pair[] = [
  { name: 'DECIMAL of two scales', one: ['DECIMAL(10,2)', '1'], other: ['DECIMAL(10,4)', '1'] },
  { name: 'INT ZEROFILL and BIGINT', one: ['INT(5) UNSIGNED ZEROFILL', '7'], other: ['BIGINT', '7'] },
  { name: 'VARCHAR and INT', one: [`VARCHAR(9) ${UTF8}`, "'7'"], other: ['INT', '7'] },
  { name: 'FLOAT and DECIMAL', one: ['FLOAT', '0.25'], other: ['DECIMAL(9,4)', '0.25'] },
  { name: 'DOUBLE and DECIMAL, large', one: ['DOUBLE', '1e20'], other: ['DECIMAL(30)', '100000000000000000000'] },
  {
    name: 'DATETIME of two digits',
    one: ['DATETIME', "'2024-01-02 03:04:05'"],
    other: ['DATETIME(6)', "'2024-01-02 03:04:05'"],
  },
  {
    name: 'TIMESTAMP and DATETIME',
    one: ['TIMESTAMP(3) NULL', "'2024-01-02 03:04:05.5'"],
    other: ['DATETIME(1)', "'2024-01-02 03:04:05.5'"],
  },
  { name: 'TIME of two digits', one: ['TIME', "'-01:00:00'"], other: ['TIME(3)', "'-01:00:00'"] },
  { name: 'YEAR and INT', one: ['YEAR', '2024'], other: ['INT', '2024'] },
  { name: 'BIT of two lengths', one: ['BIT(8)', '7'], other: ['BIT(20)', '7'] },
  { name: 'BIT and INT', one: ['BIT(12)', '300'], other: ['INT', '300'] },
  { name: 'CHAR and VARCHAR with a space', one: [`CHAR(9) ${UTF8}`, "'a '"], other: [`VARCHAR(9) ${UTF8}`, "'a '"] },
  { name: 'two character sets', one: [`VARCHAR(9) ${LATIN}`, "'é'"], other: [`VARCHAR(9) ${UTF8}`, "'é'"] },
  { name: 'ENUM and VARCHAR', one: [`ENUM('x','é') ${LATIN}`, "'é'"], other: [`VARCHAR(9) ${UTF8}`, "'é'"] },
  { name: 'BINARY of two lengths', one: ['BINARY(4)', "'ab'"], other: ['BINARY(8)', "'ab'"] },
  { name: 'BINARY and VARBINARY', one: ['BINARY(4)', "'ab'"], other: ['VARBINARY(8)', "'ab'"] },
  { name: 'VARBINARY and VARCHAR', one: ['VARBINARY(9)', "'ab'"], other: [`VARCHAR(9) ${LATIN}`, "'ab'"] },
  {
    name: 'UUIDs in two cases',
    one: [`CHAR(36) ${UTF8}`, `'${UUID.toUpperCase()}'`],
    other: [`CHAR(36) ${LATIN}`, `'${UUID}'`],
  },
  {
    name: 'UUID and CHAR',
    one: ['UUID', `'${UUID}'`],
    other: [`CHAR(36) ${UTF8}`, `'${UUID.toUpperCase()}'`],
    only: /mariadb/,
  },
  {
    name: 'case, where the mapping ignores it',
    one: [`VARCHAR(9) ${UTF8}`, "'Abc'"],
    other: [`VARCHAR(9) ${UTF8}`, "'aBC'"],
    template: '{account:lower}',
  },
  {
    name: 'case of a column that tells it apart',
    one: ['VARCHAR(9) COLLATE utf8mb4_bin', "'Abc'"],
    other: [`CHAR(9) ${UTF8}`, "'abc'"],
    template: '{account:upper}',
  },
];

const OTHER: readonly Pair[] = [
  {
    name: 'case, where the mapping tells it apart',
    one: [`VARCHAR(9) ${UTF8}`, "'Abc'"],
    other: [`VARCHAR(9) ${UTF8}`, "'abc'"],
  },
  { name: 'a text with zeros and a number', one: [`VARCHAR(9) ${UTF8}`, "'007'"], other: ['INT', '7'] },
  {
    name: 'composed text',
    one: [`VARCHAR(9) ${UTF8}`, "_utf8mb4 X'65CC81'"],
    other: [`VARCHAR(9) ${UTF8}`, "_utf8mb4 X'C3A9'"],
  },
  {
    name: 'fractions of a second',
    one: ['DATETIME(3)', "'2024-01-02 03:04:05.5'"],
    other: ['DATETIME', "'2024-01-02 03:04:05'"],
  },
  { name: 'numbers of two scales', one: ['DECIMAL(10,2)', '1'], other: ['DECIMAL(10,4)', '1.0001'] },
  { name: 'VARBINARY with a zero behind', one: ['VARBINARY(4)', "'ab'"], other: ['VARBINARY(4)', "X'616200'"] },
];

/** What the second of two shards is told when it claims its value: null, or an error's code. */
async function claimOf(server: MysqlServer, { one, other, template = '{id:pad(10)}' }: Pair): Promise<string | null> {
  await using folder = await temporaryFolder();
  const register = openKeyRegister({ folder: folder.path });
  let code: string | null = null;
  try {
    for (const [index, [definition, literal]] of [one, other].entries()) {
      const shard = `s0${index + 1}`;
      await using database = await createDatabase(server);
      await database.query(`CREATE TABLE t (id INT PRIMARY KEY, account ${definition})`);
      // What a TIMESTAMP is, the session decides.
      await database.query("SET time_zone = '+00:00'");
      await database.query(`INSERT INTO t VALUES (${index + 1}, ${literal})`);
      await using source = openSource(database.shard(shard));
      const table = await source.describe('t', signal);
      const mapping = compileMapping(table, { items: [rule('T', template)] }, () => 1);
      const columns = mapping.columns.includes('account') ? mapping.columns : [...mapping.columns, 'account'];
      const key = chooseScanKey(table, null);
      const job: TableJob = {
        mapping,
        scanKey: key.name,
        shardColumn: { name: 'account', index: columns.indexOf('account') },
        source: source.open({ table, key, columns, where: null }),
      };
      const store = openStateStore({ folder: folder.path, shard, create: true });
      try {
        const context = { shard, store, emitter: new EventBus(), scans: 1, pause: new PauseGate(), ranges: 1, signal };
        const items: MappedItem[] = [];
        for (const row of await allRows(job)) mapping.map(row, items, { now: 0 });
        const claims = new KeyClaims(context, job, { itemKeys: null, shardValues: register, now: () => 0 });
        await claims.claim(items, signal);
        // A resume, which remembers nothing, claims its own values again.
        await new KeyClaims(context, job, { itemKeys: null, shardValues: register, now: () => 0 }).claim(items, signal);
      } catch (error) {
        if (index === 0) throw error;
        ({ code } = error as { code: string });
      } finally {
        store.close();
      }
    }
  } finally {
    register.close();
  }
  return code;
}

describe.each(mysqlServers)('$name', { timeout: 60_000 }, (server) => {
  const here = ({ only }: Pair): boolean => only?.test(server.name) ?? true;

  it.each(SAME.filter(here))('a shard is refused a value that another holds in another form: $name', async (pair) => {
    expect(await claimOf(server, pair)).toBe('E_SHARD_OVERLAP');
    expect(await claimOf(server, { ...pair, one: pair.other, other: pair.one })).toBe('E_SHARD_OVERLAP');
  });

  it.each(OTHER.filter(here))('a shard is not refused a value that no other shard holds: $name', async (pair) => {
    expect(await claimOf(server, pair)).toBeNull();
    expect(await claimOf(server, { ...pair, one: pair.other, other: pair.one })).toBeNull();
  });
});
