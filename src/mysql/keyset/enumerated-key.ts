/**
 * ENUM and SET as key parts. They are asked for by number, never by label: labels may be equal under the column's
 * collation (`e`, `é`; made outside strict mode), may be printed alike (a SET of an empty member; number 0 of an ENUM),
 * and of several that a text equals the server takes the first. Whole numbers in `=` and `IN` are index ranges, exact
 * ones, on every server (seen on MySQL 5.6 and 9.7 and MariaDB 10.11); `e > 2` is not: it walks the index from its
 * start. So "behind 2" is spelled out as the numbers behind it.
 *
 * How far this was followed: of every type that can be a key part, which two values does one literal equal? Beside
 * these only MariaDB's YEAR(2), see key-form.ts. test/integration/mysql/scan-property.test.ts goes on asking, over all
 * types and collations.
 */
import type { ColumnInfo } from '../../core/model.js';
import { declaredMembers } from '../../core/set-members.js';
import { bytesLiteral } from '../connection/sql.js';

/** Numbers spelled out in one statement at most: a SET of nine members has 512. */
const MOST_VALUES = 1_000;

export type Operator = '<' | '<=' | '=' | '>=' | '>';

/** The numbers that an ENUM or SET may hold: from 0, which an invalid insert leaves behind in an ENUM, to `highest`. */
export interface Enumeration {
  readonly highest: number;
  /**
   * As information_schema prints it, by number; null: not sure. Good for sparing the server some numbers, for nothing
   * else.
   */
  readonly labels: readonly (string | null)[];
}

/** null where there are too many values */
export function enumerationOf(column: ColumnInfo): Enumeration | null {
  const members = declaredMembers(column).map(plainLabel);
  if (column.dataType === 'enum') {
    return members.length > MOST_VALUES ? null : { highest: members.length, labels: ['', ...members] };
  }
  const labels = 2 ** members.length > MOST_VALUES ? null : subsets(members);
  return labels === null ? null : { highest: labels.length - 1, labels };
}

/** Backslashes are escaped here and there; a `?` may stand for a character that information_schema could not hold. */
function plainLabel(name: string): string | null {
  return /[\\?\ufffd]/.test(name) ? null : name;
}

/**
 * All values of a SET: bit i of the number stands for member i. MySQL puts a comma where there is text before it: none
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

/** @param number what the values are compared with, as text @returns the numbers that may be such, in order */
export function numbersThat(enumeration: Enumeration, operator: Operator, number: string): readonly number[] {
  const bound = Number(number);
  return Array.from({ length: enumeration.highest + 1 }, (_, value) => value).filter((value) =>
    holds(value, operator, bound),
  );
}

/** The numbers whose label may be that text. */
export function numbersLabelled(enumeration: Enumeration, text: string): readonly number[] {
  return enumeration.labels.flatMap((label, number) => (label === null || label === text ? [number] : []));
}

/** @param sql the column */
export function isOneOf(sql: string, numbers: readonly number[]): string {
  if (numbers.length === 0) return 'FALSE';
  return numbers.length === 1 ? `${sql} = ${numbers.join('')}` : `${sql} IN (${numbers.join(', ')})`;
}

/** The column has one of these numbers, and a label that is that text to the byte. */
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
