/**
 * This table says in which order MySQL has the values of each type, and whether their text sorts so, byte by byte. It
 * is the only source for the rule "a sort key sorts as the source does", and complete by type (`DataType`).
 * test/integration/mapping/key-order.test.ts checks each row of it against real servers: `ORDER BY` the column, and the
 * bytes of the keys.
 *
 * The types that differ:
 * - Numbers, BIT, YEAR and TIME print without leading zeros.
 * - ENUM and SET sort by the number of the member.
 * - Addresses and UUIDs sort by their bytes.
 * - YEAR(2) sorts by a century that it does not print.
 * - JSON sorts by type, then by value.
 *
 * Text sorts by its collation, which is never a byte order. A text key sorts by its UTF-8, which is what readers of
 * DynamoDB see, and README says so. Dates print in fixed width.
 */
import type { ColumnInfo } from '../../core/model.js';
import { isDataType, type DataType } from '../value/column-kind.js';

/** `text`, `moment`, `bytes`: the printed value sorts by its bytes (bytes as hex). All others do not. */
type SourceOrder = 'number' | 'duration' | 'member' | 'address' | 'document' | 'text' | 'moment' | 'bytes';

const ORDERS: Readonly<Record<DataType, SourceOrder>> = {
  tinyint: 'number',
  smallint: 'number',
  mediumint: 'number',
  int: 'number',
  bigint: 'number',
  decimal: 'number',
  float: 'number',
  double: 'number',
  bit: 'number',
  year: 'number',
  time: 'duration',
  enum: 'member',
  set: 'member',
  uuid: 'address',
  inet4: 'address',
  inet6: 'address',
  json: 'document',
  char: 'text',
  varchar: 'text',
  tinytext: 'text',
  text: 'text',
  mediumtext: 'text',
  longtext: 'text',
  date: 'moment',
  datetime: 'moment',
  timestamp: 'moment',
  binary: 'bytes',
  varbinary: 'bytes',
  tinyblob: 'bytes',
  blob: 'bytes',
  mediumblob: 'bytes',
  longblob: 'bytes',
  geometry: 'bytes',
  point: 'bytes',
  linestring: 'bytes',
  polygon: 'bytes',
  multipoint: 'bytes',
  multilinestring: 'bytes',
  multipolygon: 'bytes',
  geometrycollection: 'bytes',
  geomcollection: 'bytes',
  vector: 'bytes',
};

const WHY: Readonly<Record<SourceOrder, string | null>> = {
  number: '10 before 9',
  duration: 'the hours vary in width, and times can be negative',
  member: 'MySQL orders members by their place in the column definition',
  address: 'MySQL orders such values by their bytes',
  document: 'MySQL orders JSON by its types and values',
  text: null,
  moment: null,
  bytes: null,
};

/** Returns why the column's text does not sort as MySQL orders the column; null where it does, or where it is text. */
export function unsortedBecause(column: ColumnInfo): string | null {
  return isDataType(column.dataType) ? WHY[ORDERS[column.dataType]] : null;
}

/**
 * Returns whether the column's text distinguishes its values, but sorts otherwise. An operator may ask for that order
 * with `{column:text}`.
 */
export function sortsAsTextOnRequest(column: ColumnInfo): boolean {
  const order = isDataType(column.dataType) ? ORDERS[column.dataType] : null;
  return order === 'member' || order === 'address' || order === 'document' || order === 'duration';
}

const MEMBER = /'((?:[^']|'')*)'/g;

/**
 * Returns whether this is YEAR(2), which MariaDB still creates. It prints 1999 as 99 and 2000 as 00, and no function
 * can find the order of the column from that.
 */
export function printsWithoutOrder({ columnType }: Pick<ColumnInfo, 'columnType'>): boolean {
  return columnType.startsWith('year(2)');
}

/**
 * Returns whether different values of the column print the same. A YEAR(2) prints the years 0 and 2000 in the same way.
 * An ENUM or SET may have an empty member. An invalid ENUM value and a SET without members print empty too. It may also
 * declare one member twice, which MySQL accepts outside strict mode.
 */
export function printsAmbiguously({ dataType, columnType }: ColumnInfo): boolean {
  if (printsWithoutOrder({ columnType })) return true;
  if (dataType !== 'enum' && dataType !== 'set') return false;
  const members = [...columnType.matchAll(MEMBER)].map(([, member]) => member ?? '');
  return members.includes('') || new Set(members).size < members.length;
}
