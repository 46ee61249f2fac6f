/**
 * Makes up key values between two real ones, so that a cut can look for rows between them. A probe may be poor, or not
 * even lie between: only MySQL decides which rows lie where. A poor probe costs a query, never a row.
 */
import type { KeyKind } from './key-form.js';

/**
 * Returns a value about half-way, above `low` and at most `high` in the kind's own order, as text for the key form.
 * @returns null where none can be made up (the two are neighbours, or the kind is opaque)
 */
export function between(kind: KeyKind, low: string, high: string): string | null {
  const value = halfWay(kind, low, high);
  return value === low ? null : value;
}

/** Returns whether MySQL probably takes two texts as equal: then a later key part distinguishes their rows. */
export function sameMidpoint(kind: KeyKind, a: string, b: string): boolean {
  return a === b || (kind.endsWith('-ci') && fold(a).trimEnd() === fold(b).trimEnd());
}

function halfWay(kind: KeyKind, low: string, high: string): string | null {
  switch (kind) {
    case 'integer':
    case 'enumerated':
      return (floor2(BigInt(low) + BigInt(high)) + ((BigInt(low) + BigInt(high)) & 1n)).toString();
    case 'decimal':
      return halfWayDecimal(low, high);
    case 'float':
      return halfWayFloat(low, high);
    case 'datetime':
      return halfWayDate(low, high);
    case 'time':
      return timeText(floor2(timeValue(low) + timeValue(high)), fractionOf(low));
    case 'text':
      return halfWayText(low, high);
    case 'text-ci':
      return halfWayText(fold(low), fold(high));
    case 'latin1':
      return halfWayLatin1(low, high);
    case 'latin1-ci':
      return halfWayLatin1(fold(low), fold(high));
    case 'bytes':
      return halfWayBytes(low, high, 256n);
    case 'ascii-bytes':
      return halfWayBytes(low, high, 128n);
    case 'opaque':
      return null;
  }
}

function floor2(sum: bigint): bigint {
  return sum >> 1n;
}

/** Returns a text without case and accents, which is about how case-insensitive collations sort. */
function fold(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toUpperCase();
}

function halfWayDecimal(low: string, high: string): string {
  // One digit more than the column has, so that there is a value between neighbours.
  const digits = 1 + Math.max(fractionOf(low), fractionOf(high));
  const middle = floor2(scaled(low, digits) + scaled(high, digits));
  const text = (middle < 0n ? -middle : middle).toString().padStart(digits + 1, '0');
  return `${middle < 0n ? '-' : ''}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

function scaled(text: string, digits: number): bigint {
  const [whole = '0', fraction = ''] = text.split('.');
  return BigInt(whole + fraction.padEnd(digits, '0'));
}

function wholePart(text: string): string {
  return text.split('.')[0] ?? '';
}

function microseconds(text: string): bigint {
  return BigInt((text.split('.')[1] ?? '').padEnd(6, '0'));
}

function fractionOf(text: string): number {
  return text.split('.')[1]?.length ?? 0;
}

function halfWayFloat(low: string, high: string): string {
  // Halves before adding: the sum of two large numbers would be infinite.
  const middle = Number(low) / 2 + Number(high) / 2;
  return middle > Number(low) ? String(middle) : high;
}

const DATE_RADIX = [13n, 32n, 24n, 60n, 60n, 1_000_000n];

/** Halves dates as mixed-radix numbers: month and day may be 0 in MySQL, and halving needs no calendar. */
function halfWayDate(low: string, high: string): string | null {
  const middle = floor2(dateValue(low) + dateValue(high));
  const fields: bigint[] = [];
  let rest = middle;
  for (const radix of [...DATE_RADIX].reverse()) {
    fields.unshift(rest % radix);
    rest /= radix;
  }
  const [month, day, hour, minute, second, micros] = fields as [bigint, bigint, bigint, bigint, bigint, bigint];
  // Every month has a first and a 28th day, so a server accepts every probe as a date.
  const date = [pad(rest, 4), pad(month === 0n ? 1n : month, 2), pad(clamp(day, 1n, 28n), 2)].join('-');
  if (!low.includes(' ')) return orHigh(date, low, high);
  const whole = `${date} ${[hour, minute, second].map((field) => pad(field, 2)).join(':')}`;
  const digits = fractionOf(low);
  const text = digits === 0 ? whole : `${whole}.${pad(micros, 6).slice(0, digits)}`;
  return orHigh(text, low, high);
}

/** Returns the date, or `high` where the move into the calendar left the interval. */
function orHigh(date: string, low: string, high: string): string {
  return date > low && date <= high ? date : high;
}

function dateValue(text: string): bigint {
  const [year = 0n, ...fields] = wholePart(text).split(/[- :]/).map(BigInt);
  const micros = microseconds(text);
  const all = [...fields, ...Array<bigint>(5 - fields.length).fill(0n), micros];
  return DATE_RADIX.reduce((sum, radix, i) => sum * radix + (all[i] ?? 0n), year);
}

function timeValue(text: string): bigint {
  const [hour = '0', minute = '0', second = '0'] = wholePart(text.replace('-', '')).split(':');
  const seconds = (BigInt(hour) * 60n + BigInt(minute)) * 60n + BigInt(second);
  const micros = seconds * 1_000_000n + microseconds(text);
  return text.startsWith('-') ? -micros : micros;
}

function timeText(micros: bigint, digits: number): string {
  const size = micros < 0n ? -micros : micros;
  const seconds = size / 1_000_000n;
  const whole = [seconds / 3600n, (seconds / 60n) % 60n, seconds % 60n].map((field) => pad(field, 2)).join(':');
  const fraction = digits === 0 ? '' : `.${pad(size % 1_000_000n, 6).slice(0, digits)}`;
  return `${micros < 0n ? '-' : ''}${whole}${fraction}`;
}

function pad(value: bigint, width: number): string {
  return value.toString().padStart(width, '0');
}

function clamp(value: bigint, least: bigint, most: bigint): bigint {
  if (value < least) return least;
  return value > most ? most : value;
}

/**
 * Interpolates behind the common prefix, in the smallest of a few alphabets: the column's charset must have the probe's
 * characters.
 */
function halfWayText(low: string, high: string): string | null {
  const [a, b] = [codePoints(low), codePoints(high)];
  const top = BigInt(Math.max(...a, ...b, 0));
  const radix = [128n, 256n, 0x1_0000n].find((size) => top < size) ?? 0x11_0000n;
  const middle = halfWayDigits(a, b, radix);
  // A lone surrogate is not a character.
  return middle === null ? null : String.fromCodePoint(...middle.map((c) => (c >= 0xd800 && c < 0xe000 ? 0xd7ff : c)));
}

/**
 * Bytes 80 to 9F of MySQL's latin1, which has the characters of windows-1252. (Node 20's TextDecoder gives ISO 8859-1
 * for that name.)
 */
const LATIN1_80 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

function halfWayLatin1(low: string, high: string): string | null {
  const bytes = (text: string): number[] => Array.from(text, latin1Byte);
  const middle = halfWayDigits(bytes(low), bytes(high), 256n);
  return middle === null ? null : middle.map(latin1Character).join('');
}

function latin1Byte(character: string): number {
  const place = LATIN1_80.indexOf(character);
  return place >= 0 ? 0x80 + place : character.charCodeAt(0) & 0xff;
}

function latin1Character(byte: number): string {
  return LATIN1_80[byte - 0x80] ?? String.fromCharCode(byte);
}

function halfWayBytes(low: string, high: string, radix: bigint): string | null {
  const [a, b] = [[...Buffer.from(low, 'hex')], [...Buffer.from(high, 'hex')]];
  if (Math.max(...a, ...b, 0) >= radix) return null;
  const middle = halfWayDigits(a, b, radix);
  return middle === null ? null : Buffer.from(middle).toString('hex');
}

function codePoints(text: string): number[] {
  return Array.from(text, (character) => character.codePointAt(0) ?? 0);
}

/** Number of digits behind the common prefix that the interpolation uses. */
const DIGITS = 8;

function halfWayDigits(low: readonly number[], high: readonly number[], radix: bigint): number[] | null {
  let prefix = 0;
  while (prefix < low.length && low[prefix] === high[prefix]) prefix++;
  const value = (digits: readonly number[]): bigint => {
    let sum = 0n;
    for (let i = 0; i < DIGITS; i++) sum = sum * radix + BigInt(digits[prefix + i] ?? 0);
    return sum;
  };
  const [from, to] = [value(low), value(high)];
  if (from >= to) return null;
  const digits: number[] = [];
  for (let rest = floor2(from + to), i = 0; i < DIGITS; i++, rest /= radix) digits.unshift(Number(rest % radix));
  while (digits.at(-1) === 0) digits.pop();
  return [...low.slice(0, prefix), ...digits];
}
