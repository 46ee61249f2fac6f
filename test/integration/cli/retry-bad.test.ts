/**
 * Bad rows from the list to the last one moved: `bad-rows` says what is wrong, `backfill --retry-bad` moves what no
 * longer is.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { letLateWriteWindowPass } from '../../support/late-writes.js';
import { createMigration, onePair, type Migration } from '../../support/migration.js';
import { BAD_PRICES, outcomesOf, prices, pricesConfig, rulesOf } from './bad-row-tables.js';
import { expectRefusal } from './refusal.js';

const ALLOWED = ['--max-bad-rows', '99'];

/** Every item's attribute of that name, by the row's id. */
async function attributes(migration: Migration, name: string): Promise<Record<string, unknown>> {
  const items = await migration.items();
  return Object.fromEntries(items.map((item) => [item['id']?.N ?? '?', item[name]]));
}

describe.each(onePair)('bad rows of $name', { timeout: 180_000 }, (servers) => {
  it('bad-rows lists bad rows by reason and one by one, and their keys only on request', async () => {
    await using migration = await createMigration({ servers, rows: prices, config: pricesConfig });
    expect(await migration.run(['bad-rows'])).toMatchObject({ code: 0, stdout: 's01  nothing is recorded yet\n' });
    expect((await migration.run(['backfill', '--dry-run'])).stdout).toContain('dynaferry bad-rows --all --dry-run');
    expect(await migration.run(['bad-rows'])).toMatchObject({ code: 0 });
    const dry = await migration.run(['bad-rows', '--dry-run']);
    expect(dry.stdout).toMatch(/^s01 {2}32 bad rows found by the dry run$/m);

    const backfill = await migration.run(['backfill', ...ALLOWED]);
    expect(backfill.stdout).toContain('and 12 more bad rows; `dynaferry bad-rows s01` lists them');
    const list = await migration.run(['bad-rows', 's01', '--limit', '3']);
    expect(list).toMatchObject({ code: 1, stderr: '' });
    expect(list.stdout).toMatch(/^s01 {2}32 bad rows$/m);
    expect(list.stdout).toMatch(/^ {2}30 rows of prices, column price: more than 38 significant digits$/m);
    expect(list.stdout).toMatch(/^ {4}value {3}decimal\(65,0\)$/m);
    expect(list.stdout).toMatch(/^ {4}remedy {2}map the column with `type: S`$/m);
    expect(list.stdout).toMatch(/^ {2}1 row of prices, column noted: a zero date/m);
    expect(list.stdout).toMatch(/^ {2}1 row of prices, column name: NULL in a template\n {4}value {3}NULL$/m);
    expect(list.stdout.match(/^ {2}#\d+ {2}prices {2}range \d+, chunk \d+ {2}\w+: /gm)).toHaveLength(3);
    expect(list.stdout).toMatch(/^ {2}and 29 more, not listed one by one/m);
    expect(list.stdout).not.toContain('secret');
    const keys = await migration.run(['bad-rows', '--all', '--show-values', '--limit', '40']);
    expect(keys.stdout.match(/^ {2}#\d+ {2}prices {2}code=secret-0-\d+ /gm)).toHaveLength(BAD_PRICES);

    const json = await migration.run(['bad-rows', '--shard', 's01', '--json']);
    const records = json.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(records.filter(({ type }) => type === 'group').map(({ rows }) => rows)).toEqual([30, 1, 1]);
    expect(records.filter(({ type }) => type === 'row')).toHaveLength(BAD_PRICES);
    expect(records.at(-1)).toEqual({
      type: 'total',
      shard: 's01',
      recorded: true,
      rows: 32,
      listed: 32,
      fault: null,
      unfinished: [],
    });
    expect(json.stdout).not.toContain('secret');
    expect((await migration.run(['status'])).stdout).toMatch(/^s01 +backfilled +prices +40 +100% +32 /m);
    expect((await migration.run(['bad-rows', 's01', '--all'])).code).toBe(2);
    expect((await migration.run(['bad-rows', 's09'])).stderr).toContain('E_SHARD_UNKNOWN');
  });

  it('a retry moves corrected rows, forgets deleted ones, and keeps unchanged ones as bad', async () => {
    await using migration = await createMigration({ servers, rows: prices, config: pricesConfig });
    const [before] = outcomesOf(await migration.run(['backfill', ...ALLOWED, '--json']));
    expect(before).toMatchObject({ badRows: BAD_PRICES, counts: { rows: 40, items: 8, badRows: BAD_PRICES } });
    const [database] = migration.databases;
    await database?.query('UPDATE prices SET price = 5 WHERE id < 20');
    await database?.query("UPDATE prices SET noted = '2026-01-02' WHERE id = 31");
    await database?.query('DELETE FROM prices WHERE id = 30');
    // A verification in between finds the corrected rows without an item: they have to stay on the record.
    expect(outcomesOf(await migration.run(['verify', '--json']))).toMatchObject([{ badRows: BAD_PRICES, missing: 20 }]);
    expect((await migration.run(['status'])).stdout).toMatch(/^s01 +differences /m);

    const stopped = await migration.run(['backfill', '--retry-bad', '--json']);
    expect(stopped.code).toBe(1);
    expect(outcomesOf(stopped)).toMatchObject([
      {
        status: 'failed',
        fault: { code: 'E_BAD_ROWS' },
        retried: { rows: 32, moved: 20, items: 20, gone: 1, expired: 0, stillBad: 11 },
        badRows: 11,
        counts: { rows: 40, items: 28, badRows: 11 },
      },
    ]);
    expect((await migration.run(['status'])).stdout).toMatch(
      /^s01 +backfilled +prices +40 +100% +11 +not since the retry$/m,
    );
    expect(await migration.run(['verify'])).toMatchObject({ code: 1 });
    expect((await migration.run(['status'])).stdout).toMatch(
      /^s01 +differences +prices +40 +100% +11 +equal except bad rows, /m,
    );

    const again = await migration.run(['backfill', '--retry-bad', ...ALLOWED]);
    expect(again.code).toBe(1);
    expect(again.stdout).toMatch(/11 bad rows tried again: 0 moved \(0 items, 0 WCU\), 11 still bad/);
    await database?.query('DELETE FROM prices WHERE id BETWEEN 20 AND 29 OR id = 32');
    const last = await migration.run(['backfill', '--retry-bad']);
    expect(last.code).toBe(0);
    expect(last.stdout).toContain('11 gone from MySQL');
    expect(await migration.items()).toHaveLength(28);
    expect(await migration.run(['bad-rows'])).toMatchObject({ code: 0, stdout: 's01  no bad rows\n' });
    expect(await migration.run(['verify'])).toMatchObject({ code: 0 });
    expect((await migration.run(['status'])).stdout).toMatch(/^s01 +verified +prices +40 +100% +0 +equal/m);
    expect((await migration.run(['backfill', '--retry-bad'])).stdout).toContain('no bad rows were recorded');
  });

  it('a retry accepts another rule for the column of its bad rows, refuses other changes, and reports what was moved before', async () => {
    await using migration = await createMigration({ servers, shards: 3, rows: prices, config: pricesConfig });
    await migration.databases[1]?.query('DELETE FROM prices WHERE id <= 32');
    expect((await migration.run(['backfill', '--shard', 's01', 's02', ...ALLOWED])).code).toBe(1);

    migration.configure((config) => void Object.assign(rulesOf(config).attributes.rules, { price: { type: 'S' } }));
    expectRefusal(await migration.run(['backfill', '--shard', 's01']), {
      code: 'E_STATE_CHANGED',
      exit: 6,
      fact: /price/,
      next: /--restart/,
    });
    const refused = { code: 'E_STATE_CHANGED', exit: 6, next: /prices\.price/ } as const;
    migration.configure((config) => void Object.assign(rulesOf(config).sortKey, { template: '{code}#{name}' }));
    expectRefusal(await migration.run(['backfill', '--shard', 's01', '--retry-bad']), { ...refused, fact: /sortKey/ });
    migration.configure((config) => {
      Object.assign(rulesOf(config).sortKey, { template: '{code}' });
      Object.assign(rulesOf(config).attributes.rules, { id: { type: 'S' } });
    });
    expectRefusal(await migration.run(['backfill', '--shard', 's01', '--retry-bad']), {
      ...refused,
      fact: /rules\.id/,
    });
    migration.configure((config) => {
      delete rulesOf(config).attributes.rules['id'];
    });

    const retried = await migration.run(['backfill', '--shard', 's01', '--retry-bad', '--json', ...ALLOWED]);
    expect(retried.code).toBe(1);
    expect(outcomesOf(retried)).toMatchObject([
      { retried: { moved: 30, stillBad: 2 }, acceptedChanges: [{ path: expect.stringContaining('price') as string }] },
    ]);
    expect(retried.stderr).toMatch(/"event":"shard.warning".*E_STATE_CHANGED.*price.*rows moved earlier/);
    const moved = await attributes(migration, 'price');
    expect([moved['1'], moved['33']]).toEqual([{ S: '9'.repeat(40) }, { N: '33' }]);

    // What the former rule made of the good rows differs from now on, and the report says by whose hand.
    const verify = await migration.run(['verify', '--shard', 's01']);
    expect(verify.code).toBe(1);
    expect(verify.stdout).toMatch(/NOT verified: 8 differing, 2 bad rows left behind/);
    expect(verify.stdout).toMatch(/the mapping was changed for a retry[^]*\n {4}tables\.prices.*price/);

    // The same config serves the other shards: they follow, one without bad rows too; one that was never begun is
    // passed over.
    migration.configure((config) => {
      Object.assign(rulesOf(config).attributes.rules, { noted: { format: 'text' } });
      delete rulesOf(config).attributes.add['label'];
    });
    expectRefusal(await migration.run(['verify', '--shard', 's02']), { ...refused, fact: /price/, next: /--restart/ });
    const all = await migration.run(['backfill', '--all', '--retry-bad', '--json']);
    expect(all.code).toBe(0);
    expect(outcomesOf(all)).toMatchObject([{ retried: { moved: 2 } }, { retried: { rows: 0 }, badRows: 0 }]);
    expect(await attributes(migration, 'noted')).toMatchObject({ 31: { S: '0000-00-00 00:00:00' } });
    expect(outcomesOf(await migration.run(['verify', '--shard', 's02', '--json']))).toMatchObject([{ differing: 8 }]);
  });

  it('a retry keeps rows that became too large for the machine as bad, reports them, and moves the others', async () => {
    await using migration = await createMigration({
      servers,
      rows: () => [
        'CREATE TABLE prices (code VARCHAR(20) PRIMARY KEY, id INT NOT NULL, price DECIMAL(65,0), name LONGTEXT)',
        `INSERT INTO prices VALUES ${Array.from({ length: 12 }, (_, id) => `('secret-${id}', ${id}, ${'9'.repeat(40)}, 'n')`).join()}`,
      ],
      config: pricesConfig,
    });
    expect((await migration.run(['backfill', ...ALLOWED])).code).toBe(1);
    await migration.databases[0]?.query('UPDATE prices SET price = 5');
    await migration.databases[0]?.query("UPDATE prices SET name = REPEAT('y', 3000000) WHERE id IN (4, 11)");
    const script = new URL('scripts/small-memory.js', import.meta.url).href;
    const retried = await migration.run(['backfill', '--retry-bad', '--json', ...ALLOWED], {
      env: { NODE_OPTIONS: `--import=${script}` },
    });
    expect(retried, retried.stderr).toMatchObject({ code: 1 });
    expect(outcomesOf(retried)).toMatchObject([
      { status: 'differences', fault: null, badRows: 2, retried: { rows: 12, moved: 10, stillBad: 2 } },
    ]);
    const [warning = ''] = retried.stderr.split('\n').filter((line) => line.includes('"E_ROW_TOO_LARGE"'));
    expect(warning).toMatch(/"event":"shard.warning","shard":"s01"/);
    expect(warning).toMatch(
      /table prices: of the bad rows, #\d+, #\d+ could not be read again, and stay recorded; .* 2 MiB/,
    );
    const list = await migration.run(['bad-rows', '--show-values']);
    expect(list.stdout).toMatch(/^s01 {2}2 bad rows$/m);
    for (const id of [4, 11]) expect(list.stdout).toContain(`code=secret-${id} `);
    for (const number of warning.match(/#\d+/g) ?? [])
      expect(list.stdout).toMatch(new RegExp(`^ {2}${number} {2}`, 'm'));

    await migration.databases[0]?.query("UPDATE prices SET name = 'n'");
    expect((await migration.run(['backfill', '--retry-bad'])).code).toBe(0);
    expect(await migration.items()).toHaveLength(12);
  });

  it('a retry keeps the budget, and resumes after a kill', async () => {
    await using migration = await createMigration({ servers, rows: prices, config: pricesConfig });
    expect((await migration.run(['backfill', ...ALLOWED])).code).toBe(1);
    await migration.databases[0]?.query("UPDATE prices SET price = 5, name = 'n', noted = NULL WHERE id <= 32");
    migration.configure((config) => void Object.assign(config.target, { writeCapacity: 4 }));
    await using retry = await migration.spawn(['backfill', '--retry-bad']);
    while ((await migration.items()).length === 8) await sleep(50);
    retry.killGroup('SIGKILL');
    await retry.result.catch(() => undefined);
    const left = (await migration.run(['bad-rows', '--json'])).stdout.match(/"type":"row"/g)?.length ?? 0;
    expect(left).toBeGreaterThan(0);

    migration.configure((config) => void Object.assign(config.target, { writeCapacity: 1_000 }));
    const again = await migration.run(['backfill', '--retry-bad', '--json']);
    expect(outcomesOf(again)).toMatchObject([
      { retried: { rows: left, moved: left }, counts: { items: 40, badRows: 0 } },
    ]);
    expect(await migration.items()).toHaveLength(40);
    letLateWriteWindowPass(migration.stateFolder, ['s01']);
    expect(await migration.run(['verify'])).toMatchObject({ code: 0 });
  });

  it('a retry moves bad rows of uncommitted chunks, too, and the resumed backfill counts them once', async () => {
    await using migration = await createMigration({ servers, rows: prices, config: pricesConfig });
    expect((await migration.run(['backfill'])).stderr).toContain('E_BAD_ROWS');
    await migration.databases[0]?.query("UPDATE prices SET price = 5, name = 'n', noted = NULL WHERE id <= 32");
    const retried = await migration.run(['backfill', '--retry-bad']);
    expect(retried.stdout).toMatch(/next: the backfill is not finished; `dynaferry backfill --all` resumes it/);
    expect(retried.code).toBe(0);
    expect(outcomesOf(await migration.run(['backfill', '--json']))).toMatchObject([
      { counts: { rows: 40, items: 40, badRows: 0 }, badRows: 0 },
    ]);
    expect(await migration.run(['verify'])).toMatchObject({ code: 0 });
  });
});

describe.each(onePair)('rows that share an item key: $name', { timeout: 120_000 }, (servers) => {
  it('a retry never lets rows that share an item key overwrite each other, and moves them once they differ', async () => {
    const paths = [
      'CREATE TABLE paths (folder VARCHAR(20) NOT NULL, file VARCHAR(20) NOT NULL, size INT, PRIMARY KEY (folder, file))',
      "INSERT INTO paths VALUES ('a','bc',1), ('ab','c',2)",
    ];
    await using migration = await createMigration({
      servers,
      rows: () => paths,
      config: (config) => {
        config.source.table = { name: 'paths' };
        const keys = {
          partitionKey: { name: 'pk', template: 'P' },
          sortKey: { name: 'sk', template: '{folder}{file}' },
        };
        config.mapping = { paths: { items: [keys] } };
      },
    });
    const shared = { code: 'E_ITEM_KEY_SHARED', exit: 1, fact: /two rows/, next: /--restart/ } as const;
    expectRefusal(await migration.run(['backfill']), shared);
    expectRefusal(await migration.run(['backfill', '--retry-bad']), shared);
    expect((await migration.items()).length).toBeLessThanOrEqual(1);
    await migration.databases[0]?.query("DELETE FROM paths WHERE folder = 'ab'");
    expect((await migration.run(['backfill', '--retry-bad'])).code).toBe(0);
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    expect(await migration.items()).toMatchObject([{ sk: { S: 'abc' }, size: { N: '1' } }]);
    expect(await migration.run(['verify'])).toMatchObject({ code: 0 });
  });
});
