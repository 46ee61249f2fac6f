/**
 * Holds the functions of templates: what each takes, what it gives, and how it changes the facts known about its input.
 */
import type { ColumnInfo } from '../../core/model.js';
import { BadValue } from '../value/bad-value.js';
import { copyIso, epochText, epochTime, isoText } from '../value/datetime.js';
import { hashModulo } from '../item/digest.js';
import {
  cellExpression,
  columnExpression,
  DATE_CHARACTERS,
  DIGITS,
  FunctionFault,
  fractionWidth,
  HEX,
  WHOLE_NUMBER,
  type Expression,
  type Meaning,
} from './expression.js';
import type { FunctionCall } from './template.js';

export const TEMPLATE_FUNCTIONS = [
  'iso',
  'epoch-s',
  'epoch-ms',
  'epoch-us',
  'pad',
  'sortable',
  'text',
  'hex',
  'lower',
  'upper',
  'hash',
] as const;

/** Compiles a column with its function calls. @throws FunctionFault where a function does not fit the column */
export function compileExpression(column: ColumnInfo, index: number, calls: readonly FunctionCall[]): Expression {
  return calls.reduce(
    // The way to write the input does not apply to the function's output.
    (input, call) => applyFunction({ ...input, write: null }, call, column, index),
    columnExpression(column, index),
  );
}

function applyFunction(input: Expression, call: FunctionCall, column: ColumnInfo, index: number): Expression {
  const { column: name, meaning } = input;
  const expects = (...wanted: Meaning[]): void => {
    if (!wanted.includes(meaning))
      throw new FunctionFault(`${call.name} needs ${wanted.join(' or ')}, but gets ${meaning} from column ${name}`);
    if (call.argument !== null && !['pad', 'hash'].includes(call.name))
      throw new FunctionFault(`${call.name} does not take an argument`);
  };
  switch (call.name) {
    case 'iso':
      expects('date', 'datetime');
      return {
        ...input,
        evaluate: (row) =>
          isoText(input.evaluate(row)) ?? refuse(new BadValue(name, 'not a day of the calendar', NO_ZERO_DATE)),
        // Only columns give dates and times: the output of every function is something else.
        write: cellExpression(name, index, (source, from, to, out) => {
          const begun = out.at - out.start;
          if (!copyIso(source, from, to, out)) refuse(new BadValue(name, 'not a day of the calendar', NO_ZERO_DATE));
          out.bytes += out.at - out.start - begun;
        }),
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
      return hexOf(input);
    case 'text':
      expects('text', 'time');
      // The operator asked for text by name, so the order of the text is wanted.
      return { ...input, sorts: true };
    case 'lower':
      expects('text');
      return { ...input, evaluate: (row) => input.evaluate(row).toLowerCase(), distinguishes: 'often' };
    case 'upper':
      expects('text');
      return { ...input, evaluate: (row) => input.evaluate(row).toUpperCase(), distinguishes: 'often' };
    case 'hash':
      expects('text', 'integer', 'decimal', 'bytes', 'encoded', 'date', 'datetime', 'time');
      return hashExpression(input, call.argument);
    default:
      throw new FunctionFault(`there is no function "${call.name}"; there are ${TEMPLATE_FUNCTIONS.join(', ')}`);
  }
}

const NO_ZERO_DATE = 'exclude such rows with `where`, or map the column with `format: text` outside the key';

function epochExpression(input: Expression, unit: 'epoch-s' | 'epoch-ms' | 'epoch-us', column: ColumnInfo): Expression {
  const decimals = unit === 'epoch-s' ? 0 : unit === 'epoch-ms' ? 3 : 6;
  if ((column.fractionDigits ?? 0) > decimals) {
    throw new FunctionFault(
      `${unit} would cut off the ${column.fractionDigits} fraction digits of column ${column.name}; use iso or epoch-us`,
    );
  }
  return {
    ...input,
    evaluate: (row) => {
      const time =
        epochTime(input.evaluate(row)) ?? refuse(new BadValue(input.column, 'not a day of the calendar', NO_ZERO_DATE));
      return epochText(time, decimals);
    },
    meaning: 'integer',
    width: null,
    alphabet: WHOLE_NUMBER,
    // The year 9999 ends at 253,402,300,799 s.
    digits: decimals + 12,
    sorts: false,
    unsorted: '10 before 9',
    sortRemedy: `{${input.column}:iso}, or {${input.column}:${unit}:pad(${decimals + 12})}`,
  };
}

/**
 * Returns buckets `0` to `modulus - 1`. Bytes hash by their hex digits, so that any reader can compute the bucket from
 * text.
 */
function hashExpression(input: Expression, modulus: number | null): Expression {
  if (modulus === null || modulus < 1) throw new FunctionFault('hash needs the number of buckets, as in hash(16)');
  const hashed = input.meaning === 'bytes' ? hexOf(input) : input;
  const digits = String(modulus - 1).length;
  return {
    ...input,
    evaluate: (row) => String(hashModulo(hashed.evaluate(row), modulus)),
    meaning: 'integer',
    width: null,
    alphabet: DIGITS,
    digits,
    sorts: false,
    unsorted: '10 before 9',
    orderLost: false,
    distinguishes: 'never',
    sortRemedy: `{${input.column}:hash(${modulus}):pad(${digits})}`,
  };
}

/** Returns lower-case hex digits of the bytes, or of the text's UTF-8. */
function hexOf(input: Expression): Expression {
  const encoding = input.meaning === 'bytes' ? 'latin1' : 'utf8';
  return {
    ...input,
    evaluate: (row) => Buffer.from(input.evaluate(row), encoding).toString('hex'),
    meaning: 'encoded',
    width: input.width === null ? null : input.width * 2,
    alphabet: HEX,
  };
}

function padExpression(input: Expression, digits: number | null): Expression {
  if (digits === null || digits < 1 || digits > 64)
    throw new FunctionFault('pad needs a number of digits from 1 to 64, as in pad(20)');
  return {
    ...input,
    evaluate: (row) => {
      const text = input.evaluate(row);
      if (text.length > digits)
        throw new BadValue(input.column, `more than the ${digits} digits of pad(${digits})`, 'give pad more digits');
      if (text.charCodeAt(0) === 45)
        throw new BadValue(
          input.column,
          'a negative number in pad',
          'use sortable instead of pad: it orders negative numbers too',
        );
      return text.padStart(digits, '0');
    },
    meaning: 'encoded',
    width: digits,
    alphabet: DIGITS,
    sorts: !input.orderLost,
  };
}

/**
 * Returns a fixed width, so that byte order is numeric order. From zero up, it is `0` and the padded digits. Below
 * zero, it is `-` and the nine's complement of the digits: `-` sorts before `0`, and larger magnitudes have smaller
 * complements.
 */
function sortableExpression(input: Expression, column: ColumnInfo): Expression {
  const scale = input.meaning === 'decimal' ? (column.scale ?? 0) : 0;
  // DECIMAL(5,5) has no digit before the point and prints a zero there.
  const whole = Math.max(1, input.digits);
  return {
    ...input,
    evaluate: (row) => {
      const text = input.evaluate(row);
      const negative = text.charCodeAt(0) === 45;
      const [units = '', fraction = ''] = (negative ? text.slice(1) : text).split('.');
      if (units.length > whole || fraction.length > scale)
        throw new BadValue(
          input.column,
          'more digits than the column declares',
          'run `dynaferry check` again: the table may have changed',
        );
      const digits = units.padStart(whole, '0') + (scale > 0 ? `.${fraction.padEnd(scale, '0')}` : '');
      return negative ? `-${digits.replace(/\d/g, (digit) => String(9 - Number(digit)))}` : `0${digits}`;
    },
    meaning: 'encoded',
    width: 1 + whole + (scale > 0 ? scale + 1 : 0),
    alphabet: /[-.0-9]/,
    sorts: !input.orderLost,
  };
}

function refuse(fault: BadValue): never {
  throw fault;
}
