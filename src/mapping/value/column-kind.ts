/**
 * Says what kind of values a column holds: it is the only place that reads MySQL's type names for the mapping.
 */
import type { ColumnInfo } from '../../core/model.js';

export type ColumnKind =
  'integer' | 'decimal' | 'float' | 'bit' | 'text' | 'json' | 'set' | 'bytes' | 'date' | 'datetime' | 'time' | 'year';

const KINDS = {
  tinyint: 'integer',
  smallint: 'integer',
  mediumint: 'integer',
  int: 'integer',
  bigint: 'integer',
  decimal: 'decimal',
  float: 'float',
  double: 'float',
  bit: 'bit',
  char: 'text',
  varchar: 'text',
  tinytext: 'text',
  text: 'text',
  mediumtext: 'text',
  longtext: 'text',
  enum: 'text',
  uuid: 'text',
  inet4: 'text',
  inet6: 'text',
  set: 'set',
  json: 'json',
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
  date: 'date',
  datetime: 'datetime',
  timestamp: 'datetime',
  time: 'time',
  year: 'year',
} as const satisfies Readonly<Record<string, ColumnKind>>;

/** A DATA_TYPE that this version knows. */
export type DataType = keyof typeof KINDS;

export function isDataType(name: string): name is DataType {
  return Object.hasOwn(KINDS, name);
}

/** Every DATA_TYPE that this version knows. */
export const KNOWN_TYPES: readonly string[] = Object.keys(KINDS);

/** Returns null for a type that this version does not know: the mapping then refuses the column by name. */
export function columnKind(column: ColumnInfo): ColumnKind | null {
  return isDataType(column.dataType) ? KINDS[column.dataType] : null;
}

/** Returns the most digits of a whole number in a column of kind integer, year or bit, without the sign. */
export function integerDigits(column: ColumnInfo): number {
  switch (column.dataType) {
    case 'tinyint':
      return 3;
    case 'smallint':
      return 5;
    case 'mediumint':
      return 8;
    case 'int':
      return 10;
    case 'year':
      return 4;
    case 'bit':
      return 20;
    default:
      return column.unsigned ? 20 : 19;
  }
}
