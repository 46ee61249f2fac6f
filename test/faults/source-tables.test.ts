/**
 * A table that is altered, emptied, renamed or dropped while it is read: nothing altered is written silently, and what
 * was never seen never ends as a quiet "done". The other shard goes on.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { readShardStatus } from '../../src/state/status/read-status.js';
import type { CliResult } from '../support/cli.js';
import { createMigration, onePair, type ConfigDocument, type Migration } from '../support/migration.js';

const ROWS = 600;

const TABLE =
  'CREATE TABLE notes (account VARCHAR(8) NOT NULL, id INT NOT NULL, price DECIMAL(12,6) NOT NULL, PRIMARY KEY (account, id))';

const rows = (shard: number): readonly string[] => [
  TABLE,
  `INSERT INTO notes VALUES ${Array.from({ length: ROWS }, (_, id) => `('a${shard}', ${id}, ${id}.123456)`).join()}`,
];

function config({ source, target, ...rest }: ConfigDocument): void {
  const key = { name: 'pk', template: '{account}' };
  source.table = { name: 'notes', shardedBy: 'account' };
  Object.assign(source.limits, { chunkRows: 10, rangesPerTable: 1, scansPerServer: 2 });
  // Some six seconds' work: a writer holds few rows, so that most are not read yet when the fault comes, also on a busy
  // machine.
  Object.assign(target, { writeCapacity: (2 * ROWS) / 6, maxInFlightRequests: 1 });
  rest.mapping['notes'] = { items: [{ partitionKey: key, sortKey: { name: 'sk', template: '{id:pad(8)}' } }] };
  delete rest.mapping['messages'];
}

/** Runs both shards, and does `fault` to s01 once some of its rows are committed. */
async function meanwhile(migration: Migration, args: readonly string[], fault: readonly string[]): Promise<CliResult> {
  await using cli = await migration.spawn(args);
  const kind = args[0] === 'verify' ? 'verify' : 'backfill';
  const end = Date.now() + 60_000;
  const committed = (): number =>
    readShardStatus({ folder: migration.stateFolder, shard: 's01' })?.tables[0]?.[kind]?.counts.rows ?? 0;
  while (committed() === 0) {
    await sleep(20);
    if (Date.now() > end) throw new Error(`nothing was committed within a minute:\n${cli.stderr}`);
  }
  for (const statement of fault) await migration.databases[0]?.query(statement);
  return await cli.result;
}

describe.each(onePair)('a table while it is read, $name', { timeout: 120_000 }, (servers) => {
  test.each([
    {
      fault: 'TRUNCATE',
      sql: ['TRUNCATE TABLE notes'],
      code: 4,
      error: /error s01 E_SOURCE_CHANGED: shard s01: table notes was emptied or replaced: none of the \d+ rows/,
      next: /--restart/,
    },
    {
      fault: 'DROP and CREATE with some of its rows',
      sql: [
        'CREATE TABLE kept LIKE notes',
        'INSERT INTO kept SELECT * FROM notes WHERE id % 3 > 0',
        'DROP TABLE notes',
        'RENAME TABLE kept TO notes',
      ],
      code: 4,
      error:
        /error s01 E_SOURCE_CHANGED: shard s01: table notes was created again, swapped or rebuilt, or lost partitions; \d+ of 16 rows/,
      next: /--restart.*--accept-server/,
    },
    {
      fault: 'a type that would lose digits',
      sql: ['ALTER TABLE notes MODIFY price FLOAT NOT NULL'],
      code: 4,
      error: /error s01 E_SOURCE_CHANGED: shard s01: somebody altered table notes during the run: column price/,
      next: /--restart/,
    },
    {
      fault: 'a column that is gone',
      sql: ['ALTER TABLE notes DROP COLUMN price'],
      code: 4,
      error:
        /error s01 E_SOURCE_QUERY: shard s01: reading notes: the server does not know a column \(ER_BAD_FIELD_ERROR\)/,
      next: /altered the table during the run/,
    },
    {
      fault: 'DROP',
      sql: ['DROP TABLE notes'],
      code: 3,
      error: /error s01 E_TABLE_MISSING: shard s01: reading notes: the table does not exist \(ER_NO_SUCH_TABLE\)/,
      next: /who dropped or renamed it/,
    },
  ])(
    'a backfill of a shard ends, and the other one continues, after this change of its table: $fault',
    async ({ sql, code, error, next }) => {
      await using migration = await createMigration({ servers, shards: 2, rows, config });
      const ended = await meanwhile(migration, ['backfill', '--all', '--jobs', '2'], sql);
      expect(ended.code, ended.stderr).toBe(code);
      expect(ended.stderr).toMatch(error);
      expect(ended.stderr).toMatch(next);
      expect(ended.stdout).toMatch(/^s02 {2}done: 600 rows/m);
      expect(ended.stdout).toMatch(/^s01 {2}failed/m);
      // Nothing of what the other type made of the values is there unseen: the state says that the pass did not end.
      const status = readShardStatus({ folder: migration.stateFolder, shard: 's01' });
      expect(status?.tables[0]?.backfill?.pass.finishedAt).toBeNull();
    },
  );

  test('a backfill continues when its table gets an index, or is swapped for a copy with all rows', async () => {
    await using migration = await createMigration({ servers, rows, config });
    const changes = [
      'ALTER TABLE notes ADD KEY (price)',
      'CREATE TABLE ghost LIKE notes',
      'INSERT INTO ghost SELECT * FROM notes',
      'RENAME TABLE notes TO gone, ghost TO notes',
    ];
    expect(await meanwhile(migration, ['backfill'], changes)).toMatchObject({ code: 0 });
    expect(await migration.run(['verify'])).toMatchObject({ code: 0 });
  });

  test('verify refuses a table that was created again after its backfill, until the operator passes --accept-server', async () => {
    await using migration = await createMigration({ servers, rows, config });
    migration.configure(({ target }) => Object.assign(target, { writeCapacity: 100_000 }));
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    for (const sql of [
      'CREATE TABLE kept LIKE notes',
      'INSERT INTO kept SELECT * FROM notes WHERE id % 3 > 0',
      'DROP TABLE notes',
      'RENAME TABLE kept TO notes',
    ])
      await migration.databases[0]?.query(sql);
    const refused = await migration.run(['verify']);
    expect(refused).toMatchObject({ code: 4 });
    expect(refused.stderr).toMatch(/E_SOURCE_CHANGED: shard s01: table notes was created again, swapped or rebuilt/);
    expect(await migration.run(['verify', '--accept-server'])).toMatchObject({ code: 0 });
    expect(await migration.run(['verify'])).toMatchObject({ code: 0 });
  });

  test('verify refuses a table that was emptied after its backfill', async () => {
    await using migration = await createMigration({ servers, rows, config });
    migration.configure(({ target }) => Object.assign(target, { writeCapacity: 100_000 }));
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    await migration.databases[0]?.query('TRUNCATE TABLE notes');
    const verify = await migration.run(['verify']);
    expect(verify).toMatchObject({ code: 4 });
    expect(verify.stderr).toMatch(/E_SOURCE_CHANGED: shard s01: table notes was emptied or replaced/);
    // If it is meant to be empty, there is a way on.
    expect(await migration.run(['backfill', '--restart'])).toMatchObject({ code: 0 });
    expect(await migration.run(['verify'])).toMatchObject({ code: 0 });
  });
});
