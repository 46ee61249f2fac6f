/**
 * What becomes of the way to MySQL while a shard is read: connections killed, the server killed, stopped, full or
 * locked. Each is ridden out, with a line in the log and a count in `status`; or ends the shard with its own error, and
 * the other shard goes on.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { RunningCli } from '../support/cli.js';
import { onePair, type ConfigDocument } from '../support/migration.js';
import { ownMysqlKinds, startOwnMysql, type OwnMysql } from '../support/own-mysql.js';
import { createTwoSources, lasting, quickly, type TwoSources } from '../support/two-sources.js';

const ROWS = 6_000;
const [kind] = await ownMysqlKinds();

/** Impatient, so that a test need not wait. */
function impatient({ source }: ConfigDocument): void {
  Object.assign(source.limits, { statementIdleTimeoutSeconds: 2, retryTimeoutSeconds: 30 });
}

async function until(condition: () => boolean | Promise<boolean>, cli: RunningCli): Promise<void> {
  const end = Date.now() + 60_000;
  while (!(await condition())) {
    await sleep(50);
    if (Date.now() > end) throw new Error(`it did not come to that within a minute:\n${cli.stdout}\n${cli.stderr}`);
  }
}

/** Goes on as long as the server suffers, and is over when s01 has committed more. */
async function goesOnAfter(two: TwoSources, cli: RunningCli, fault: () => Promise<void>): Promise<void> {
  await fault();
  const before = two.committed();
  await until(() => two.committed() > before, cli);
}

/** Ids of dynaferry's connections to the database. */
async function connectionsOf(server: OwnMysql, user: string): Promise<readonly string[]> {
  const rows = await server.query('SHOW PROCESSLIST');
  return rows.filter((row) => row['User'] === user).map((row) => String(row['Id']));
}

/** A user with no more than dynaferry asks for. */
async function limitedUser(two: TwoSources, server: OwnMysql): Promise<string> {
  const user = `u${two.suffering.name}`.slice(0, 16);
  await server.query(`CREATE USER '${user}'@'127.0.0.1' IDENTIFIED BY 'pass'`);
  await server.query(`GRANT SELECT ON ${two.suffering.name}.notes TO '${user}'@'127.0.0.1'`);
  await server.query(`GRANT REPLICATION CLIENT ON *.* TO '${user}'@'127.0.0.1'`);
  two.migration.configure((config) => void Object.assign(config.source.shards[0] ?? {}, { user, password: 'pass' }));
  return user;
}

const described = kind === undefined ? [] : onePair;

describe.each(described)('the way to MySQL, $name', { timeout: 180_000 }, (servers) => {
  test('a shard reconnects after killed connections, a killed server, silence, a locked table and "too many connections"', async () => {
    await using server = await startOwnMysql(kind ?? '', { keptAlive: true });
    await using two = await createTwoSources(servers, server, ROWS);
    const user = await limitedUser(two, server);
    two.migration.configure(impatient);
    two.migration.configure(lasting(120, 2 * ROWS));
    await using cli = await two.spawn(['backfill', '--all']);
    await until(() => two.committed() > 0, cli);

    await goesOnAfter(two, cli, async () => {
      for (let round = 0; round < 5; round++) {
        for (const id of await connectionsOf(server, user)) await server.query(`KILL ${id}`).catch(() => undefined);
        await sleep(100);
      }
    });
    await goesOnAfter(two, cli, async () => {
      const pid = await server.pid();
      process.kill(pid, 'SIGKILL');
      await until(async () => (await server.pid().catch(() => pid)) !== pid, cli);
    });
    await goesOnAfter(two, cli, async () => {
      // What was committed since may have been read before the server was killed: it has to be read from again, beside
      // being watched.
      await until(async () => (await connectionsOf(server, user)).length >= 2, cli);
      const pid = await server.pid();
      process.kill(pid, 'SIGSTOP');
      try {
        await cli.waitFor(/s01 .*a statement got no answer within its deadline \(FERRY_DEADLINE\)/, 30_000);
      } finally {
        process.kill(pid, 'SIGCONT');
      }
    });
    await goesOnAfter(two, cli, async () => {
      const other = await server.connect();
      await other.query(`LOCK TABLES ${two.suffering.name}.notes WRITE`);
      await cli.waitFor(/s01 .*a lock did not become free in time \(ER_LOCK_WAIT_TIMEOUT\)/, 30_000);
      await other.end();
    });
    await goesOnAfter(two, cli, async () => {
      // One more may come in than that, if it is root.
      const taken = await Promise.all(Array.from({ length: 8 }, () => server.connect()));
      const [inside] = taken;
      await inside?.query('SET GLOBAL max_connections = 8');
      const [rows] =
        (await inside?.query(`SELECT id FROM information_schema.processlist WHERE user = '${user}'`)) ?? [];
      for (const { id } of rows as { id: number }[]) await inside?.query(`KILL ${id}`);
      await cli.waitFor(/s01 .*no connection left \(max_connections\) \(ER_CON_COUNT_ERROR\)/, 30_000);
      await inside?.query('SET GLOBAL max_connections = 100');
      await Promise.all(taken.map((connection) => connection.end()));
    });

    cli.kill('SIGTERM');
    expect(await cli.result).toMatchObject({ code: 130 });
    two.migration.configure(quickly);
    expect(await two.run(['backfill', '--all'])).toMatchObject({ code: 0 });
    expect(await two.migration.items()).toHaveLength(2 * ROWS);
    const status = await two.run(['status']);
    expect(status.stdout).toMatch(/^s01: faults handled so far: .*MySQL statements? that failed \(last \d+/m);
    expect(status.stdout).not.toMatch(/^s02: faults handled/m);
    // A connection that is killed between two statements is nobody's loss, so how many there were is for the log to
    // say.
    const told = cli.stderr.match(/ s01 MySQL: .*tries again/g) ?? [];
    expect(told.length).toBeGreaterThanOrEqual(3);
    const counted = two.status()?.incidents.find(({ kind: of }) => of === 'source-retried')?.count;
    expect(counted).toBeGreaterThanOrEqual(told.length);
  });

  test('a shard whose MySQL fails beyond the patience, or without its grant, ends with its error; the other goes on', async () => {
    await using server = await startOwnMysql(kind ?? '');
    await using two = await createTwoSources(servers, server, 1_000);
    await limitedUser(two, server);
    two.migration.configure(
      ({ source }) => void Object.assign(source.limits, { statementIdleTimeoutSeconds: 2, retryTimeoutSeconds: 2 }),
    );
    two.migration.configure(lasting(4, 2_000));
    const grants = `SELECT ON ${two.suffering.name}.notes`;
    const user = `'u${two.suffering.name}`.slice(0, 17) + "'@'127.0.0.1'";
    {
      await using cli = await two.spawn(['backfill', '--all']);
      await until(() => two.committed() > 0, cli);
      await server.query(`REVOKE ${grants} FROM ${user}`);
      const ended = await cli.result;
      expect(ended).toMatchObject({ code: 4 });
      expect(ended.stderr).toMatch(
        /error s01 E_SOURCE_ACCESS: shard s01: reading notes: the user may not read the table/,
      );
      expect(ended.stderr).toMatch(/grant the user SELECT/);
      expect(ended.stdout).toMatch(/^s02 {2}done: 1,000 rows/m);
    }
    await server.query(`GRANT ${grants} TO ${user}`);
    {
      await using cli = await two.spawn(['backfill', '--all']);
      const before = two.committed();
      await until(() => two.committed() > before, cli);
      const pid = await server.pid();
      process.kill(pid, 'SIGSTOP');
      const ended = await cli.result;
      process.kill(pid, 'SIGCONT');
      expect(ended).toMatchObject({ code: 4 });
      expect(ended.stderr).toMatch(/error s01 E_SOURCE_LOST: shard s01: reading notes: .*, \d+ times in \d+ s/);
      expect(ended.stderr).toMatch(/next: .*(the server|host and port)/);
    }
    two.migration.configure(quickly);
    expect(await two.run(['backfill', '--all'])).toMatchObject({ code: 0 });
    expect(await two.migration.items()).toHaveLength(2_000);
  });
});
