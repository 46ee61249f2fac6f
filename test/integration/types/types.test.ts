/**
 * Every column type from end to end: the values of fixtures/types, moved by the real command line, are read back as the
 * hand-written items, and what cannot be represented is recorded as the hand-written bad rows.
 */
import { describe, expect, it } from 'vitest';
import { openStateStore } from '../../../src/state/open.js';
import { createMigration, serverCombinations, type Migration } from '../../support/migration.js';
import { createDatabase } from '../../support/mysql.js';
import { byKey, itemJson } from './dynamodb-json.js';
import { EMULATOR_FAULTS, fixtureTables, type ExpectedBadRow } from './fixture-tables.js';
import { largePackets } from './large-packets.js';

/** Far from UTC and with a DST change in the fixtures: a time that went through a local Date would show. */
const LOCAL = { env: { TZ: 'America/New_York' }, timeoutMs: 120_000 };

describe.each(serverCombinations)('every type from $name', (servers) => {
  it('a backfill moves values of every column type exactly, or records bad rows', { timeout: 240_000 }, async () => {
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

function byId(badRows: readonly ExpectedBadRow[]): object {
  return Object.fromEntries(badRows.map(({ table, id, column, reason }) => [`${table}: ${id}`, { column, reason }]));
}

/** What the state file says; a cursor of these tables holds the id alone. */
function badRowsOf(migration: Migration, tables: readonly string[]): object {
  const store = openStateStore({ folder: migration.stateFolder, shard: 's01', create: false });
  try {
    const records = tables.flatMap((table) => store.badRows.list(table));
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
