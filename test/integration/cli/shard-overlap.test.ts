/**
 * A unique key of MySQL binds one server: what keeps rows of two shards from overwriting each other, and what tells
 * when it does not hold.
 */
import { describe, expect, it } from 'vitest';
import { createMigration, onePair, serverPairs, type ConfigDocument, type Migration } from '../../support/migration.js';
import { startMysqlProxy } from '../../support/mysql-proxy.js';
import { expectRefusal } from './refusal.js';

/** Both shards count from 1. Accounts: 1 to 20 on the first, 101 to 120 on the second. */
const EVENTS =
  'CREATE TABLE events (id INT AUTO_INCREMENT PRIMARY KEY, account INT NOT NULL, shard INT NOT NULL, KEY (account, id))';
const ROWS = 20;
const rows = (shard: number): readonly string[] => [
  EVENTS,
  `INSERT INTO events (account, shard) VALUES ${Array.from({ length: ROWS }, (_, i) => `(${shard * 100 + i + 1}, ${shard})`).join()}`,
];

/** Of the two, only the template with the account tells the shards' rows apart. */
const COUNTED = '{id:pad(10)}';
const BY_ACCOUNT = '{account:pad(10)}#{id:pad(10)}';

const events =
  (template: string, declared: Readonly<Record<string, unknown>> = {}) =>
  (config: ConfigDocument): void => {
    config.source.table = { name: 'events', ...declared };
    const keys = { partitionKey: { name: 'pk', template: 'EVENTS' }, sortKey: { name: 'sk', template } };
    config.mapping = { events: { items: [keys] } };
  };

/** How many items each shard's rows have. */
async function itemsByShard(migration: Migration): Promise<readonly number[]> {
  const items = await migration.items();
  return ['0', '1'].map((shard) => items.filter((item) => item['shard']?.N === shard).length);
}

describe.each(serverPairs)('two shards: $name', { timeout: 120_000 }, (servers) => {
  it('two shards with a declared sharding column in the key need no key register, and check samples the declaration', async () => {
    await using migration = await createMigration({
      servers,
      shards: 2,
      rows,
      config: events(BY_ACCOUNT, { shardedBy: 'account' }),
    });
    const check = await migration.run(['check']);
    expect(check).toMatchObject({ code: 0 });
    expect(check.stdout).not.toContain('E_ITEM_KEY_NOT_UNIQUE');
    expect(check.stdout).toMatch(
      /events\.account: declared to be of one shard only; \d\d sampled values are on no second shard/,
    );
    expect(await migration.run(['backfill', '--all'])).toMatchObject({ code: 0 });
    expect(await itemsByShard(migration)).toEqual([ROWS, ROWS]);
    expect(await migration.run(['verify', '--all'])).toMatchObject({ code: 0 });
  });

  it('check finds rows of one account on two shards where its sample holds them', async () => {
    await using migration = await createMigration({
      servers,
      shards: 2,
      rows,
      config: events(BY_ACCOUNT, { shardedBy: 'account' }),
    });
    await migration.databases[1]?.query('UPDATE events SET account = 1 WHERE id < 19');
    const refusal = {
      code: 'E_SHARD_OVERLAP',
      exit: 1,
      fact: /events\.account is on shards s0[12] and s0[12]/,
      next: /`where`.*`shardedBy`/,
    } as const;
    expectRefusal(await migration.run(['check']), refusal);
    expectRefusal(await migration.run(['backfill', '--all']), refusal);
    expect(await migration.items()).toEqual([]);
  });
});

describe.each(onePair)('rows of two shards: $name', { timeout: 120_000 }, (servers) => {
  it("a run stops before it writes a second shard's row of an account that should be on one shard", async () => {
    await using migration = await createMigration({
      servers,
      shards: 2,
      rows,
      config: events(BY_ACCOUNT, { shardedBy: 'account' }),
    });
    // The same account and the same id: they would be one item.
    await migration.databases[1]?.query('UPDATE events SET account = 7 WHERE id = 7');
    expect(await migration.run(['backfill', '--shard', 's01'])).toMatchObject({ code: 0 });
    const second = await migration.run(['backfill', '--shard', 's02']);
    expectRefusal(second, {
      code: 'E_SHARD_OVERLAP',
      exit: 1,
      fact: /shard s02: shard s01 has a value of events\.account too/,
      next: /report names a row/,
    });
    expect(second.stdout).toMatch(/bad row +events id=7 +account: shard s01 has rows with this value too/);
    expect(await itemsByShard(migration)).toEqual([ROWS, 0]);

    await migration.databases[1]?.query('DELETE FROM events WHERE account = 7');
    expect(await migration.run(['backfill', '--shard', 's02'])).toMatchObject({ code: 0 });
    expect(await itemsByShard(migration)).toEqual([ROWS, ROWS - 1]);
    expect(await migration.run(['verify', '--all'])).toMatchObject({ code: 0 });
  });

  it('check warns of shards without a declaration and says what to declare, and the run overwrites nothing', async () => {
    await using migration = await createMigration({ servers, shards: 2, rows, config: events(COUNTED) });
    const check = await migration.run(['check']);
    expect(check).toMatchObject({ code: 0 });
    expect(check.stdout).toMatch(/^warning E_ITEM_KEY_NOT_UNIQUE: .*holds only within one server/m);
    expect(check.stdout).toMatch(/next: .*item-keys\.db.*`shardedBy`/);
    expect(await migration.run(['backfill', '--shard', 's01'])).toMatchObject({ code: 0 });
    expectRefusal(await migration.run(['backfill', '--shard', 's02']), {
      code: 'E_ITEM_KEY_SHARED',
      exit: 1,
      fact: /one here and one on shard s01/,
      next: /--restart/,
    });
    expect(await itemsByShard(migration)).toEqual([ROWS, 0]);
  });

  it('a shard that was added later is refused until the first shard records its item keys, too', async () => {
    await using migration = await createMigration({ servers, shards: 2, rows, config: events(COUNTED) });
    const both: ConfigDocument['source']['shards'] = [];
    migration.configure((config) => {
      both.push(...config.source.shards);
      config.source.shards = both.slice(0, 1);
    });
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    migration.configure((config) => {
      config.source.shards = both;
      events(BY_ACCOUNT, { shardedBy: 'account' })(config);
    });
    expectRefusal(await migration.run(['backfill', '--shard', 's02']), {
      code: 'E_STATE_CHANGED',
      exit: 6,
      fact: /shard s01 was started with another protection against shared item keys/,
      next: /dynaferry backfill --restart --shard s01$/,
    });
    expect(await itemsByShard(migration)).toEqual([ROWS, 0]);
    expect(await migration.run(['backfill', '--restart', '--shard', 's01'])).toMatchObject({ code: 0 });
    expect(await migration.run(['backfill', '--shard', 's02'])).toMatchObject({ code: 0 });
  });

  it('check compares accounts of two shards by their values, not by a collation that takes many to be equal', async () => {
    const named = (shard: number): readonly string[] => [
      'CREATE TABLE events (id INT PRIMARY KEY, account VARCHAR(9) NOT NULL, KEY (account)) COLLATE utf8mb4_general_ci',
      `INSERT INTO events VALUES ${Array.from({ length: 12 }, (_, i) => `(${i}, '${shard === 0 ? 'ac' : 'AC'}${i}')`).join()}`,
    ];
    const config = events('{account}#{id:pad(10)}', { shardedBy: 'account' });
    await using migration = await createMigration({ servers, shards: 2, rows: named, config });
    const check = await migration.run(['check']);
    expect(check).toMatchObject({ code: 0 });
    expect(check.stdout).toContain('24 sampled values are on no second shard');
    await migration.databases[1]?.query("UPDATE events SET account = 'ac11' WHERE id = 11");
    expectRefusal(await migration.run(['check']), {
      code: 'E_SHARD_OVERLAP',
      exit: 1,
      fact: /events\.account is on shards s0[12] and s0[12]/,
      next: /`where`/,
    });
  });

  it('check says which shards it sampled for a declaration, and why it did not sample the others', async () => {
    const config = events(BY_ACCOUNT, { shardedBy: 'account' });
    await using migration = await createMigration({ servers, shards: 3, rows, config });
    const seen = async (): Promise<string> => (await migration.run(['check'])).stdout;
    await migration.databases[2]?.query('DROP TABLE events');
    expect(await seen()).toMatch(
      / \d\d sampled values are on no second shard of the 2 sampled ones; others were not sampled, because shard s03 has other faults/,
    );
    await migration.databases[1]?.query('DROP TABLE events');
    expect(await seen()).toContain('not looked at: shards s02, s03 have other faults');
    await migration.databases[1]?.query(EVENTS.replace(', KEY (account, id)', ''));
    await migration.databases[2]?.query(EVENTS.replace(', KEY (account, id)', ''));
    expect(await seen()).toContain('not looked at: no index begins with it on shards s02, s03');
    await migration.databases[0]?.query('ALTER TABLE events DROP KEY account');
    expect(await seen()).toMatch(/^- {5}events\.account: .*; not looked at: no index begins with it$/m);
  });

  it('check sends statements in proportion to the number of shards', async () => {
    await using proxy = await startMysqlProxy(servers.mysql);
    await using migration = await createMigration({
      servers,
      shards: 9,
      rows,
      config: events(BY_ACCOUNT, { shardedBy: 'account' }),
    });
    const all: ConfigDocument['source']['shards'] = [];
    migration.configure((config) => {
      for (const shard of config.source.shards) shard['port'] = proxy.port;
      all.push(...config.source.shards);
    });
    const perShard = async (count: number): Promise<number> => {
      migration.configure((config) => {
        config.source.shards = all.slice(0, count);
      });
      const before = proxy.statements;
      expect(await migration.run(['check'])).toMatchObject({ code: 0 });
      return (proxy.statements - before) / count;
    };
    const [few, many] = [await perShard(3), await perShard(9)];
    expect(many).toBeLessThan(few * 1.05);
    // Each is a way to the server and back: ninety shards on a slow link are to be checked within seconds.
    expect(many).toBeLessThan(160);
  });

  it('check names the config line of a sharding column that one shard lacks', async () => {
    await using migration = await createMigration({
      servers,
      shards: 2,
      rows,
      config: events(BY_ACCOUNT, { shardedBy: 'acount' }),
    });
    expectRefusal(await migration.run(['check']), {
      code: 'E_MAPPING_COLUMN',
      exit: 2,
      fact: /source\.table\.shardedBy \(line \d+\): table events has no column "acount"/,
      next: /did you mean "account"/,
    });
  });
});
