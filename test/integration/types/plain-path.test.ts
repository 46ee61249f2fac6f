/**
 * The fast path gives byte for byte the items of a plain one: the same rows, all of fixtures/types and random ones of
 * every type, go once through source, mapping and writer, and once through mysql2, written-out attribute values and the
 * SDK's own commands; what the plain SDK reads back is the same, and the bytes that were sent are its canonical form.
 * FC_SEED takes another seed; a failure names it.
 */
import { paginateScan, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from 'vitest';
import type { ColumnRule, ItemMapping } from '../../../src/config/model.js';
import type { MappedItem } from '../../../src/core/model.js';
import { BadValue } from '../../../src/mapping/value/bad-value.js';
import { canonicalItemText } from '../../../src/mapping/item/canonical.js';
import { ItemBuffer } from '../../../src/mapping/item/item-buffer.js';
import { openTarget } from '../../contract/item-writer-target.js';
import { TABLE_KEYS } from '../../contract/item-writer-samples.js';
import { createTable, type Item } from '../../support/dynamodb.js';
import { serverPairs } from '../../support/migration.js';
import { createDatabase, type TestDatabase } from '../../support/mysql.js';
import { compile, rule } from '../../unit/mapping/tables.js';
import { openSource, openTable } from '../mysql/source.js';
import { itemJson } from './dynamodb-json.js';
import { EVERY_TYPE, EVERY_TYPE_RULES, everyTypeSql } from './every-type-rows.js';
import { EMULATOR_FAULTS, fixtureTables } from './fixture-tables.js';
import { largePackets } from './large-packets.js';
import { plainItems, putPlainly, type PlainRules, type PlainTable } from './plain-path.js';

const SEED = Number(process.env['FC_SEED'] ?? 20_261_122);
const ROWS = 150;
const RETENTION_SECONDS = 86_400;
const signal = new AbortController().signal;

/** One table for both ways, and the rows that must be bad: `column: reason` by id. */
interface Compared {
  readonly plain: PlainTable;
  readonly mapping: ItemMapping;
  readonly badRows: ReadonlyMap<string, string>;
}

const everyType: Compared = {
  plain: {
    name: EVERY_TYPE,
    drop: ['id', 'account'],
    rules: EVERY_TYPE_RULES,
    keysOf: ({ id = '', account = '', made = '' }) => ({
      pk: { S: `A#${account}` },
      sk: { S: `${id.padStart(6, '0')}#${made.replace(' ', 'T')}Z` },
      ttl: { N: String(Math.floor(Date.parse(`${made.replace(' ', 'T')}Z`) / 1000) + RETENTION_SECONDS) },
    }),
  },
  mapping: rule('A#{account}', '{id:pad(6)}#{made:iso}', {
    attributes: { columns: 'all', drop: ['id', 'account'], rules: complete(EVERY_TYPE_RULES) },
    ttl: { attribute: 'ttl', column: 'made', retentionSeconds: RETENTION_SECONDS, expired: 'keep' },
  }),
  badRows: new Map(),
};

/** Rules as the config's schema completes them. */
function complete(rules: PlainRules): Readonly<Record<string, ColumnRule>> {
  return Object.fromEntries(
    Object.entries(rules).map(([name, given]) => [
      name,
      { name: null, type: null, format: null, null: 'absent', ...given },
    ]),
  );
}

function ofFixtures(version: string, without: readonly string[]): { sql: readonly string[]; tables: Compared[] } {
  const { names, sql, mapping, badRows } = fixtureTables(version, without);
  const tables = names.map((name): Compared => {
    const { drop, rules } = attributesOf(mapping[name]);
    return {
      plain: { name, drop, rules, keysOf: ({ id = '' }) => ({ pk: { S: name }, sk: { S: id } }) },
      mapping: rule(name, '{id}', { attributes: { columns: 'all', drop, rules: complete(rules) } }),
      badRows: new Map(
        badRows.filter(({ table }) => table === name).map(({ id, column, reason }) => [id, `${column}: ${reason}`]),
      ),
    };
  });
  return { sql, tables };
}

function attributesOf(mapping: unknown): { readonly drop: readonly string[]; readonly rules: PlainRules } {
  const { items } = mapping as { items: [{ attributes: { drop: string[]; rules: PlainRules } }] };
  return items[0].attributes;
}

/** The items of all rows, as one chunk after the other gives them, and the rows that are bad. */
async function fastItems(
  database: TestDatabase,
  { plain, mapping }: Compared,
): Promise<{ readonly items: readonly MappedItem[]; readonly badRows: ReadonlyMap<string, string> }> {
  // Chunks of a few rows, so that cells stand in several blocks.
  await using source = openSource(database.shard(), { chunkRows: 40, chunkBytes: 2 ** 27 });
  const table = await source.describe(plain.name, signal);
  const compiled = compile(table, mapping);
  const columns = compiled.columns.includes('id') ? compiled.columns : [...compiled.columns, 'id'];
  const rows = await openTable(source, plain.name, columns);
  const items: MappedItem[] = [];
  const out = new ItemBuffer();
  const badRows = new Map<string, string>();
  for (const range of await rows.planRanges(2, signal)) {
    for await (const chunk of rows.scan(range, null, signal)) {
      for (let index = 0; index < chunk.rows.length; index += 1) {
        try {
          compiled.mapAt(chunk.rows, index, items, { now: 0 }, out);
        } catch (error) {
          if (!(error instanceof BadValue)) throw error;
          badRows.set(String(chunk.rows.cell(index, columns.indexOf('id'))), `${error.column}: ${error.reason}`);
        }
      }
    }
  }
  return { items, badRows };
}

async function stored(client: DynamoDBClient, table: string): Promise<readonly Item[]> {
  const items: Item[] = [];
  const pages = paginateScan({ client }, { TableName: table, ConsistentRead: true });
  for await (const page of pages) items.push(...(page.Items ?? []));
  return items;
}

const byName = ([a]: readonly [string, string], [b]: readonly [string, string]): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Items in their canonical form, which has numbers inside documents too as the service keeps them: the emulators leave
 * those as spelled.
 */
function textsByKey(items: readonly Item[]): readonly (readonly [key: string, text: string])[] {
  return items
    .map((item) => [JSON.stringify({ pk: item['pk'], sk: item['sk'] }), canonicalItemText(itemJson(item))] as const)
    .sort(byName);
}

describe.each(serverPairs)(`rows from $name with seed ${SEED}`, (servers) => {
  it('the fast path makes the same items as plain SDK commands', { timeout: 240_000 }, async () => {
    await using server = await createDatabase(servers.mysql);
    await using _packets = await largePackets(server);
    await using database = await createDatabase(servers.mysql);
    const [version] = await database.query('SELECT VERSION() AS version');
    const fixtures = ofFixtures(String(version?.['version']), EMULATOR_FAULTS[servers.dynamodb.name] ?? []);
    for (const statement of [...fixtures.sql, ...everyTypeSql(SEED, ROWS)]) await database.query(statement);

    await using plainTable = await createTable(servers.dynamodb, TABLE_KEYS);
    await using target = await openTarget(servers.dynamodb);
    const sent = new Map<string, string>();
    for (const table of [...fixtures.tables, everyType]) {
      const fast = await fastItems(database, table);
      expect(Object.fromEntries(fast.badRows), table.plain.name).toEqual(Object.fromEntries(table.badRows));
      for (const item of fast.items) sent.set(item.keyText, item.text);
      await target.writer.waitForRoom(signal);
      await target.writer.write(fast.items);
      const plain = await plainItems(database, table.plain, new Set(table.badRows.keys()));
      await putPlainly(
        plainTable.client,
        plainTable.name,
        plain.map(({ item }) => item),
      );
    }

    const plain = textsByKey(await stored(plainTable.client, plainTable.name));
    expect(plain.length).toBeGreaterThan(ROWS);
    expect(textsByKey(await stored(plainTable.client, target.table))).toEqual(plain);
    expect([...sent].sort(byName)).toEqual(plain);
  });
});
