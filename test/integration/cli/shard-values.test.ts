/**
 * Two shards that define a column otherwise: what is one value is found to be one, also beside a shard that an earlier
 * version began, which recorded values as its server printed them.
 */
import Database from 'better-sqlite3';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Cursor } from '../../../src/core/model.js';
import { openKeyRegister } from '../../../src/state/shared/key-register.js';
import { leaveEarlierState } from '../../support/earlier-state.js';
import {
  createMigration,
  onePair,
  type ConfigDocument,
  type Migration,
  type Servers,
} from '../../support/migration.js';
import { expectRefusal } from './refusal.js';

const ROWS = 20;

interface Shards {
  /** Of `account`, by shard. */
  readonly definitions: readonly [string, string];
  /** SQL of a row's account, by shard. */
  readonly values: readonly [(row: number) => string, (row: number) => string];
  readonly partitionKey?: string;
  /** Declared as `shardedBy`; otherwise every item key is recorded. */
  readonly declared?: boolean;
  readonly indexed?: boolean;
}

const number = (row: number): string => String(row);
const text =
  (prefix: string, same: string) =>
  (row: number): string =>
    `'${row === 7 ? same : `${prefix}${row}`}'`;

/** Ids of both shards count from 1: with one account, they have one item key. */
function open(servers: Servers, shards: Shards): Promise<Migration> {
  const { definitions, values, partitionKey = 'EVENTS#{account}', declared = true, indexed = false } = shards;
  return createMigration({
    servers,
    shards: 2,
    rows: (shard) => [
      `CREATE TABLE events (id INT PRIMARY KEY, account ${definitions[shard] ?? ''} NOT NULL, shard INT NOT NULL, n DECIMAL(60) NOT NULL DEFAULT 1${indexed ? ', KEY (account)' : ''})`,
      `INSERT INTO events (id, account, shard) VALUES ${Array.from({ length: ROWS }, (_, i) => `(${i + 1}, ${values[shard]?.(i + 1) ?? ''}, ${shard})`).join()}`,
    ],
    config: (config: ConfigDocument) => {
      config.source.limits = { ...config.source.limits, chunkRows: 5, rangesPerTable: 1 };
      config.source.table = { name: 'events', ...(declared ? { shardedBy: 'account' } : {}) };
      const keys = {
        partitionKey: { name: 'pk', template: partitionKey },
        sortKey: { name: 'sk', template: '{id:pad(10)}' },
      };
      config.mapping = { events: { items: [keys] } };
    },
  });
}

async function itemsOf(migration: Migration): Promise<readonly number[]> {
  const items = await migration.items();
  return ['0', '1'].map((shard) => items.filter((item) => item['shard']?.N === shard).length);
}

const OVERLAP = {
  code: 'E_SHARD_OVERLAP',
  exit: 1,
  fact: /shard s02: shard s01 has a value of events\.account too/,
  next: /report names a row/,
} as const;
const OVERLAP_SAMPLED = {
  code: 'E_SHARD_OVERLAP',
  exit: 1,
  fact: /events\.account is on shards s0[12] and s0[12]/,
  next: /`where`.*`shardedBy`/,
} as const;
const SHARED = { code: 'E_ITEM_KEY_SHARED', exit: 1, fact: /one on shard s01/, next: /--restart/ } as const;

const DECIMALS: Shards = { definitions: ['DECIMAL(10,2)', 'DECIMAL(10,4)'], values: [number, number] };
const ZEROFILL: Shards = { definitions: ['INT(6) UNSIGNED ZEROFILL', 'VARCHAR(10)'], values: [number, number] };
const CASES: Shards = {
  definitions: ['VARCHAR(10)', 'VARCHAR(10)'],
  values: [text('one', 'Same'), text('two', 'sAME')],
  partitionKey: 'EVENTS#{account:lower}',
};

describe.each(onePair)('a value that two shards print otherwise: $name', { timeout: 180_000 }, (servers) => {
  it.each<[string, Shards]>([
    ['DECIMAL of two scales', DECIMALS],
    ['ZEROFILL and VARCHAR', ZEROFILL],
    ['case that the mapping ignores', CASES],
  ])('a value that two shards print differently stops the second one before it writes a row: %s', async (_, shards) => {
    await using declared = await open(servers, shards);
    expect(await declared.run(['backfill', '--shard', 's01'])).toMatchObject({ code: 0 });
    expectRefusal(await declared.run(['backfill', '--shard', 's02']), OVERLAP);
    const before = await itemsOf(declared);
    expect(before[0]).toBe(ROWS);
    expect((await declared.items()).find((item) => item['sk']?.S === '0000000007' && item['shard']?.N === '1')).toBe(
      undefined,
    );

    await using recorded = await open(servers, { ...shards, declared: false });
    expect(await recorded.run(['backfill', '--shard', 's01'])).toMatchObject({ code: 0 });
    expectRefusal(await recorded.run(['backfill', '--shard', 's02']), SHARED);
    expect((await itemsOf(recorded))[0]).toBe(ROWS);
  });

  it.each([true, false])('a lost key register stops the second shard before a write, declared %s', async (declared) => {
    await using migration = await open(servers, { ...CASES, declared });
    expect(await migration.run(['backfill', '--shard', 's01'])).toMatchObject({ code: 0 });
    for (const name of ['item-keys.db', 'item-keys.seen']) rmSync(join(migration.stateFolder, name));
    for (const shard of ['s01', 's02']) {
      expectRefusal(await migration.run(['backfill', '--shard', shard]), {
        code: 'E_STATE_COPIED',
        exit: 6,
        fact: /no claim of shard s01, which has moved items/,
        next: /backfill --restart --shard s01/,
      });
    }
    expect(await migration.run(['backfill', '--shard', 's01', '--restart'])).toMatchObject({ code: 0 });
    expectRefusal(await migration.run(['backfill', '--shard', 's02']), declared ? OVERLAP : SHARED);
    expect((await itemsOf(migration))[0]).toBe(ROWS);
  });

  it.each<[string, Shards]>([
    ['DECIMAL of two scales', DECIMALS],
    ['ZEROFILL and VARCHAR', ZEROFILL],
    [
      'bytes and text',
      {
        definitions: ['VARBINARY(10)', 'VARCHAR(10)'],
        values: [text('ac', 'ac'), text('ac', 'ac')],
        partitionKey: 'EVENTS#{account:hex}',
      },
    ],
    [
      'case, where the column does not ignore it',
      {
        ...CASES,
        definitions: ['VARCHAR(10) COLLATE utf8mb4_bin', 'VARCHAR(10) COLLATE utf8mb4_bin'],
        values: [text('ac', 'ac'), text('AC', 'AC')],
      },
    ],
  ])('check finds one value that two shards print differently, where its sample holds it: %s', async (_, shards) => {
    await using migration = await open(servers, { ...shards, indexed: true });
    expectRefusal(await migration.run(['check']), OVERLAP_SAMPLED);
  });

  it.each<[string, Shards]>([
    ['a text that is no number', { definitions: ['VARCHAR(10)', 'INT'], values: [text('ac', 'ac'), number] }],
    [
      'case that the mapping tells apart',
      { definitions: ['VARCHAR(10)', 'VARCHAR(10)'], values: [text('ac', 'ac'), text('AC', 'AC')] },
    ],
  ])('check and backfill accept values of two shards that are not the same: %s', async (_, shards) => {
    await using migration = await open(servers, { ...shards, indexed: true });
    const check = await migration.run(['check']);
    expect(check.stdout).toMatch(/sampled values are on no second one/);
    expect(check).toMatchObject({ code: 0 });
    expect(await migration.run(['backfill', '--all'])).toMatchObject({ code: 0 });
    expect(await itemsOf(migration)).toEqual([ROWS, ROWS]);
  });
});

/**
 * Makes of the first shard's state and claims what an earlier version would have left. The file is brought up when its
 * shard runs.
 */
async function asBefore({ stateFolder }: Migration, values: readonly string[]): Promise<void> {
  const state = new Database(join(stateFolder, 's01.db'));
  state.exec("UPDATE meta SET fingerprint = json_remove(fingerprint, '$.valueNames')");
  state.close();
  leaveEarlierState(stateFolder, 's01');
  const claims = new Database(join(stateFolder, 'item-keys.db'));
  claims.exec('DELETE FROM item_keys');
  claims.close();
  const register = openKeyRegister({ folder: stateFolder });
  await register.claim(
    { shard: 's01', table: 'events' },
    values.map((value) => ({ claim: JSON.stringify(['events', 'account', value]), cursor: '' as Cursor })),
  );
  register.close();
}

describe.each(onePair)('a shard that an earlier version began: $name', { timeout: 180_000 }, (servers) => {
  const rows = Array.from({ length: ROWS }, (_, i) => i + 1);

  it('a shard that an earlier version started resumes among its own claims, and other shards cannot take them', async () => {
    const same: Shards = {
      definitions: ['DECIMAL(10,2)', 'DECIMAL(10,2)'],
      values: [number, (row) => String(row === 7 ? 7 : row + 100)],
    };
    await using migration = await open(servers, same);
    const [first] = migration.databases;
    await first?.query(`UPDATE events SET n = ${'9'.repeat(50)} WHERE id = 13`);
    expect((await migration.run(['backfill', '--shard', 's01'])).stderr).toContain('E_BAD_ROWS');
    await asBefore(
      migration,
      rows.slice(0, 10).map((row) => `${row}.00`),
    );
    await first?.query('UPDATE events SET n = 1 WHERE id = 13');
    expect(await migration.run(['backfill', '--shard', 's01'])).toMatchObject({ code: 0 });
    expectRefusal(await migration.run(['backfill', '--shard', 's02']), OVERLAP);
    expect(await itemsOf(migration)).toEqual([ROWS, 5]);
    await migration.databases[1]?.query('DELETE FROM events WHERE id = 7');
    expect(await migration.run(['backfill', '--shard', 's02'])).toMatchObject({ code: 0 });
    expect(await migration.run(['verify', '--all'])).toMatchObject({ code: 0 });
  });

  it('a shard that an earlier version started must restart before a shard that defines the column differently is moved', async () => {
    await using migration = await open(servers, DECIMALS);
    expect(await migration.run(['backfill', '--shard', 's01'])).toMatchObject({ code: 0 });
    await asBefore(
      migration,
      rows.map((row) => `${row}.00`),
    );
    const refusal = {
      code: 'E_STATE_CHANGED',
      exit: 6,
      fact: /an earlier dynaferry started shard s01 and recorded each value of events\.account as its server prints it/,
      next: /dynaferry backfill --restart --shard s01$/,
    } as const;
    expectRefusal(await migration.run(['backfill', '--shard', 's02']), refusal);
    expect(await itemsOf(migration)).toEqual([ROWS, 0]);
    expect(await migration.run(['backfill', '--restart', '--shard', 's01'])).toMatchObject({ code: 0 });
    expectRefusal(await migration.run(['backfill', '--shard', 's02']), OVERLAP);
    expect(await itemsOf(migration)).toEqual([ROWS, 0]);
  });
});
