/**
 * ENUM and SET columns as key parts are compared by number, never by label. Labels may be equal under the column's
 * collation (`e`, `é`; made outside strict mode). They may also print the same (a SET with an empty member; number 0 of
 * an ENUM). If a text equals several labels, the server takes the first. Whole numbers in `=` and `IN` are exact index
 * ranges on every server (seen on MySQL 5.6 and 9.7 and MariaDB 10.11). `e > 2` is not: it walks the index from its
 * start. So "behind 2" is written as a list of the numbers behind it.
 *
 * How we looked for more cases: for every type that can be a key part, we asked which two values one literal equals.
 * Besides these types, only MariaDB's YEAR(2) has such values; see key-form.ts.
 * test/integration/mysql/scan-property.test.ts repeats the question over all types and collations.
 */
import type { ColumnInfo } from '../../core/model.js';
import { declaredMembers } from '../../core/set-members.js';
import { bytesLiteral } from '../connection/sql.js';

/** Most numbers in the list of one comparison: a SET of nine members has 512. */
const MOST_VALUES = 1_000;

export type Operator = '<' | '<=' | '=' | '>=' | '>';

/** The numbers that an ENUM or SET may hold, from 0 to `highest`. An invalid insert leaves 0 in an ENUM. */
export interface Enumeration {
  readonly highest: number;
  /**
   * Labels by number, as information_schema prints them; null: not certain. They only serve to leave out numbers from a
   * statement.
   */
  readonly labels: readonly (string | null)[];
}

/** Returns null where there are too many values. */
export function enumerationOf(column: ColumnInfo): Enumeration | null {
  const members = declaredMembers(column).map(plainLabel);
  if (column.dataType === 'enum') {
    return members.length > MOST_VALUES ? null : { highest: members.length, labels: ['', ...members] };
  }
  const labels = 2 ** members.length > MOST_VALUES ? null : subsets(members);
  return labels === null ? null : { highest: labels.length - 1, labels };
}

/**
 * Returns a label, or null where it is not certain. Only some servers escape backslashes. A `?` may replace a character
 * that information_schema could not hold.
 */
function plainLabel(name: string): string | null {
  return /[\\?\ufffd]/.test(name) ? null : name;
}

/**
 * Returns all values of a SET: bit i of the number stands for member i. MySQL puts a comma only behind text: none
 * behind an empty member.
 */
function subsets(members: readonly (string | null)[]): readonly (string | null)[] {
  return Array.from({ length: 2 ** members.length }, (_, bits) => {
    const chosen = members.filter((_member, i) => ((bits >> i) & 1) === 1);
    return chosen.includes(null)
      ? null
      : chosen.reduce((text, member) => (text === '' ? member : `${text},${member}`), '');
  });
}

/** Returns the numbers that meet a comparison, in order. @param number the right side of the comparison, as text */
export function numbersThat(enumeration: Enumeration, operator: Operator, number: string): readonly number[] {
  const bound = Number(number);
  return Array.from({ length: enumeration.highest + 1 }, (_, value) => value).filter((value) =>
    holds(value, operator, bound),
  );
}

/** Returns the numbers whose label may be that text. */
export function numbersLabelled(enumeration: Enumeration, text: string): readonly number[] {
  return enumeration.labels.flatMap((label, number) => (label === null || label === text ? [number] : []));
}

/** Returns the condition that the column has one of these numbers. @param sql the column */
export function isOneOf(sql: string, numbers: readonly number[]): string {
  if (numbers.length === 0) return 'FALSE';
  return numbers.length === 1 ? `${sql} = ${numbers.join('')}` : `${sql} IN (${numbers.join(', ')})`;
}

/** Returns the condition that the column has one of these numbers, and that its label is that text, byte for byte. */
export function isLabelled(sql: string, numbers: readonly number[], text: string): string {
  if (numbers.length === 0) return 'FALSE';
  const label = `CAST(CONVERT(${sql} USING utf8mb4) AS BINARY)`;
  return `${isOneOf(sql, numbers)} AND ${label} = ${bytesLiteral(Buffer.from(text, 'utf8').toString('hex'))}`;
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
