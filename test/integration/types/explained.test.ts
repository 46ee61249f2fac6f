/**
 * Whatever the fixtures map, `explain` tells every attribute of it with its very value and size, and every bad row with
 * its reason.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.js';
import { EventBus } from '../../../src/core/event-bus.js';
import type { MappedItem, Row } from '../../../src/core/model.js';
import { BadValue } from '../../../src/mapping/value/bad-value.js';
import type { CompiledMapping } from '../../../src/mapping/compile.js';
import { explainRow, type ItemExplanation } from '../../../src/mapping/explain.js';
import { openShardSession } from '../../../src/wiring/run/shard-session.js';
import { createMigration, serverPairs } from '../../support/migration.js';
import { createDatabase, mysqlServers } from '../../support/mysql.js';
import { temporaryFolder } from '../../support/temporary.js';
import { fixtureTables } from './fixture-tables.js';
import { largePackets } from './large-packets.js';

const NOW = { now: 1_700_000_000 };
const ALL = 100_000;

interface Told {
  readonly bad: unknown;
  /** Attributes as DynamoDB JSON, and the item's billed bytes. */
  readonly items: readonly (readonly [attributes: unknown, bytes: number])[];
}

function mapped(mapping: CompiledMapping, row: Row): Told {
  const items: MappedItem[] = [];
  try {
    mapping.map(row, items, NOW);
    return { bad: null, items: items.map(({ text, bytes }) => [JSON.parse(text) as unknown, bytes]) };
  } catch (error) {
    if (!(error instanceof BadValue)) throw error;
    return { bad: error.toBadRow(mapping.table), items: [] };
  }
}

function explained(mapping: CompiledMapping, row: Row): Told {
  const { outcome, bad, items } = explainRow(mapping, row, NOW);
  return { bad, items: outcome === 'mapped' ? items.map((item) => [valuesOf(item), item.bytes]) : [] };
}

function valuesOf({ attributes }: ItemExplanation): unknown {
  const present = attributes.filter(({ value }) => value !== null);
  return Object.fromEntries(present.map(({ name, value }) => [name, JSON.parse(value ?? '') as unknown]));
}

/** @returns the number of rows that were compared */
async function compareAll(file: string, env: Readonly<Record<string, string>>): Promise<number> {
  const config = loadConfig(file, env);
  const { signal } = new AbortController();
  const session = await openShardSession(
    config,
    config.source.shards[0]?.id ?? '',
    new EventBus(),
    signal,
    Promise.resolve([]),
  );
  let compared = 0;
  try {
    for (const { mapping, source } of session.jobs) {
      const rows = await source.sample(ALL, signal);
      expect(
        rows.map((row) => explained(mapping, row)),
        mapping.table.name,
      ).toEqual(rows.map((row) => mapped(mapping, row)));
      compared += rows.length;
    }
  } finally {
    await session.close();
  }
  return compared;
}

describe.each(serverPairs)('explain tells what the mapping does: $name', { timeout: 240_000 }, (servers) => {
  it('explain reports every attribute and bad row of every column type as the mapping makes them', async () => {
    await using server = await createDatabase(servers.mysql);
    await using _packets = await largePackets(server);
    const [row] = await server.query('SELECT VERSION() AS version');
    const tables = fixtureTables(String(row?.['version']), []);
    await using migration = await createMigration({
      servers,
      rows: () => tables.sql,
      config: (config) => {
        delete config.source.table;
        config.source['tables'] = tables.names.map((name) => ({ name }));
        config.mapping = { ...tables.mapping };
      },
    });
    const env = { MYSQL_PASSWORD: servers.mysql.password };
    expect(await compareAll(join(migration.folder, 'dynaferry.yaml'), env)).toBe(
      tables.items.length + tables.badRows.length,
    );
  });
});

const fixture = (name: string): string => readFileSync(new URL(`../../../fixtures/${name}`, import.meta.url), 'utf8');

/** A row whose columns all have values, and one of NULLs where they may be. */
const ROWS: readonly (readonly [config: string, schema: string, ...inserts: string[]])[] = [
  ['postflight/dynaferry.yaml', 'postflight/schema.sql', fixture('postflight/expected/rows.sql')],
  [
    'examples/bucketed-counter.yaml',
    'examples/bucketed-counter.sql',
    `INSERT INTO audit_events VALUES (1, 'me', 'login', '{"a":[1,2.50,null]}', '2026-01-02 03:04:05.678')`,
    `INSERT INTO audit_events VALUES (18446744073709551615, 'ü', '"\\\\', NULL, '1969-12-31 23:59:59.999')`,
  ],
  [
    'examples/live-writer.yaml',
    'examples/live-writer.sql',
    `INSERT INTO profiles VALUES (1, 'Zoë', '{}', '2026-01-02 03:04:05.678901'), (2, 'b', NULL, '1999-12-31 23:59:59')`,
  ],
  [
    'examples/numeric-sort-key.yaml',
    'examples/numeric-sort-key.sql',
    `INSERT INTO readings VALUES (X'000102030405060708090A0B0C0D0E0F', '2026-01-02 03:04:05.678', -12.500, 1, 'inner,spare', '2020-02-29', X'00FF', 7)`,
    `INSERT INTO readings VALUES (X'FF0102030405060708090A0B0C0D0E0F', '1969-12-31 23:59:59.999', NULL, 0, 'outer', '1900-01-01', X'', 8)`,
  ],
  [
    'examples/several-tables.yaml',
    'examples/several-tables.sql',
    `INSERT INTO accounts VALUES (1, 'a@b.example', 'A', 0, '2026-01-02 03:04:05')`,
    `INSERT INTO phone_numbers VALUES (1, '+49151', 'work', '2026-01-02 03:04:05'), (1, '+49152', NULL, '2026-01-02 03:04:06')`,
  ],
  [
    'examples/sorted-ledger.yaml',
    'examples/sorted-ledger.sql',
    `INSERT INTO bookings VALUES (1, 'Zoë@Example.org', 'eur', -12.5, '2026-01-02 03:04:05.678901', '2026-01-31', 'ß', X'00FF')`,
    `INSERT INTO bookings VALUES (2, 'b@example.org', 'USD', 0.0001, '1999-12-31 23:59:59', '2024-02-29', NULL, X'')`,
  ],
  [
    'examples/table-without-key.yaml',
    'examples/table-without-key.sql',
    `INSERT INTO prefixes VALUES ('DE', '49', 'T', 1.250), ('DE', '4915', NULL, 0.000)`,
  ],
];

describe.each(mysqlServers.slice(-1))('explain tells what the mapping does: $name', { timeout: 120_000 }, (server) => {
  it.each(ROWS)('explain reports all attributes and bad rows of %s as mapped', async (name, schema, ...inserts) => {
    await using database = await createDatabase(server);
    const statements = fixture(schema).split(/;$/m);
    for (const sql of [...statements, ...inserts]) if (sql.trim() !== '') await database.query(sql);
    await using folder = await temporaryFolder();
    const { host, port, user, password, database: schemaName } = database.shard();
    // The examples name no port, and databases of their own.
    const own = { database: schemaName, id: `s01\n      port: ${port}` };
    const text = name.startsWith('examples/')
      ? fixture(name).replace(/(database|id): \w+/g, (_, key: keyof typeof own) => `${key}: ${own[key]}`)
      : fixture(name);
    const file = join(folder.path, 'dynaferry.yaml');
    writeFileSync(file, text);
    const place = { HOST: host, PORT: String(port), DATABASE: schemaName };
    const ofShard = (shard: string): [string, string][] =>
      Object.entries(place).map(([key, value]) => [`POSTFLIGHT_${shard}_${key}`, value]);
    const compared = await compareAll(file, {
      ...{ MYSQL_HOST: host, MYSQL_USER: user, MYSQL_PASSWORD: password },
      ...{
        POSTFLIGHT_USER: user,
        POSTFLIGHT_PASSWORD: password,
        POSTFLIGHT_STATE: 'state',
        POSTFLIGHT_TABLE: 'messages',
      },
      ...Object.fromEntries([...ofShard('S01'), ...ofShard('S02')]),
    });
    expect(compared).toBeGreaterThan(1);
  });
});
