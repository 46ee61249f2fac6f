/**
 * ENUM and SET as key parts. Their index is ordered by number, but no MySQL uses it for `e > 2` (it walks the index from
 * its start: seen on 5.6 and MariaDB 10.11), and `e > 'b'` compares texts. So "behind 2" is spelled out as the values
 * behind it, which is an index range each, and the number is compared as well, as a mere filter.
 */
import type { ColumnInfo } from '../core/model.js';
import { textLiteral } from './sql.js';

/** Values spelled out in one statement at most: a SET of nine members has 512. */
const MOST_VALUES = 1_000;

export type Operator = '<' | '<=' | '=' | '>=' | '>';

/** The values of an ENUM or SET by their number. */
export interface Enumeration {
  /** Text by number; an ENUM's number 0, which an invalid insert leaves behind, is not among them. */
  readonly names: ReadonlyMap<number, string>;
  /** ENUM: rows of number 0 may exist. They share the empty text with a member that may be there too. */
  readonly zeroIsInvalid: boolean;
}

/** null where there are too many values, or where their names are not plain. */
export function enumerationOf(column: ColumnInfo): Enumeration | null {
  // How a backslash in a name is shown differs between versions.
  if (column.columnType.includes('\\')) return null;
  const members = Array.from(column.columnType.matchAll(/'((?:[^']|'')*)'/g), ([, name = '']) =>
    name.replaceAll("''", "'"),
  );
  if (column.dataType === 'enum') {
    if (members.length > MOST_VALUES) return null;
    return { names: new Map(members.map((name, i) => [i + 1, name])), zeroIsInvalid: true };
  }
  if (2 ** members.length > MOST_VALUES) return null;
  return { names: new Map(subsets(members).map((name, bits) => [bits, name])), zeroIsInvalid: false };
}

/** All values of a SET: bit i of the number stands for member i. */
function subsets(members: readonly string[]): readonly string[] {
  return Array.from({ length: 2 ** members.length }, (_, bits) =>
    members.filter((_member, i) => ((bits >> i) & 1) === 1).join(','),
  );
}

/** @param sql the column @param number what it is compared with, as text */
export function compareEnumerated(enumeration: Enumeration, sql: string, operator: Operator, number: string): string {
  const bound = Number(number);
  const texts = [...enumeration.names].flatMap(([value, name]) =>
    holds(value, operator, bound) ? [textLiteral(name)] : [],
  );
  // One value as an equality, so that MySQL knows the parts behind it to be in order.
  const listed = texts.length === 1 ? `${sql} = ${texts.join('')}` : `${sql} IN (${texts.join(', ')})`;
  const alternatives = [
    ...(texts.length === 0 ? [] : [`${listed} AND ${sql} + 0 ${operator} ${number}`]),
    ...(enumeration.zeroIsInvalid && holds(0, operator, bound) ? [`${sql} = 0`] : []),
  ];
  return alternatives.length === 0 ? 'FALSE' : `(${alternatives.join(' OR ')})`;
}

function holds(value: number, operator: Operator, bound: number): boolean {
  switch (operator) {
    case '<':
      return value < bound;
    case '<=':
      return value <= bound;
    case '=':
      return value === bound;
    case '>=':
      return value >= bound;
    case '>':
      return value > bound;
  }
}
