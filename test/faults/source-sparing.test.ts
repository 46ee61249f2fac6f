/**
 * The source is spared, as seen on the servers themselves: scans pause while a real replica lags or too many threads
 * run, and go on after; at no moment are there more scans on a server than configured, however many shards of a run are
 * on it.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { RunningCli } from '../support/cli.js';
import { createMigration, onePair, type ConfigDocument } from '../support/migration.js';
import { createDatabase, type TestDatabase } from '../support/mysql.js';
import { ownMysqlKinds, startReplicatedPair, type OwnMysql } from '../support/own-mysql.js';
import { createTwoSources, lasting, notesConfig, quickly } from '../support/two-sources.js';

const ROWS = 18_000;

/** How many SELECTs the server has ever run. */
async function selects(server: OwnMysql): Promise<number> {
  const [row] = await server.query("SHOW GLOBAL STATUS LIKE 'Com_select'");
  return Number(row?.['Value']);
}

/**
 * Waits until the last pause that s01 told of is over: on a busy machine, a replica may lag once more than it was made
 * to.
 */
async function goesOn(cli: RunningCli): Promise<void> {
  await cli.waitFor(/s01 reading pauses: (?![^]*s01 reading pauses: )[^]*s01 reading goes on after /);
}

/** Waits until the scans that were under way are over. @throws Error where the server goes on being read */
async function quietWithin(server: OwnMysql, ms: number): Promise<void> {
  const end = performance.now() + ms;
  for (let before = -1; ;) {
    const now = await selects(server);
    if (now === before) return;
    if (performance.now() > end) throw new Error('the server is read all the time');
    before = now;
    await sleep(1_000);
  }
}

const replicating = (await ownMysqlKinds()).includes('mysql-5.6') ? onePair : [];

describe.each(replicating)('a source that must be spared, $name', { timeout: 120_000 }, (servers) => {
  test('scans pause while a replica lags or too many threads run, and end after maxPauseSeconds', async () => {
    await using pair = await startReplicatedPair();
    const { primary, replica } = pair;
    await using two = await createTwoSources(servers, primary, ROWS);
    await pair.caughtUp();
    const { host, port } = replica;
    // Root on both has another password: dynaferry watches with the shard's own user.
    for (const sql of [
      "CREATE USER 'ferry'@'127.0.0.1' IDENTIFIED BY 'pass'",
      "GRANT SELECT, REPLICATION CLIENT ON *.* TO 'ferry'@'127.0.0.1'",
    ])
      await primary.query(sql);
    await pair.caughtUp();
    two.migration.configure(({ source }) => {
      Object.assign(source.shards[0] ?? {}, { user: 'ferry', password: 'pass', replicas: [{ host, port }] });
      Object.assign(source.limits, { maxReplicaLagSeconds: 1, maxThreadsRunning: 8 });
    });
    // Longer than all that follows: what has to pause must still be reading.
    two.migration.configure(lasting(108, 2 * ROWS));
    {
      await using cli = await two.spawn(['backfill', '--all']);
      await cli.waitFor(/s01 backfill notes: /);

      await replica.query('STOP SLAVE SQL_THREAD');
      await cli.waitFor(new RegExp(`s01 reading pauses: replica ${host}:${port} has stopped replicating`));
      await quietWithin(primary, 10_000);
      await replica.query('START SLAVE SQL_THREAD');
      await cli.waitFor(/s01 reading goes on after \d+s\n/);
      await goesOn(cli);

      const holding = await replica.connect();
      await holding.query('FLUSH TABLES WITH READ LOCK');
      await primary.query(`CREATE TABLE ${two.suffering.name}.further (id INT PRIMARY KEY)`);
      await cli.waitFor(new RegExp(`s01 reading pauses: replica ${host}:${port} is \\d+ s behind \\(limit 1 s\\)`));
      await quietWithin(primary, 10_000);
      await holding.end();
      await goesOn(cli);

      // They sleep until it was seen, however long a look takes.
      const sleepers = await Promise.all(Array.from({ length: 10 }, () => primary.connect()));
      const busy = sleepers.map((sleeper) => sleeper.query('SELECT SLEEP(300)').catch(() => undefined));
      await cli.waitFor(/s01 reading pauses: \d+ threads run on 127\.0\.0\.1:\d+ \(limit 8\)/);
      for (const { threadId } of sleepers) await primary.query(`KILL ${threadId}`);
      await Promise.all(busy);
      await goesOn(cli);
      cli.kill('SIGTERM');
      expect(await cli.result).toMatchObject({ code: 130 });
    }
    expect((await two.run(['status'])).stdout).toMatch(
      /^s01: faults handled so far: [1-9]\d* pauses? for a busy server .*, (?:[2-9]|[1-9]\d+) pauses for a lagging replica /m,
    );

    two.migration.configure(quickly);
    two.migration.configure(({ source }) => void Object.assign(source.limits, { maxPauseSeconds: 1 }));
    await replica.query('STOP SLAVE SQL_THREAD');
    const ended = await two.run(['backfill', '--all']);
    expect(ended).toMatchObject({ code: 4 });
    expect(ended.stderr).toMatch(
      /error s01 E_SOURCE_BUSY: shard s01: scans waited for 1 s, and still replica .* has stopped/,
    );
    expect(ended.stdout).toMatch(/^s02 {2}done/m);
  });
});

const notes = (rows: number, shard: number): readonly string[] => [
  'CREATE TABLE notes (account VARCHAR(8) NOT NULL, id INT NOT NULL, PRIMARY KEY (account, id))',
  `INSERT INTO notes VALUES ${Array.from({ length: rows }, (_, id) => `('a${shard}', ${id})`).join()}`,
];

/**
 * Slow enough to be seen: each row takes the server a while. The mark is in every scan, and in nobody else's statement.
 */
function slowScans(mark: string): (config: ConfigDocument) => void {
  return (config) => {
    notesConfig(config);
    config.source.table = { name: 'notes', where: `SLEEP(0.0005) = 0 AND '${mark}' <> ''`, shardedBy: 'account' };
    Object.assign(config.source.limits, { chunkRows: 100, rangesPerTable: 4, scansPerServer: 2 });
  };
}

/**
 * How many scans with that mark are at their work: asleep within a row. One that is being planned (EXPLAIN) does not
 * sleep, nor one whose last row was sent, though the server lists it for a while; nor does this question itself,
 * wherever its own text is listed.
 */
async function scansAtWork(watching: TestDatabase, mark: string): Promise<number> {
  const [row] = await watching.query(
    'SELECT COUNT(*) AS scans FROM information_schema.processlist ' +
      `WHERE info LIKE 'SELECT %${mark}%' AND state = 'User sleep' AND id <> CONNECTION_ID()`,
  );
  return Number(row?.['scans']);
}

describe.each(onePair)('scans on one server, $name', { timeout: 120_000 }, (servers) => {
  test.each([
    // A range of its own is worth it from 2,000 rows on.
    { what: 'one shard of several ranges', shards: 1, rows: 4_500, commands: ['backfill', 'verify'] },
    { what: 'three shards', shards: 3, rows: 4_500, commands: ['backfill'] },
  ])('a server sees at most two concurrent scans of $what', async ({ shards, rows, commands }) => {
    const fill = (shard: number): readonly string[] => notes(rows, shard);
    const mark = `scan ${randomBytes(8).toString('hex')}`;
    await using migration = await createMigration({ servers, shards, rows: fill, config: slowScans(mark) });
    await using watching = await createDatabase(servers.mysql);
    for (const command of commands) {
      await using cli = await migration.spawn([command, '--all', '--jobs', String(shards)]);
      const ended = { yes: false };
      void cli.result.then(() => (ended.yes = true));
      let most = 0;
      while (!ended.yes) {
        most = Math.max(most, await scansAtWork(watching, mark));
        await sleep(2);
      }
      expect(await cli.result).toMatchObject({ code: 0 });
      expect(most, command).toBe(2);
    }
  });
});
