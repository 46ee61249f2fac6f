/**
 * The plain way from MySQL to DynamoDB, for comparison: cells as mysql2 gives them as text, attribute values that say
 * the same, the SDK's own commands. Nothing of `src` is in it, nothing is fast, and the service itself brings numbers
 * into their normal form.
 */
import {
  BatchWriteItemCommand,
  type AttributeValue,
  type DynamoDBClient,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';
import { isLosslessNumber, parse } from 'lossless-json';
import { createConnection, type RowDataPacket, type TypeCastField } from 'mysql2/promise';
import type { Item } from '../../support/dynamodb.js';
import type { TestDatabase } from '../../support/mysql.js';

/** As in dynaferry.yaml. */
export type PlainRules = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface PlainTable {
  readonly name: string;
  /** Columns that become no attributes. */
  readonly drop: readonly string[];
  readonly rules: PlainRules;
  readonly keysOf: (cells: Readonly<Record<string, string>>) => Item;
}

export interface PlainItem {
  /** Of the row, its column `id`. */
  readonly id: string;
  readonly item: Item;
}

const BATCH = 25;
const BINARY_TYPES = /blob$|binary$|^geom|point$|linestring$|polygon$|^vector$/;
const NUMBER_TYPES = /int$|^decimal$|^float$|^double$|^year$/;

/** Every row's item but those of the rows named. */
export async function plainItems(
  database: TestDatabase,
  table: PlainTable,
  without: ReadonlySet<string>,
): Promise<readonly PlainItem[]> {
  const { host, port, user, password } = database.shard();
  const connection = await createConnection({
    ...{ host, port, user, password, database: database.name, charset: 'utf8mb4' },
    // Bytes as the server sent them: what they mean is told by the column's type.
    typeCast: (field: TypeCastField) => field.buffer(),
  });
  try {
    await connection.query("SET SESSION time_zone = '+00:00'");
    const types = await columnTypes(database, table.name);
    const [, visible] = await connection.query(`SELECT * FROM \`${table.name}\` LIMIT 0`);
    const names = [...new Set([...visible.map(({ name }) => name), ...Object.keys(table.rules)])];
    // As text, FLOAT has six digits, and a number of declared decimals as many; a product has all, and the sign of
    // zero.
    const floating = (name: string): boolean => ['float', 'double'].includes(types.get(name) ?? '');
    const list = names.map((name) => `\`${name}\`${floating(name) ? ` * 1e0 AS \`${name}\`` : ''}`);
    const [rows] = await connection.query<RowDataPacket[]>(`SELECT ${list.join(', ')} FROM \`${table.name}\``);
    return rows.flatMap((row) => {
      const cells = row as Readonly<Record<string, Buffer | null>>;
      const id = String(cells['id']);
      return without.has(id) ? [] : [{ id, item: itemOf(cells, table, types) }];
    });
  } finally {
    await connection.end();
  }
}

/** DATA_TYPE by column. */
async function columnTypes(database: TestDatabase, table: string): Promise<ReadonlyMap<string, string>> {
  const rows = await database.query(
    'SELECT column_name AS name, data_type AS type FROM information_schema.columns WHERE table_schema = ? AND table_name = ?',
    [database.name, table],
  );
  return new Map(rows.map(({ name, type }) => [String(name), String(type)]));
}

function itemOf(
  cells: Readonly<Record<string, Buffer | null>>,
  { drop, rules, keysOf }: PlainTable,
  types: ReadonlyMap<string, string>,
): Item {
  const texts = Object.fromEntries(Object.entries(cells).map(([name, cell]) => [name, String(cell)]));
  const item = keysOf(texts);
  for (const [name, cell] of Object.entries(cells)) {
    if (drop.includes(name)) continue;
    const rule = rules[name] ?? {};
    if (cell !== null) item[name] = valueOf(cell, types.get(name) ?? '', rule);
    else if (rule['null'] === 'keep') item[name] = { NULL: true };
  }
  return item;
}

function valueOf(cell: Buffer, type: string, rule: Readonly<Record<string, string>>): AttributeValue {
  const text = type === 'bit' ? BigInt(`0x${cell.toString('hex')}`).toString() : cell.toString('utf8');
  if (['date', 'datetime', 'timestamp'].includes(type)) return timeOf(text, rule['format']);
  switch (rule['type'] ?? defaultType(type)) {
    case 'N':
      // dynalite takes no `+`.
      return { N: text.replace(/^\+/, '') };
    case 'B':
      return { B: cell };
    case 'BOOL':
      return { BOOL: BigInt(text) === 1n };
    case 'SS':
      return { SS: text.split(',') };
    case 'JSON':
      return jsonOf(parse(text));
    default:
      return { S: text };
  }
}

function defaultType(type: string): 'N' | 'B' | 'S' {
  if (BINARY_TYPES.test(type)) return 'B';
  return NUMBER_TYPES.test(type) || type === 'bit' ? 'N' : 'S';
}

const EXPONENTS: Readonly<Record<string, string>> = { 'epoch-s': 'e-6', 'epoch-ms': 'e-3', 'epoch-us': '' };

function timeOf(text: string, format: string | undefined): AttributeValue {
  const [date = '', time] = text.split(' ');
  if (format === 'text') return { S: text };
  if (format === undefined) return { S: time === undefined ? date : `${date}T${time}Z` };
  const [clock = '00:00:00', fraction = ''] = (time ?? '00:00:00').split('.');
  const micros = BigInt(Date.parse(`${date}T${clock}Z`)) * 1_000n + BigInt(fraction.padEnd(6, '0'));
  return { N: `${micros}${EXPONENTS[format] ?? ''}` };
}

function jsonOf(value: unknown): AttributeValue {
  if (value === null) return { NULL: true };
  if (typeof value === 'boolean') return { BOOL: value };
  if (typeof value === 'string') return { S: value };
  if (isLosslessNumber(value)) return { N: value.value };
  if (Array.isArray(value)) return { L: value.map(jsonOf) };
  return { M: Object.fromEntries(Object.entries(value as object).map(([name, part]) => [name, jsonOf(part)])) };
}

/** @throws Error where the service leaves any unprocessed: the emulators never do */
export async function putPlainly(client: DynamoDBClient, table: string, items: readonly Item[]): Promise<void> {
  for (let first = 0; first < items.length; first += BATCH) {
    const requests = items.slice(first, first + BATCH).map((item): WriteRequest => ({ PutRequest: { Item: item } }));
    const answer = await client.send(new BatchWriteItemCommand({ RequestItems: { [table]: requests } }));
    if (Object.keys(answer.UnprocessedItems ?? {}).length > 0) throw new Error('items were left unprocessed');
  }
}
