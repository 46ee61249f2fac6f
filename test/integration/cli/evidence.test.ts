/**
 * What a verdict rests on: how long ago it was compared, which end of the backfill it saw, which tables and shards it
 * is about, and what of an interrupted verification is read again.
 */
import { DeleteItemCommand } from '@aws-sdk/client-dynamodb';
import { createConnection } from 'mysql2/promise';
import { describe, expect, it } from 'vitest';
import type { CliResult } from '../../support/cli.js';
import {
  committedRows,
  completeRanges,
  rangesOf,
  interruptOnce,
  letEvidenceAge,
  quickly,
  slowly,
} from '../../support/evidence.js';
import { startFaultProxy, type FaultProxy } from '../../support/fault-proxy.js';
import { createMigration, onePair, type ConfigDocument, type Migration } from '../../support/migration.js';

const ROWS = 600;
const ITEMS = 2 * ROWS;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAYS_MS = 5 * 24 * HOUR_MS;

interface Age {
  readonly at: number;
  readonly ms: number | null;
}

interface Outcome {
  readonly status: string;
  readonly missing: number;
  readonly differing: number;
  readonly counts: { readonly rows: number; readonly units: number };
  readonly unfinished: readonly { readonly table: string; readonly begun: boolean }[];
  readonly oldestComparison: Age | null;
  readonly takenOver: readonly { readonly table: string; readonly lastCompared: Age }[];
}

interface Status {
  readonly phase: string;
  readonly oldestComparison: Age | null;
  readonly tables: readonly {
    readonly table: string;
    readonly inConfig: boolean;
    readonly planned: boolean;
    readonly standing: string;
  }[];
}

const outcomesOf = ({ stdout, stderr }: CliResult): readonly Outcome[] => {
  if (stdout === '') throw new Error(stderr);
  return (JSON.parse(stdout) as { shards: Outcome[] }).shards;
};

async function statusOf(migration: Migration, shard = 0): Promise<Status> {
  const { shards } = JSON.parse((await migration.run(['status', '--json'])).stdout) as { shards: Status[] };
  const found = shards[shard];
  if (found === undefined) throw new Error(`no shard ${shard}`);
  return found;
}

const through = (proxy: FaultProxy): { env: Record<string, string> } => ({
  env: { AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint },
});

const keysRead = (proxy: FaultProxy): number =>
  proxy.requests
    .filter(({ operation }) => operation === 'BatchGetItem')
    .reduce((sum, { entries }) => sum + entries.length, 0);

/** By a verification that began since it was asked for. */
function someCompared(migration: Migration, shard = 's01'): () => boolean {
  const since = Date.now();
  return () => committedRows(migration, 'verify', shard, since) > 0;
}

/** Every row that begins like this one, so that all chunks have some. */
async function changeRows(migration: Migration, to: string, shard = 0): Promise<void> {
  await migration.databases[shard]?.query('UPDATE messages SET to_number = ?, updated_at = updated_at', [to]);
}

describe.each(onePair)('the age of what was compared, $name', { timeout: 180_000 }, (servers) => {
  it('a verification that is resumed days later compares all rows again, and finds what changed since', async () => {
    await using migration = await createMigration({ servers, rows: ROWS });
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, () => ({ kind: 'pass' }));
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    migration.configure(slowly(ITEMS));
    await interruptOnce(migration, ['verify'], someCompared(migration));
    const compared = committedRows(migration, 'verify');
    letEvidenceAge(migration.stateFolder, 's01', DAYS_MS);
    migration.configure(quickly);
    await changeRows(migration, '+999');
    const [lost] = await migration.items();
    if (lost?.['pk'] === undefined || lost['sk'] === undefined) throw new Error('there are no items');
    const Key = { pk: lost['pk'], sk: lost['sk'] };
    await migration.table.client.send(new DeleteItemCommand({ TableName: migration.table.name, Key }));

    const result = await migration.run(['verify', '--json'], through(proxy));
    expect(result.code).toBe(1);
    const [outcome] = outcomesOf(result);
    // All but the one that is missing now, of one item a row.
    expect((outcome?.missing ?? 0) + (outcome?.differing ?? 0)).toBeGreaterThanOrEqual(ROWS);
    expect(outcome).toMatchObject({ missing: 1, counts: { rows: ROWS } });
    expect(outcome?.oldestComparison?.ms).toBeLessThan(MINUTE_MS);
    const again = result.stderr.split('\n').find((line) => line.includes('"verification.again"'));
    expect(JSON.parse(again ?? '{}')).toMatchObject({ table: 'messages', reason: 'aged', rows: compared });

    const said = await migration.run(['verify']);
    expect(said).toMatchObject({ code: 1 });
  });

  it('a resumed verification says that it starts again, and within verify.maxAge resumes', async () => {
    await using migration = await createMigration({ servers, rows: ROWS });
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, () => ({ kind: 'pass' }));
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    migration.configure(slowly(ITEMS));
    await interruptOnce(migration, ['verify'], someCompared(migration));
    const first = committedRows(migration, 'verify');
    letEvidenceAge(migration.stateFolder, 's01', 90 * MINUTE_MS);
    const restarted = await interruptOnce(migration, ['verify'], someCompared(migration));
    expect(restarted.stderr).toContain(
      `messages: the last comparison of an interrupted verification was 1h 30m ago, which is more than verify.maxAge; its ${first} rows are compared again`,
    );
    expect(restarted.stderr).not.toContain('resumes where it stopped');

    migration.configure(quickly);
    migration.configure((config) => (config['verify'] = { maxAge: '2h' }));
    letEvidenceAge(migration.stateFolder, 's01', 80 * MINUTE_MS);
    const before = committedRows(migration, 'verify');
    const resumed = await migration.run(['verify'], through(proxy));
    expect(resumed).toMatchObject({ code: 0 });
    expect(resumed.stderr).toContain('resumes where it stopped');
    expect(keysRead(proxy)).toBe(ITEMS - 2 * before);
    // The verdict rests on what was compared before the interruption too, and says so.
    const age = /^ {2}oldest comparison 20\d\d-\d\d-\d\d \d\d:\d\d UTC, 1h 2\dm ago$/m;
    expect(resumed.stdout).toMatch(age);
    const status = await migration.run(['status']);
    expect(status.stdout).toMatch(/^s01 +verified +.*equal, 1h 2\dm ago$/m);
    expect(status.stdout).toMatch(/^s01: oldest comparison 20\d\d-\d\d-\d\d \d\d:\d\d UTC, 1h 2\dm ago$/m);
    const { oldestComparison } = await statusOf(migration);
    expect(oldestComparison?.ms).toBeGreaterThan(80 * MINUTE_MS);
    expect(Date.now() - (oldestComparison?.at ?? 0)).toBeGreaterThan(80 * MINUTE_MS);
  });
});

describe.each(onePair)('a verdict and the backfill that it saw, $name', { timeout: 180_000 }, (servers) => {
  it('a verification over an interrupted backfill proves nothing once that backfill continues', async () => {
    await using migration = await createMigration({ servers, rows: ROWS });
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    migration.configure(slowly(ITEMS));
    const since = Date.now();
    const begun = (): boolean => committedRows(migration, 'backfill', 's01', since) > 0;
    await interruptOnce(migration, ['backfill', '--restart'], begun);
    migration.configure(quickly);

    // All items are there from the backfill before, so nothing is missing; even so it is no verdict.
    const over = await migration.run(['verify']);
    expect(over).toMatchObject({ code: 7 });
    expect(over.stdout).toMatch(/^s01 {2}not proven: the backfill is not finished: 600 rows/m);
    expect(over.stdout).toContain(
      'the backfill of messages is not finished: items that are missing may not have been moved yet',
    );
    expect(over.stdout).toContain('next: the backfill is not finished; `dynaferry backfill --all` resumes it');
    expect(over.stdout).not.toContain('--restart');
    expect(await statusOf(migration)).toMatchObject({
      phase: 'backfilling',
      oldestComparison: null,
      tables: [{ standing: 'backfill-unfinished' }],
    });

    await changeRows(migration, '+999');
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    expect(await statusOf(migration)).toMatchObject({ phase: 'backfilled', tables: [{ standing: 'before-backfill' }] });
    expect((await migration.run(['status'])).stdout).toMatch(/^s01 +backfilled +.*not since the backfill$/m);
    // What the backfill had moved before the interruption has the former number.
    const after = await migration.run(['verify', '--json']);
    expect(after.code).toBe(1);
    expect(outcomesOf(after)).toMatchObject([{ missing: 0, counts: { rows: ROWS }, unfinished: [] }]);
    expect(outcomesOf(after)[0]?.differing).toBeGreaterThan(0);
    expect(outcomesOf(after)[0]?.differing).toBeLessThan(ROWS);
  });

  it('a verification that was interrupted over an unfinished backfill starts again after the backfill is done', async () => {
    await using migration = await createMigration({ servers, rows: ROWS, config: slowly(ITEMS) });
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, () => ({ kind: 'pass' }));
    await interruptOnce(migration, ['backfill'], () => committedRows(migration, 'backfill') > 0);
    const moved = committedRows(migration, 'backfill');
    await interruptOnce(migration, ['verify'], () => committedRows(migration, 'verify') > 0);
    {
      // `status` beside it is about what goes on: nobody moves rows now.
      await using verify = await migration.spawn(['verify']);
      await verify.waitFor(/verify messages: /);
      const said = await migration.run(['status']);
      expect(said.stdout).toMatch(
        /^s01 +verifying now +messages +[\d,]+ of about [\d,]+ .*not before the backfill ends$/m,
      );
      verify.killGroup('SIGINT');
      expect(await verify.result).toMatchObject({ code: 130 });
    }
    expect((await migration.run(['status'])).stdout).toMatch(/^s01 +backfill stopped +messages/m);
    // Compared far enough to have found missing items.
    await interruptOnce(migration, ['verify'], () => committedRows(migration, 'verify') > moved);
    migration.configure(quickly);
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    expect(await statusOf(migration)).toMatchObject({ phase: 'backfilled' });

    const result = await migration.run(['verify'], through(proxy));
    expect(result, result.stdout).toMatchObject({ code: 0 });
    expect(result.stderr).toMatch(
      /the last comparison of an interrupted verification was \d+s ago, before the backfill moved further rows; its [\d,]+ rows are compared again/,
    );
    expect(keysRead(proxy)).toBe(ITEMS);
    expect(result.stdout).toMatch(/^s01 {2}verified: 600 rows, 1,200 items/m);
    expect(await statusOf(migration)).toMatchObject({ phase: 'verified', tables: [{ standing: 'stands' }] });
  });

  it('verify says that missing items may not have been moved yet, and does not advise a restart', async () => {
    await using migration = await createMigration({ servers, rows: ROWS, config: slowly(ITEMS) });
    await interruptOnce(migration, ['backfill'], () => committedRows(migration, 'backfill') > 0);
    migration.configure(quickly);
    const result = await migration.run(['verify']);
    expect(result).toMatchObject({ code: 7 });
    expect(result.stdout).toMatch(/not proven: the backfill is not finished, [\d,]+ missing/);
    expect(result.stdout).toContain('items that are missing may not have been moved yet');
    expect(result.stdout).not.toContain('--restart');
  });
});

const TABLES = ['alpha', 'omega'];
const TABLE_ROWS = 501;

/** Two tables of one shard: `alpha` and `omega`. */
function twoTables(): readonly string[] {
  return TABLES.flatMap((table) => [
    `CREATE TABLE ${table} (id INT NOT NULL PRIMARY KEY, body VARCHAR(40))`,
    `INSERT INTO ${table} VALUES ${Array.from({ length: TABLE_ROWS }, (_, id) => `(${id}, 'row ${id}')`).join()}`,
  ]);
}

const MANY = 12_000;

/** Enough for several ranges. */
function manyRows(): readonly string[] {
  return [
    'CREATE TABLE alpha (id INT NOT NULL PRIMARY KEY, body VARCHAR(40))',
    `INSERT INTO alpha VALUES ${Array.from({ length: MANY }, (_, id) => `(${id}, 'row ${id}')`).join()}`,
    'ANALYZE TABLE alpha',
  ];
}

function twoTablesConfig(config: ConfigDocument): void {
  delete config.source.table;
  config.source['tables'] = TABLES.map((name) => ({ name }));
  Object.assign(config.source.limits, { statementIdleTimeoutSeconds: 2, retryTimeoutSeconds: 1 });
  config.mapping = Object.fromEntries(
    TABLES.map((name) => [
      name,
      {
        items: [{ partitionKey: { name: 'pk', template: `${name}#{id}` }, sortKey: { name: 'sk', template: 'row' } }],
      },
    ]),
  );
}

describe.each(onePair)('a verdict and the tables that the config names, $name', { timeout: 180_000 }, (servers) => {
  it('status shows a shard as neither backfilled nor verified while a table of the config was never started', async () => {
    await using migration = await createMigration({ servers, rows: twoTables, config: twoTablesConfig });
    migration.configure(({ target }) => void Object.assign(target, { writeCapacity: 150, maxInFlightRequests: 1 }));
    const { host, port, user, password, name } = { ...servers.mysql, name: migration.databases[0]?.name ?? '' };
    const other = await createConnection({ host, port, user, password });
    let backfill: CliResult;
    try {
      await using cli = await migration.spawn(['backfill']);
      await cli.waitFor(/alpha: cut into/);
      await other.query(`LOCK TABLES ${name}.omega WRITE`);
      backfill = await cli.result;
    } finally {
      await other.end();
    }
    expect(backfill, backfill.stderr).toMatchObject({ code: 4 });
    expect(backfill.stdout).toMatch(/^s01 {2}failed: 501 rows/m);
    expect(backfill.stdout).toMatch(/^ {2}omega was not started$/m);
    migration.configure(quickly);

    const begun = [
      { table: 'alpha', planned: true },
      { table: 'omega', planned: false },
    ];
    expect(await statusOf(migration)).toMatchObject({ phase: 'backfilling', tables: begun });
    expect((await migration.run(['status'])).stdout).toMatch(
      /^s01 +backfill stopped +alpha .*\n +omega +not started$/m,
    );
    expect((await migration.run(['bad-rows'])).stdout).toContain(
      's01  no bad rows so far: omega not read to the end yet',
    );

    const verified = await migration.run(['verify', '--json']);
    expect(verified).toMatchObject({ code: 7 });
    expect(outcomesOf(verified)).toMatchObject([
      {
        status: 'unproven',
        missing: 0,
        counts: { rows: TABLE_ROWS },
        unfinished: [{ table: 'omega', begun: false }],
      },
    ]);
    const said = await migration.run(['verify']);
    expect(said.stdout).toContain('s01  not proven: the backfill is not finished: 501 rows');
    expect(said.stdout).toContain('the backfill of omega was not started: no row of it was moved or compared');
    expect(said.stdout).toContain('`dynaferry backfill --all` resumes it');
    // Verifying plans nothing: a plan says where the table ended when its backfill began.
    expect(await statusOf(migration)).toMatchObject({ phase: 'backfilling', tables: begun });

    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    expect(await migration.run(['verify'])).toMatchObject({ code: 0 });
    expect(await statusOf(migration)).toMatchObject({ phase: 'verified' });

    // The config comes to name another table, or one less: status is about what it names.
    migration.configure((config) => {
      config.source['tables'] = [...TABLES, 'later'].map((table) => ({ name: table }));
      config.mapping['later'] = config.mapping['alpha'];
    });
    expect(await statusOf(migration)).toMatchObject({ phase: 'backfilling' });
    expect((await migration.run(['verify'])).code).not.toBe(0);
    migration.configure((config) => {
      config.source['tables'] = [{ name: 'omega' }];
      config.mapping = { omega: config.mapping['omega'] };
    });
    expect(await statusOf(migration)).toMatchObject({
      phase: 'verified',
      tables: [
        { table: 'omega', inConfig: true },
        { table: 'alpha', inConfig: false },
      ],
    });
    expect((await migration.run(['status'])).stdout).toContain(
      's01: table alpha is recorded, but the config does not name it; the phase does not cover it',
    );
  });

  it('a resumed verification does not read a completed table again', async () => {
    await using migration = await createMigration({ servers, rows: twoTables, config: twoTablesConfig });
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, () => ({ kind: 'pass' }));
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    migration.configure(slowly(2 * TABLE_ROWS));
    await interruptOnce(migration, ['verify'], () => committedRows(migration, 'verify') > TABLE_ROWS);
    migration.configure(quickly);
    const before = committedRows(migration, 'verify');
    const resumed = await migration.run(['verify'], through(proxy));
    expect(resumed, resumed.stderr).toMatchObject({ code: 0 });
    expect(keysRead(proxy)).toBe(2 * TABLE_ROWS - before);
    expect(resumed.stdout).toMatch(/^ {2}alpha: compared \d+s ago, not read again$/m);
    expect(resumed.stdout).toMatch(/^s01 {2}verified: 1,002 rows/m);
    expect(await migration.run(['verify'], through(proxy))).toMatchObject({ code: 0 });
    expect(keysRead(proxy)).toBe(4 * TABLE_ROWS - before);
  });
});

describe.each(onePair)('an interrupted verification of several shards, $name', { timeout: 180_000 }, (servers) => {
  const all = ['verify', '--all', '--jobs', '1'];

  it('a resumed verification takes over completed shards with their findings, and the next one compares all again', async () => {
    await using migration = await createMigration({ servers, shards: 2, rows: ROWS });
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, () => ({ kind: 'pass' }));
    expect(await migration.run(['backfill', '--all'])).toMatchObject({ code: 0 });
    migration.configure(slowly(2 * ITEMS));
    await interruptOnce(migration, all, someCompared(migration, 's02'));
    migration.configure(quickly);
    const before = committedRows(migration, 'verify', 's02');
    expect(committedRows(migration, 'verify', 's01')).toBe(ROWS);

    const resumed = await migration.run(all, through(proxy));
    expect(resumed, resumed.stdout + resumed.stderr).toMatchObject({ code: 0 });
    expect(keysRead(proxy)).toBe(ITEMS - 2 * before);
    expect(resumed.stdout).toMatch(
      /^s01 {2}verified: 600 rows.*\n {2}messages: compared \d+s ago, not read again\n {2}oldest comparison /m,
    );
    expect(resumed.stdout).not.toMatch(/^s02.*\n {2}messages: verified/m);
    expect(resumed.stderr).toMatch(/s01 .*messages: compared \d+s ago by an earlier run, not read again/);

    // Nothing is left open: all of it is verified again.
    const again = await migration.run([...all, '--json'], through(proxy));
    expect(again).toMatchObject({ code: 0 });
    expect(keysRead(proxy)).toBe(ITEMS - 2 * before + 2 * ITEMS);
    expect(outcomesOf(again).map(({ takenOver }) => takenOver)).toEqual([[], []]);
  });

  it('a resumed verification counts differences found before the interruption, and reads again what it compared too long ago', async () => {
    await using migration = await createMigration({ servers, shards: 2, rows: ROWS });
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, () => ({ kind: 'pass' }));
    expect(await migration.run(['backfill', '--all'])).toMatchObject({ code: 0 });
    await changeRows(migration, '+999');
    expect(await migration.run(['verify', '--shard', 's01'])).toMatchObject({ code: 1 });

    // s02 was never verified, so that this run goes on with what s01 came to.
    const taken = await migration.run([...all, '--json'], through(proxy));
    expect(taken).toMatchObject({ code: 1 });
    expect(outcomesOf(taken)).toMatchObject([
      { status: 'differences', differing: ROWS, takenOver: [{ table: 'messages' }] },
      { status: 'done', differing: 0, takenOver: [] },
    ]);
    expect(keysRead(proxy)).toBe(ITEMS);

    // A retry, a restart, and too long a time each leave nothing to take over.
    expect(await migration.run(['backfill', '--shard', 's02', '--restart'])).toMatchObject({ code: 0 });
    letEvidenceAge(migration.stateFolder, 's01', HOUR_MS);
    const aged = await migration.run([...all, '--json'], through(proxy));
    expect(outcomesOf(aged).map(({ takenOver }) => takenOver)).toEqual([[], []]);
    // Each row of s01 is looked at twice, since its item differs.
    expect(keysRead(proxy)).toBe(3 * ITEMS + ROWS);
  });
});

describe.each(onePair)('what a verification goes through, $name', { timeout: 180_000 }, (servers) => {
  it('a verification compares rows that were inserted behind the end of the plan', async () => {
    await using migration = await createMigration({ servers, rows: twoTables, config: twoTablesConfig });
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    // Behind the last row that there was when the table was planned, and more than a chunk of them.
    const ids = Array.from({ length: 150 }, (_, at) => `(${TABLE_ROWS + 10 + at}, 'new')`).join();
    await migration.databases[0]?.query(`INSERT INTO alpha VALUES ${ids}`);
    const result = await migration.run(['verify', '--json']);
    expect(result).toMatchObject({ code: 1 });
    expect(outcomesOf(result)).toMatchObject([{ missing: 150, differing: 0, counts: { rows: 2 * TABLE_ROWS + 150 } }]);
  });

  it('a resume does not scan completed ranges again', async () => {
    await using migration = await createMigration({ servers, rows: manyRows, config: twoTablesConfig });
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, () => ({ kind: 'pass' }));
    migration.configure((config) => {
      config.source['tables'] = [{ name: 'alpha' }];
      config.mapping = { alpha: config.mapping['alpha'] };
      Object.assign(config.source.limits, {
        scansPerServer: 1,
        statementIdleTimeoutSeconds: 60,
        retryTimeoutSeconds: 60,
      });
    });
    for (const kind of ['backfill', 'verify'] as const) {
      migration.configure(slowly(MANY));
      await interruptOnce(migration, [kind], () => completeRanges(migration, kind) >= 2);
      const done = completeRanges(migration, kind);
      expect(done).toBeGreaterThanOrEqual(2);
      const all = rangesOf(migration, kind);
      expect(done).toBeLessThan(all);
      migration.configure(quickly);
      const before = committedRows(migration, kind);
      const resumed = await migration.run([kind, '--all-events'], through(proxy));
      expect(resumed, resumed.stderr).toMatchObject({ code: 0 });
      // Told by the events of the run: each of the ranges that were left is completed once, and the others are not
      // touched.
      const events = resumed.stderr
        .split('\n')
        .filter((line) => line.startsWith('{"time"'))
        .map((line) => JSON.parse(line) as { event: string; segment?: number; rows?: number });
      const completed = events.filter(({ event }) => event === 'segment.completed').map(({ segment }) => segment);
      expect(completed).toHaveLength(all - done);
      expect(new Set(completed).size).toBe(completed.length);
      const rows = events
        .filter(({ event }) => event === 'chunk.read')
        .reduce((sum, chunk) => sum + (chunk.rows ?? 0), 0);
      expect(rows).toBe(MANY - before);
      expect(committedRows(migration, kind)).toBe(MANY);
    }
  });
});
