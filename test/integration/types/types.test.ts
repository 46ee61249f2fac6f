/**
 * Every column type from end to end: the values of fixtures/types, moved by the real command line, are read back as the hand-written
 * items, and what cannot be represented is recorded as the hand-written bad rows.
 */
import { describe, expect, it } from 'vitest';
import { openStateStore } from '../../../src/state/open.js';
import { createMigration, serverCombinations, type Migration } from '../../support/migration.js';
import { createDatabase, type TestDatabase } from '../../support/mysql.js';
import { byKey, itemJson } from './dynamodb-json.js';
import { fixtureTables, type ExpectedBadRow } from './fixture-tables.js';

/** Far from UTC and with a DST change in the fixtures: a time that went through a local Date would show. */
const LOCAL = { env: { TZ: 'America/New_York' }, timeoutMs: 120_000 };
/** What an emulator gets wrong itself: the cases that it is spared. */
const EMULATOR_FAULTS: Readonly<Record<string, readonly string[]>> = {
  // It keeps maps as plain JavaScript objects, and those lose the name `__proto__`.
  dynalite: ['names of the language'],
};
/** Room for rows of more than 16 MB. */
const PACKET_BYTES = 64 * 2 ** 20;

describe.each(serverCombinations)('every type from $name', (servers) => {
  it('arrives exactly, or is a bad row', { timeout: 240_000 }, async () => {
    await using server = await createDatabase(servers.mysql);
    await using _packets = await largePackets(server);
    const [row] = await server.query('SELECT VERSION() AS version');
    const tables = fixtureTables(String(row?.['version']), EMULATOR_FAULTS[servers.dynamodb.name] ?? []);
    await using migration = await createMigration({
      servers,
      rows: () => tables.sql,
      config: (config) => {
        delete config.source.table;
        config.source['tables'] = tables.names.map((name) => ({ name }));
        config.source.limits = { rangesPerTable: 1 };
        config.mapping = { ...tables.mapping };
      },
    });

    const backfill = await migration.run(['backfill', '--max-bad-rows', '10000'], LOCAL);
    expect(backfill).toMatchObject({ code: 1, stderr: expect.not.stringContaining('error') as string });
    expect(badRowsOf(migration, tables.names)).toEqual(byId(tables.badRows));
    expect(byKey((await migration.items()).map(itemJson))).toEqual(byKey(tables.items));

    const verify = await migration.run(['verify', '--json'], LOCAL);
    const equal = { missing: 0, differing: 0, unresolved: 0, suspects: 0, badRows: tables.badRows.length };
    expect(JSON.parse(verify.stdout)).toMatchObject({
      shards: [{ fault: null, counts: { items: tables.items.length }, ...equal }],
    });
  });
});

/** Until disposal, connections that are made may send large values. */
async function largePackets(server: TestDatabase): Promise<AsyncDisposable> {
  const [row] = await server.query('SELECT @@GLOBAL.max_allowed_packet AS bytes');
  const before = Number(row?.['bytes']);
  await server.query(`SET GLOBAL max_allowed_packet = ${Math.max(before, PACKET_BYTES)}`);
  return {
    async [Symbol.asyncDispose]() {
      await server.query(`SET GLOBAL max_allowed_packet = ${before}`);
    },
  };
}

function byId(badRows: readonly ExpectedBadRow[]): object {
  return Object.fromEntries(badRows.map(({ table, id, column, reason }) => [`${table}: ${id}`, { column, reason }]));
}

/** What the state file says; a cursor of these tables holds the id alone. */
function badRowsOf(migration: Migration, tables: readonly string[]): object {
  const store = openStateStore({ folder: migration.stateFolder, shard: 's01', create: false });
  try {
    const records = tables.flatMap((table) => store.badRows(table));
    return byId(
      records.map(({ table, cursor, column, reason }) => {
        const [id = ''] = JSON.parse(cursor) as string[];
        return { table, id, column: column ?? '', reason };
      }),
    );
  } finally {
    store.close();
  }
}
