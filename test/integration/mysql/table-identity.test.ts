/**
 * A table that is dropped and created again, or swapped, is another one, though it has the same name, columns and keys;
 * one that was rebuilt from its own rows is not. Seen by the scan that is under way, and by the next run.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { RowSource, ShardSource } from '../../../src/core/ports/source-ports.js';
import { createDatabase, mysqlServers, type TestDatabase } from '../../support/mysql.js';
import { openSource, openTable } from './source.js';

const signal = new AbortController().signal;

const rows = (of: (id: number) => string | null): string =>
  Array.from({ length: 120 }, (_, id) => of(id))
    .filter((row) => row !== null)
    .join();
const SAME = rows((id) => `(${id}, 'note ${id}', ${id % 5})`);

/** What becomes of a table; @t stands for it. */
const SAME_TABLE: Readonly<Record<string, readonly string[]>> = {
  indexed: ['ALTER TABLE @t ADD KEY (n)'],
  rebuilt: ['ALTER TABLE @t ENGINE = InnoDB'],
  partitioned: ['ALTER TABLE @t PARTITION BY HASH (id) PARTITIONS 2'],
  swapped_whole: [
    'CREATE TABLE @t_new LIKE @t',
    'INSERT INTO @t_new SELECT * FROM @t',
    'RENAME TABLE @t TO @t_old, @t_new TO @t',
  ],
  /** One row in a hundred or so changes between two looks. */
  used_meanwhile: ["UPDATE @t SET note = 'other' WHERE id = 60", 'ALTER TABLE @t ADD KEY (n)'],
  untouched: ["UPDATE @t SET note = 'other'", 'DELETE FROM @t WHERE id > 10'],
};
const OTHER_TABLE: Readonly<Record<string, readonly string[]>> = {
  same_keys: [
    'CREATE TABLE @t_new LIKE @t',
    'DROP TABLE @t',
    'RENAME TABLE @t_new TO @t',
    `INSERT INTO @t VALUES ${rows((id) => `(${id}, 'other ${id}', ${id % 5})`)}`,
  ],
  some_rows: [
    'CREATE TABLE @t_new LIKE @t',
    'DROP TABLE @t',
    'RENAME TABLE @t_new TO @t',
    `INSERT INTO @t VALUES ${rows((id) => (id % 3 === 0 ? null : `(${id}, 'note ${id}', ${id % 5})`))}`,
  ],
  partition_dropped: [
    'ALTER TABLE @t PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (60), PARTITION p1 VALUES LESS THAN MAXVALUE)',
    'ALTER TABLE @t DROP PARTITION p0',
  ],
  swapped_half: [
    'CREATE TABLE @t_new LIKE @t',
    'INSERT INTO @t_new SELECT * FROM @t WHERE id < 60',
    'RENAME TABLE @t TO @t_old, @t_new TO @t',
  ],
};

async function openEach(shard: ShardSource, whole: boolean): Promise<ReadonlyMap<string, RowSource>> {
  const sources = new Map<string, RowSource>();
  for (const name of [...Object.keys(SAME_TABLE), ...Object.keys(OTHER_TABLE)]) {
    const columns = ['id', 'note', 'n'];
    const table = whole ? await shard.describe(name, signal) : null;
    sources.set(
      name,
      table === null
        ? await openTable(shard, name, columns)
        : shard.openWhole({ table, columns, where: null, maxRows: 1_000, maxBytes: 1_000_000 }),
    );
  }
  return sources;
}

/** CREATE_TIME counts seconds. */
async function nextSecond(database: TestDatabase): Promise<void> {
  const second = async (): Promise<unknown> => (await database.query('SELECT NOW() AS now'))[0]?.['now'];
  for (const begin = await second(); (await second()) === begin;) await sleep(50);
}

const CHANGED = {
  code: 'E_SOURCE_CHANGED',
  message: expect.stringMatching(/created again, swapped or rebuilt, or lost partitions/) as string,
  hint: expect.stringMatching(/dropped partitions .*, run the same command again with --accept-server$/) as string,
};

describe.each(mysqlServers)('$name', (server) => {
  test.each([
    { kind: 'by key', whole: false },
    { kind: 'whole', whole: true },
  ])('identify() recognizes rebuilt tables, and refuses replaced ones that are read $kind', async ({ whole }) => {
    await using database = await createDatabase(server);
    const names = [...Object.keys(SAME_TABLE), ...Object.keys(OTHER_TABLE)];
    for (const name of names) {
      await database.query(`CREATE TABLE ${name} (id INT PRIMARY KEY, note VARCHAR(40), n INT) CHARACTER SET utf8mb4`);
      await database.query(`INSERT INTO ${name} VALUES ${SAME}`);
    }
    await using shard = openSource(database.shard());
    const sources = await openEach(shard, whole);
    const before = new Map<string, string>();
    for (const [name, source] of sources) {
      const { identity, vouched } = await source.identify(null, false, signal);
      expect(vouched).toBe(false);
      before.set(name, identity);
    }
    await nextSecond(database);
    for (const [name, statements] of [...Object.entries(SAME_TABLE), ...Object.entries(OTHER_TABLE)])
      for (const sql of statements) await database.query(sql.replaceAll('@t', name));

    await using later = openSource(database.shard());
    const afterwards = await openEach(later, whole);
    for (const name of names) {
      const [watching, next] = [sources.get(name), afterwards.get(name)];
      const stored = before.get(name) ?? '';
      if (name in SAME_TABLE) {
        expect(await watching?.confirm([], signal), name).not.toBeNull();
        expect(await next?.identify(stored, false, signal), name).toMatchObject({ vouched: false });
        continue;
      }
      await expect(watching?.confirm([], signal), name).rejects.toMatchObject(CHANGED);
      await expect(next?.identify(stored, false, signal), name).rejects.toMatchObject(CHANGED);
      // The operator says that it is the same: from then on, it is.
      const vouchedFor = await next?.identify(stored, true, signal);
      expect(vouchedFor).toMatchObject({ vouched: true });
      expect(await next?.identify(vouchedFor?.identity ?? '', false, signal)).toMatchObject({ vouched: false });
    }
  });

  test('identify() compares rows where the server may be another one of the same name, though createdAt is the same', async () => {
    await using database = await createDatabase(server);
    for (const name of ['same', 'other']) {
      await database.query(`CREATE TABLE ${name} (id INT PRIMARY KEY, note VARCHAR(40), n INT)`);
      await database.query(`INSERT INTO ${name} VALUES ${SAME}`);
    }
    await using shard = openSource(database.shard());
    const identify = async (name: string, before: string | null): Promise<string> =>
      (await (await openTable(shard, name, ['id', 'note', 'n'])).identify(before, false, signal)).identity;
    const [same, other] = [await identify('same', null), await identify('other', null)];
    await database.query("UPDATE same SET note = 'changed since' WHERE id = 60");
    await database.query("UPDATE other SET note = CONCAT('of another shard ', id)");
    const ofAnotherLife = (identity: string): string => {
      const noted = JSON.parse(identity) as { readonly life: string | null };
      const [uid, since] = (noted.life ?? 'x 0').split(' ');
      return JSON.stringify({ ...noted, life: `${uid ?? ''} ${Number(since) - 60}` });
    };
    // In one life of the server, an application may change what it likes.
    await identify('other', other);
    await identify('same', ofAnotherLife(same));
    const again = identify('other', ofAnotherLife(other));
    if (server.name.startsWith('mariadb')) {
      await expect(again).rejects.toMatchObject({
        code: 'E_SOURCE_CHANGED',
        message: expect.stringMatching(/the server restarted, or another server has its name/) as string,
      });
    }
    // By its server_uuid, it is itself.
    else await again;
  });

  test('identify() does not vouch for a table by an identity of another server, an unreadable one, or without rows', async () => {
    await using database = await createDatabase(server);
    await database.query('CREATE TABLE t (id INT PRIMARY KEY)');
    await using shard = openSource(database.shard());
    const source = await openTable(shard, 't', ['id']);
    expect(await source.confirm([], signal)).toBeNull();
    const { identity } = await source.identify(null, false, signal);
    await database.query('INSERT INTO t VALUES (1)');
    const elsewhere = JSON.stringify({ server: 'another', createdAt: '2001-01-01 00:00:00', rows: [['["7"]', 'x']] });
    for (const before of [identity, elsewhere, 'no JSON', '[]'])
      expect(await source.identify(before, false, signal)).toMatchObject({ vouched: false });
  });
  test('confirm() names columns and keys that were altered since the table was described', async () => {
    await using database = await createDatabase(server);
    await database.query('CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL, gone INT)');
    await using shard = openSource(database.shard());
    const source = await openTable(shard, 't', ['id']);
    await source.confirm([], signal);
    const alter =
      'ALTER TABLE t MODIFY n BIGINT NOT NULL, DROP COLUMN gone, ADD COLUMN fresh INT, ADD UNIQUE KEY u (n)';
    await database.query(alter);
    await expect(source.confirm([], signal)).rejects.toMatchObject({
      code: 'E_SOURCE_CHANGED',
      message: expect.stringMatching(/: column n, column gone, column fresh, unique key u$/) as string,
    });
  });
});
