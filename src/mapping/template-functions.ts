/**
 * The functions of templates: what each takes, what it gives, and what is known of its output without looking at a row
 * (its width, its characters, whether it sorts as its column does): the facts that key rules are proven from.
 */
import type { ColumnInfo, Row } from '../core/model.js';
import { BadValue } from './bad-value.js';
import { columnKind, integerDigits, type ColumnKind } from './column-kind.js';
import { epochText, epochTime, isoText } from './datetime.js';
import { hashModulo } from './digest.js';
import { bitText, normalizeNumber } from './numbers.js';
import type { FunctionCall } from './template.js';

/** A value on its way through an expression: `text` of a given meaning. */
type Meaning = 'text' | 'integer' | 'decimal' | 'float' | 'date' | 'datetime' | 'time' | 'bytes' | 'encoded';

export interface Expression {
  readonly column: string;
  /** The expression's text for a row. @throws BadValue also for NULL: a template has no way to leave a part out */
  readonly evaluate: (row: Row) => string;
  readonly meaning: Meaning;
  /** Characters of every output, or null where it varies. */
  readonly width: number | null;
  /** Characters that may occur: tells whether a literal behind it ends it for certain. */
  readonly alphabet: RegExp;
  /** Byte order of the outputs is the order of the column's values. */
  readonly sorts: boolean;
  /** Different values give different outputs. */
  readonly injective: boolean;
  /** What to write instead where it does not sort. */
  readonly sortRemedy: string;
}

export class FunctionFault extends Error {
  override readonly name = 'FunctionFault';
}

const DIGITS = /[0-9]/;
const NUMBER = /[-+.0-9eE]/;
const HEX = /[0-9a-f]/;
const DATE_CHARACTERS = /[-0-9T:.Z ]/;
const ANY = /[\s\S]/;

/** @throws FunctionFault where a function does not fit the column */
export function compileExpression(column: ColumnInfo, index: number, calls: readonly FunctionCall[]): Expression {
  return calls.reduce((input, call) => applyFunction(input, call, column), columnExpression(column, index));
}

export const TEMPLATE_FUNCTIONS = ['iso', 'epoch-s', 'epoch-ms', 'epoch-us', 'pad', 'sortable', 'hex', 'lower', 'upper', 'hash'] as const;

function columnExpression(column: ColumnInfo, index: number): Expression {
  const kind = columnKind(column);
  if (kind === null) throw new FunctionFault(`type ${column.dataType} of column ${column.name} is not known to this version`);
  const meaning = meaningOf(kind);
  const name = column.name;
  const cell = (row: Row): string => {
    const value = row[index];
    if (typeof value === 'string') return value;
    if (value === null || value === undefined) throw nullInTemplate(name);
    return kind === 'bit' ? bitText(value) : value.toString('latin1');
  };
  const numeric = meaning === 'integer' || meaning === 'decimal' || meaning === 'float';
  return {
    column: name,
    evaluate: numeric && kind !== 'bit' ? (row) => numberText(cell(row), name) : cell,
    meaning,
    width: widthOf(kind, column),
    alphabet: numeric ? NUMBER : meaning === 'date' || meaning === 'datetime' ? DATE_CHARACTERS : ANY,
    // Collations order text by other rules than bytes do; the item's order is then the text's byte order, which is what a
    // reader of the target sees. Numbers alone would come out plainly wrong (10 before 9).
    sorts: !numeric && meaning !== 'time',
    injective: true,
    sortRemedy: sortRemedy(meaning, column),
  };
}

function sortRemedy(meaning: Meaning, column: ColumnInfo): string {
  if (meaning === 'float' || meaning === 'time') return `a column of another type than ${column.dataType}`;
  return meaning === 'integer' && column.unsigned ? `{${column.name}:pad(${integerDigits(column)})}` : `{${column.name}:sortable}`;
}

function meaningOf(kind: ColumnKind): Meaning {
  switch (kind) {
    case 'integer':
    case 'year':
    case 'bit':
      return 'integer';
    case 'decimal':
    case 'float':
    case 'date':
    case 'datetime':
    case 'time':
    case 'bytes':
      return kind;
    case 'text':
    case 'json':
    case 'set':
      return 'text';
  }
}

function widthOf(kind: ColumnKind, column: ColumnInfo): number | null {
  if (kind === 'date') return 10;
  if (kind === 'datetime') return 19 + fractionWidth(column);
  return column.dataType === 'binary' ? column.maxLength : null;
}

/** `.123456` behind the seconds: MySQL prints as many digits as the column declares. */
function fractionWidth(column: ColumnInfo): number {
  return column.fractionDigits !== null && column.fractionDigits > 0 ? column.fractionDigits + 1 : 0;
}

function applyFunction(input: Expression, call: FunctionCall, column: ColumnInfo): Expression {
  const { column: name, meaning } = input;
  const expects = (...wanted: Meaning[]): void => {
    if (!wanted.includes(meaning)) throw new FunctionFault(`${call.name} takes ${wanted.join(' or ')}, but gets ${meaning} from column ${name}`);
    if (call.argument !== null && !['pad', 'hash'].includes(call.name)) throw new FunctionFault(`${call.name} takes no argument`);
  };
  switch (call.name) {
    case 'iso':
      expects('date', 'datetime');
      return {
        ...input,
        evaluate: (row) => isoText(input.evaluate(row)) ?? refuse(new BadValue(name, 'a zero date, or a date with a zero part', NO_ZERO_DATE)),
        meaning: 'encoded',
        width: meaning === 'date' ? 10 : 20 + fractionWidth(column),
        alphabet: DATE_CHARACTERS,
      };
    case 'epoch-s':
    case 'epoch-ms':
    case 'epoch-us':
      expects('date', 'datetime');
      return epochExpression(input, call.name, column);
    case 'pad':
      expects('integer');
      return padExpression(input, call.argument);
    case 'sortable':
      expects('integer', 'decimal');
      return sortableExpression(input, column);
    case 'hex':
      expects('bytes', 'text');
      return {
        ...input,
        evaluate:
          meaning === 'bytes'
            ? (row) => Buffer.from(input.evaluate(row), 'latin1').toString('hex')
            : (row) => Buffer.from(input.evaluate(row), 'utf8').toString('hex'),
        meaning: 'encoded',
        width: input.width === null ? null : input.width * 2,
        alphabet: HEX,
      };
    case 'lower':
      expects('text');
      return { ...input, evaluate: (row) => input.evaluate(row).toLowerCase(), injective: false };
    case 'upper':
      expects('text');
      return { ...input, evaluate: (row) => input.evaluate(row).toUpperCase(), injective: false };
    case 'hash': {
      expects('text', 'integer', 'decimal', 'bytes', 'encoded', 'date', 'datetime', 'time');
      const modulus = call.argument;
      if (modulus === null || modulus < 1) throw new FunctionFault('hash needs the number of buckets, as in hash(16)');
      return {
        ...input,
        evaluate: (row) => String(hashModulo(input.evaluate(row), modulus)),
        meaning: 'integer',
        width: null,
        alphabet: DIGITS,
        sorts: false,
        injective: false,
        sortRemedy: `{${name}:hash(${modulus}):pad(${String(modulus - 1).length})}`,
      };
    }
    default:
      throw new FunctionFault(`there is no function "${call.name}"; there are ${TEMPLATE_FUNCTIONS.join(', ')}`);
  }
}

const NO_ZERO_DATE = 'leave such rows out with `where`, or map the column with `format: text` outside the key';

function epochExpression(input: Expression, unit: 'epoch-s' | 'epoch-ms' | 'epoch-us', column: ColumnInfo): Expression {
  const decimals = unit === 'epoch-s' ? 0 : unit === 'epoch-ms' ? 3 : 6;
  if ((column.fractionDigits ?? 0) > decimals) {
    throw new FunctionFault(`${unit} would cut the ${column.fractionDigits} fraction digits of column ${column.name}; use iso or epoch-us`);
  }
  return {
    ...input,
    evaluate: (row) => {
      const time = epochTime(input.evaluate(row)) ?? refuse(new BadValue(input.column, 'not a day of the calendar', NO_ZERO_DATE));
      return epochText(time, decimals);
    },
    meaning: 'integer',
    width: null,
    alphabet: NUMBER,
    sorts: false,
    sortRemedy: `{${input.column}:iso}, or {${input.column}:${unit}:pad(${decimals + 11})}`,
  };
}

function padExpression(input: Expression, digits: number | null): Expression {
  if (digits === null || digits < 1 || digits > 64) throw new FunctionFault('pad needs a number of digits from 1 to 64, as in pad(20)');
  return {
    ...input,
    evaluate: (row) => {
      const text = input.evaluate(row);
      if (text.length > digits) throw new BadValue(input.column, `more than the ${digits} digits of pad(${digits})`, 'give pad more digits');
      if (text.charCodeAt(0) === 45) throw new BadValue(input.column, 'a negative number in pad', `use {${input.column}:sortable}, which orders negatives too`);
      return text.padStart(digits, '0');
    },
    meaning: 'encoded',
    width: digits,
    alphabet: DIGITS,
    sorts: true,
  };
}

/**
 * Fixed width, so that byte order is numeric order: `0` and the padded digits from zero up; `-` and the nine's complement
 * of the digits below (`-` sorts before `0`, and larger magnitudes have smaller complements).
 */
function sortableExpression(input: Expression, column: ColumnInfo): Expression {
  const scale = input.meaning === 'decimal' ? (column.scale ?? 0) : 0;
  const whole = input.meaning === 'decimal' ? (column.precision ?? 65) - scale : integerDigits(column);
  return {
    ...input,
    evaluate: (row) => {
      const text = input.evaluate(row);
      const negative = text.charCodeAt(0) === 45;
      const [units = '', fraction = ''] = (negative ? text.slice(1) : text).split('.');
      const digits = units.padStart(whole, '0') + (scale > 0 ? `.${fraction.padEnd(scale, '0')}` : '');
      return negative ? `-${digits.replace(/\d/g, (digit) => String(9 - Number(digit)))}` : `0${digits}`;
    },
    meaning: 'encoded',
    width: 1 + whole + (scale > 0 ? scale + 1 : 0),
    alphabet: /[-.0-9]/,
    sorts: true,
  };
}

/** A number column's text without zero-fill and superfluous zeros: one spelling a value. */
function numberText(text: string, column: string): string {
  const normalized = normalizeNumber(text);
  if ('fault' in normalized) throw new BadValue(column, normalized.fault, 'map the column with `type: S` and leave it out of keys');
  return normalized.text;
}

function nullInTemplate(column: string): BadValue {
  return new BadValue(column, 'NULL in a template', 'leave such rows out with `where`, or take the column out of the template');
}

function refuse(fault: BadValue): never {
  throw fault;
}
