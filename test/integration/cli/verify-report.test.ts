/** What the report of `verify` says of what this run did not compare, and the next step that it advises. */
import { DeleteItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { committedRows, interruptOnce, quickly, slowly } from '../../support/evidence.js';
import { createMigration, onePair, type ConfigDocument } from '../../support/migration.js';

const TABLES = ['alpha', 'omega'];
const ROWS = 300;

function tables(): readonly string[] {
  return TABLES.flatMap((table) => [
    `CREATE TABLE ${table} (id INT NOT NULL PRIMARY KEY, body VARCHAR(40), version INT NOT NULL)`,
    `INSERT INTO ${table} VALUES ${Array.from({ length: ROWS }, (_, id) => `(${id}, 'row ${id}', 1)`).join()}`,
  ]);
}

function names(tablesOf: readonly string[]): (config: ConfigDocument) => void {
  return (config) => {
    delete config.source.table;
    config.source['tables'] = tablesOf.map((name) => ({ name }));
    const itemsOf = (name: string): unknown => [
      { partitionKey: { name: 'pk', template: `${name}#{id}` }, sortKey: { name: 'sk', template: 'row' } },
    ];
    config.mapping = Object.fromEntries(tablesOf.map((name) => [name, { items: itemsOf(name) }]));
  };
}

const FIRST = { pk: { S: 'alpha#0' }, sk: { S: 'row' } };

describe.each(onePair)('the report of verify, $name', { timeout: 180_000 }, (servers) => {
  it("verify does not report an earlier verification's findings as news of a run that compared nothing", async () => {
    await using migration = await createMigration({ servers, rows: tables, config: names(TABLES) });
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    await migration.table.client.send(new DeleteItemCommand({ TableName: migration.table.name, Key: FIRST }));
    const found = await migration.run(['verify']);
    expect(found.stdout).toMatch(/^s01 {2}NOT verified: 1 missing: 600 rows, 599 items seen/m);

    await migration.databases[0]?.query('CREATE TABLE later LIKE alpha');
    migration.configure(names([...TABLES, 'later']));
    const refused = await migration.run(['verify']);
    expect(refused).toMatchObject({ code: 6 });
    expect(refused.stdout).toMatch(/^s01 {2}failed: 0 rows, 0 items seen/m);
    expect(refused.stdout).not.toMatch(/missing +\{|oldest comparison/);
  });

  it('verify advises to compare again what it did not read again, and keeps its differences', async () => {
    await using migration = await createMigration({ servers, rows: tables, config: names(TABLES) });
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    const [lost] = (await migration.items()).filter(({ pk }) => pk?.S === FIRST.pk.S);
    if (lost === undefined) throw new Error('there is no such item');
    const { client, name: TableName } = migration.table;
    await client.send(new DeleteItemCommand({ TableName, Key: FIRST }));
    migration.configure(slowly(2 * ROWS));
    const stopped = await interruptOnce(migration, ['verify'], () => committedRows(migration, 'verify') > ROWS);
    expect(stopped.stdout).toContain(
      'run the same command again to resume; after more than verify.maxAge, it compares everything again',
    );
    migration.configure(quickly);
    await client.send(new PutItemCommand({ TableName, Item: lost }));

    const resumed = await migration.run(['verify']);
    expect(resumed).toMatchObject({ code: 1 });
    expect(resumed.stdout).toMatch(/^s01 {2}NOT verified: 1 missing/m);
    expect(resumed.stdout).toMatch(/^ {2}alpha: compared \d+s ago, not read again$/m);
    expect(resumed.stdout).toContain(
      'what this run did not read again may be right by now: `dynaferry verify --all` compares all of it',
    );
    const again = await migration.run(['verify']);
    expect(again, again.stdout).toMatchObject({ code: 0 });
    expect(again.stdout).toMatch(/^every row has its item, equal in every attribute; oldest comparison \d+s ago$/m);
  });

  it('verify counts all items that an unfinished backfill has not moved, and records only the first ones', async () => {
    const rows = 12_000;
    const made = (): readonly string[] => [
      'CREATE TABLE alpha (id INT NOT NULL PRIMARY KEY, body VARCHAR(40))',
      `INSERT INTO alpha VALUES ${Array.from({ length: rows }, (_, id) => `(${id}, '${id === 0 ? '' : `row ${id}`}')`).join()}`,
    ];
    const config = (document: ConfigDocument): void => {
      names(['alpha'])(document);
      const keys = [{ partitionKey: { name: 'pk', template: '{id}' }, sortKey: { name: 'sk', template: '{body}' } }];
      document.mapping = { alpha: { items: keys } };
    };
    await using migration = await createMigration({ servers, rows: made, config });
    // Its first row is bad, so it ends with its first chunks.
    expect(await migration.run(['backfill'])).toMatchObject({ code: 1 });
    const size = (): number => statSync(join(migration.stateFolder, 's01.db')).size;
    const before = size();
    const verified = await migration.run(['verify', '--json']);
    expect(verified).toMatchObject({ code: 1 });
    const { shards } = JSON.parse(verified.stdout) as {
      shards: { missing: number; findings: { differences: unknown[] } }[];
    };
    expect(shards[0]?.missing).toBeGreaterThan(rows - 2_000);
    expect(shards[0]?.findings.differences).toHaveLength(20);
    // A kilobyte a chunk of 100 rows, and the first differences.
    expect(size() - before).toBeLessThan((rows / 100) * 1_024 + 300_000);
  });

  it('verify beside a live writer says that --restart does not overwrite an item of the same version', async () => {
    const config = (document: ConfigDocument): void => {
      names(['alpha'])(document);
      Object.assign(document.target, {
        liveWriter: 'concurrent',
        version: { attribute: 'version', tombstoneRetention: '7d' },
      });
    };
    await using migration = await createMigration({ servers, rows: tables, config });
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    await migration.table.client.send(
      new UpdateItemCommand({
        TableName: migration.table.name,
        Key: FIRST,
        UpdateExpression: 'SET body = :other',
        ExpressionAttributeValues: { ':other': { S: 'of nobody' } },
      }),
    );
    const advice =
      'beside a live writer, delete the items that differ first: dynaferry does not overwrite an item of the same version';
    const differs = await migration.run(['verify']);
    expect(differs.stdout).toMatch(/^s01 {2}NOT verified: 1 differing/m);
    expect(differs.stdout).toContain(advice);
    expect(await migration.run(['backfill', '--restart'])).toMatchObject({ code: 0 });
    expect((await migration.run(['verify'])).stdout).toMatch(/^s01 {2}NOT verified: 1 differing/m);

    await migration.table.client.send(new DeleteItemCommand({ TableName: migration.table.name, Key: FIRST }));
    const missing = await migration.run(['verify']);
    expect(missing.stdout).toMatch(/^s01 {2}NOT verified: 1 missing/m);
    expect(missing.stdout).not.toContain(advice);
    expect(await migration.run(['backfill', '--restart'])).toMatchObject({ code: 0 });
    expect(await migration.run(['verify'])).toMatchObject({ code: 0 });
  });
});
