/**
 * Describes a table from information_schema: its columns (generated and invisible ones included), its unique keys, and
 * how each column's cells arrive.
 */
import { FerryError } from '../core/errors.js';
import type { Cell, ColumnInfo, KeyPart, TableInfo, UniqueKey } from '../core/model.js';
import { checkFullSight, checkTableType } from './full-sight.js';
import type { Session } from './connection/session.js';
import { textLiteral } from './connection/sql.js';

export interface TableDescription {
  readonly table: TableInfo;
  /** `InnoDB`, `MyISAM`, ...; null where its file is broken. */
  readonly engine: string | null;
  /** True if MariaDB keeps former rows, which no plain SELECT shows. */
  readonly versioned: boolean;
}

const BYTE_TYPES: ReadonlySet<string> = new Set([
  ...['binary', 'varbinary', 'tinyblob', 'blob', 'mediumblob', 'longblob', 'bit', 'vector'],
  ...['geometry', 'point', 'linestring', 'polygon', 'multipoint', 'multilinestring', 'multipolygon'],
  ...['geometrycollection', 'geomcollection'],
]);

/**
 * Describes a table. @throws FerryError E_TABLE_MISSING, E_TABLE_NOT_BASE, E_SOURCE_ACCESS where the user cannot see
 * all of it; the driver's own error
 */
export async function describeSourceTable(
  session: Session,
  shard: string,
  database: string,
  name: string,
  signal: AbortSignal,
): Promise<TableDescription> {
  const schemaIs = `TABLE_SCHEMA = ${textLiteral(database)} AND TABLE_NAME = ${textLiteral(name)}`;
  const [head] = await session.rows(
    `SELECT ENGINE, TABLE_ROWS, TABLE_TYPE FROM information_schema.TABLES WHERE ${schemaIs}`,
    signal,
  );
  if (head === undefined) {
    throw new FerryError(
      'E_TABLE_MISSING',
      `shard ${shard}: database ${database} has no table ${name} that the user can see`,
      'check `source.tables` and the `database` of the shard, and grant the user SELECT on the table (through a role: make it a default role)',
    );
  }
  const type = text(head[2]) ?? '';
  checkTableType({ shard, database, name }, type);
  const columns = (await session.rows(columnsQuery(schemaIs), signal)).map(columnOf);
  const listed = columns.map((column) => column.name);
  await checkFullSight(session, { shard, database, name }, listed, signal);
  const uniqueKeys = keysOf(await session.rows(keysQuery(schemaIs, session), signal));
  return {
    table: { database, name, columns, uniqueKeys, estimatedRows: Number(head[1] ?? 0) },
    engine: text(head[0]),
    versioned: type === 'SYSTEM VERSIONED',
  };
}

/**
 * Returns, for each column, an index that starts with the column (whole, not a prefix of it) and that the optimizer may
 * use.
 */
export async function leadingColumns(
  session: Session,
  database: string,
  table: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const rows = await session.rows(
    `SELECT COLUMN_NAME, INDEX_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ${textLiteral(database)} ` +
      `AND TABLE_NAME = ${textLiteral(table)} AND SEQ_IN_INDEX = 1 AND SUB_PART IS NULL AND COLUMN_NAME IS NOT NULL ` +
      `AND INDEX_TYPE = 'BTREE' AND ${session.family.keyVisible} ORDER BY NON_UNIQUE DESC, INDEX_NAME`,
    signal,
  );
  return new Map(rows.map(([column, index]) => [text(column) ?? '', text(index) ?? '']));
}

function columnsQuery(schemaIs: string): string {
  return (
    'SELECT COLUMN_NAME, LOWER(DATA_TYPE), COLUMN_TYPE, IS_NULLABLE, CHARACTER_SET_NAME, COLLATION_NAME, ' +
    'CHARACTER_MAXIMUM_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE, DATETIME_PRECISION, EXTRA ' +
    `FROM information_schema.COLUMNS WHERE ${schemaIs} ORDER BY ORDINAL_POSITION`
  );
}

function columnOf(row: readonly Cell[]): ColumnInfo {
  const [name, dataType, columnType, nullable, charset, collation, length, precision, scale, fraction, extra] =
    row.map(text);
  const type = dataType ?? '';
  return {
    name: name ?? '',
    dataType: type,
    columnType: columnType ?? '',
    nullable: nullable === 'YES',
    unsigned: /\bunsigned\b/i.test(columnType ?? ''),
    charset: charset ?? null,
    collation: collation ?? null,
    maxLength: count(length),
    precision: count(precision),
    scale: count(scale),
    fractionDigits: count(fraction),
    // `DEFAULT_GENERATED` means something else: MySQL 8 reports it for a default that is an expression.
    generated: /\b(VIRTUAL|STORED|PERSISTENT)\b/i.test(extra ?? ''),
    invisible: /\bINVISIBLE\b/i.test(extra ?? ''),
    transport: BYTE_TYPES.has(type) ? 'bytes' : 'text',
  };
}

/**
 * Returns the query for the keys. It excludes keys that the optimizer may not use, and hash keys, which have no order:
 * no scan can follow them.
 */
function keysQuery(schemaIs: string, session: Session): string {
  const { keyExpression, keyVisible } = session.family;
  return (
    `SELECT INDEX_NAME, COLUMN_NAME, COLLATION, NULLABLE, SUB_PART, ${keyExpression} ` +
    `FROM information_schema.STATISTICS WHERE ${schemaIs} AND NON_UNIQUE = 0 AND ${keyVisible} ` +
    `AND INDEX_TYPE <> 'HASH' ORDER BY INDEX_NAME <> 'PRIMARY', INDEX_NAME, SEQ_IN_INDEX`
  );
}

function keysOf(rows: readonly (readonly Cell[])[]): readonly UniqueKey[] {
  const keys = new Map<string, { parts: KeyPart[]; nullable: boolean; prefix: boolean }>();
  for (const row of rows) {
    const [index, column, order, nullable, prefix, expression] = row.map(text);
    const name = index ?? '';
    const key = keys.get(name) ?? { parts: [], nullable: false, prefix: false };
    keys.set(name, key);
    // An expression appears in parentheses, so that no one takes it for a column of that name.
    key.parts.push({ column: column ?? `(${expression ?? 'expression'})`, descending: order === 'D' });
    key.nullable ||= nullable === 'YES';
    key.prefix ||= (prefix ?? null) !== null;
  }
  return [...keys].map(([name, key]) => ({ name, ...key }));
}

function text(cell: Cell | undefined): string | null {
  return cell === null || cell === undefined ? null : cell.toString();
}

function count(value: string | null | undefined): number | null {
  return value === null || value === undefined ? null : Number(value);
}
