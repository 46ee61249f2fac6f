/**
 * A shard goes on from another MySQL server after a failover, if that one has the same data: its GTIDs say so, or the
 * operator does.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { committedRows, interruptOnce } from '../support/evidence.js';
import { onePair } from '../support/migration.js';
import { ownMysqlKinds, startOwnMysql, startReplicatedPair, type OwnMysql } from '../support/own-mysql.js';
import { createTwoSources, lasting, quickly, type TwoSources } from '../support/two-sources.js';

const ROWS = 1_000;

function readFrom(two: TwoSources, { host, port }: Pick<OwnMysql, 'host' | 'port'>): void {
  two.migration.configure(({ source }) => void Object.assign(source.shards[0] ?? {}, { host, port }));
}

const replicating = (await ownMysqlKinds()).includes('mysql-5.6') ? onePair : [];

describe.each(replicating)('failover to another host, $name', { timeout: 120_000 }, (servers) => {
  test('a shard refuses a replica that is behind, continues on one that has caught up, and wants --accept-server for any other', async () => {
    await using pair = await startReplicatedPair();
    const { primary, replica } = pair;
    await using two = await createTwoSources(servers, primary, ROWS);
    await primary.query("CREATE USER 'ferry'@'127.0.0.1' IDENTIFIED BY 'pass'");
    await primary.query("GRANT SELECT, REPLICATION CLIENT ON *.* TO 'ferry'@'127.0.0.1'");
    await pair.caughtUp();
    await replica.query('STOP SLAVE SQL_THREAD');
    await primary.query(`INSERT INTO ${two.suffering.name}.notes VALUES ('a', 999999, 'not replicated yet')`);
    two.migration.configure(({ source }) => {
      Object.assign(source.shards[0] ?? {}, { user: 'ferry', password: 'pass' });
    });
    two.migration.configure(lasting(10, 2 * ROWS));
    {
      await using cli = await two.spawn(['backfill', '--shard', 's01']);
      while (two.committed() === 0) await sleep(20);
      cli.kill('SIGTERM');
      expect(await cli.result).toMatchObject({ code: 130 });
    }
    two.migration.configure(quickly);

    readFrom(two, replica);
    const behind = await two.run(['backfill', '--shard', 's01']);
    expect(behind).toMatchObject({ code: 4 });
    expect(behind.stderr).toMatch(/E_SOURCE_CHANGED: shard s01: .* is another server .*it lacks transactions/);
    expect(behind.stderr).toMatch(/let it catch up/);
    await replica.query('START SLAVE SQL_THREAD');
    await pair.caughtUp();
    const resumed = await two.run(['backfill', '--shard', 's01']);
    expect(resumed, resumed.stderr).toMatchObject({ code: 0 });
    expect(resumed.stderr).toMatch(/s01 warning: shard s01: continues from another server, .* whose GTIDs show/);
    expect(await two.migration.items()).toHaveLength(ROWS + 1);

    // Another server altogether, which has a table of that name and shape.
    const other = servers.mysql;
    await using _elsewhere = await two.copyElsewhere();
    readFrom(two, other);
    two.migration.configure(({ source }) => {
      Object.assign(source.shards[0] ?? {}, { user: other.user, password: '${OTHER_PASSWORD}' });
    });
    const refused = await two.run(['verify', '--shard', 's01']);
    expect(refused).toMatchObject({ code: 4 });
    expect(refused.stderr).toMatch(/E_SOURCE_CHANGED: shard s01: .* and no GTIDs tell whether it has the same data/);
    expect(refused.stderr).toMatch(/--accept-server/);
    expect(await two.run(['verify', '--shard', 's01', '--accept-server'])).toMatchObject({ code: 0 });
  });

  test('a verification on a new server does not count what was compared with the server before', async () => {
    await using first = await startOwnMysql('mysql-5.6');
    await using two = await createTwoSources(servers, first, ROWS);
    const verify = ['verify', '--shard', 's01'];
    expect(await two.run(['backfill', '--shard', 's01'])).toMatchObject({ code: 0 });
    two.migration.configure(
      ({ target }) => void Object.assign(target, { readCapacity: ROWS / 10, maxInFlightRequests: 2 }),
    );
    await interruptOnce(two.migration, verify, () => committedRows(two.migration, 'verify') > ROWS / 4, two.env);
    two.migration.configure(({ target }) => void Object.assign(target, { readCapacity: 100_000 }));

    // It lacks the last change of the other one, in a row that was compared there.
    const other = servers.mysql;
    await using elsewhere = await two.copyElsewhere();
    await elsewhere.query("UPDATE notes SET body = 'as it was before' WHERE id = 0");
    readFrom(two, other);
    two.migration.configure(({ source }) => {
      Object.assign(source.shards[0] ?? {}, { user: other.user, password: '${OTHER_PASSWORD}' });
    });
    const over = await two.run([...verify, '--accept-server']);
    expect(over.stdout, over.stderr).toMatch(/^s01 {2}NOT verified: 1 differing: 1,000 rows/m);
    expect(over.stderr).not.toContain('resumes where it stopped');
    expect(over.stderr).toContain('comparisons with another server no longer count');

    // So too what was compared to the end.
    await elsewhere.query("UPDATE notes SET body = 'note 0' WHERE id = 0");
    expect(await two.run(verify)).toMatchObject({ code: 0 });
    expect((await two.run(['status'])).stdout).toMatch(/^s01 +verified /m);
    readFrom(two, first);
    two.migration.configure(({ source }) => {
      Object.assign(source.shards[0] ?? {}, { user: first.user, password: '${MYSQL_PASSWORD}' });
    });
    expect(await two.run(['backfill', '--shard', 's01', '--accept-server'])).toMatchObject({ code: 0 });
    expect((await two.run(['status'])).stdout).toMatch(/^s01 +backfilled /m);
  });
});
