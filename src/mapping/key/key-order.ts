/**
 * In which order MySQL has the values of each type, and whether their text, byte by byte, is in it: the one table that
 * the rule "a sort key sorts as the source does" is judged from, complete by type (`DataType`).
 * test/integration/mapping/key-order.test.ts holds each row of it against real servers: `ORDER BY` the column, and the
 * bytes of the keys.
 *
 * How far the kind was followed: numbers, BIT, YEAR and TIME print without leading zeros; ENUM and SET sort by the
 * number of the member; addresses and UUIDs by their bytes; YEAR(2) by a century that it does not print; JSON by type,
 * then by value. Of text, the order is the collation's, which no byte order is: a text key sorts by its UTF-8, which is
 * what DynamoDB's readers see, and README says so. Dates print in fixed width.
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

/** Why the column's text does not sort as MySQL orders the column; null where it does, or where it is text. */
export function unsortedBecause(column: ColumnInfo): string | null {
  return isDataType(column.dataType) ? WHY[ORDERS[column.dataType]] : null;
}

/** Its values are told by a text that sorts otherwise, and that an operator may ask for with `{column:text}`. */
export function sortsAsTextOnRequest(column: ColumnInfo): boolean {
  const order = isDataType(column.dataType) ? ORDERS[column.dataType] : null;
  return order === 'member' || order === 'address' || order === 'document' || order === 'duration';
}

const MEMBER = /'((?:[^']|'')*)'/g;

/**
 * YEAR(2), which MariaDB still makes: 1999 prints as 99 and 2000 as 00, and no function finds the order of the column
 * in that.
 */
export function printsWithoutOrder({ columnType }: Pick<ColumnInfo, 'columnType'>): boolean {
  return columnType.startsWith('year(2)');
}

/**
 * Different values of the column print the same: a YEAR(2) prints the years 0 and 2000 alike; an ENUM or SET has an
 * empty member (an invalid value of an ENUM and a SET of none print empty too), or one that it declares twice, which
 * MySQL takes outside strict mode.
 */
export function printsAmbiguously({ dataType, columnType }: ColumnInfo): boolean {
  if (printsWithoutOrder({ columnType })) return true;
  if (dataType !== 'enum' && dataType !== 'set') return false;
  const members = [...columnType.matchAll(MEMBER)].map(([, member]) => member ?? '');
  return members.includes('') || new Set(members).size < members.length;
}
