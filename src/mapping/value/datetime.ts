/**
 * Turns DATE, DATETIME and TIMESTAMP texts, as MySQL prints them, into ISO 8601 and epoch numbers. It works on their
 * digits, so it loses no microsecond and applies no time zone (the session is UTC; a DATETIME counts as UTC).
 */
import type { ItemBuffer } from '../item/item-buffer.js';
import { literal } from '../item/literal.js';

/** The form that MySQL prints, `0` for any digit. */
const PATTERN = Buffer.from('0000-00-00 00:00:00.000000');
const DIGIT = 48;
const WORD = 4;
const TOP_BITS = 0x80808080;
/** The pattern's four bytes at each position, as one little endian number. */
const EXPECTED = wordsAt(PATTERN);
/**
 * Added to a byte's difference from the pattern, this sets the top bit if the difference is not allowed. For a digit,
 * that is 10 or more; for any other byte, 1 or more.
 */
const BEYOND = wordsAt(Buffer.from(PATTERN.map((byte) => 0x80 - (byte === DIGIT ? 10 : 1))));
/** Position of the first digit of a second's fraction. */
const FRACTION = 20;
const T = 84;
/** Days from 0000-03-01 to 1970-01-01. */
const DAYS_BEFORE_EPOCH = 719_468;
const ZULU = literal('Z');

/**
 * Converts `2026-01-02 03:04:05.678` to `2026-01-02T03:04:05.678Z`. A DATE stays as it is. Returns null for zero dates,
 * zero parts, and days that the calendar does not have (MySQL stores them where `sql_mode` allows).
 */
export function isoText(text: string): string | null {
  const source = Buffer.from(text);
  if (!isTime(source, 0, source.length)) return null;
  return text.length === 10 ? text : `${text.slice(0, 10)}T${text.slice(11)}Z`;
}

/** Writes a cell as `isoText` gives it. @returns false, with nothing written, where that gives null */
export function copyIso(source: Buffer, from: number, to: number, out: ItemBuffer): boolean {
  if (!isTime(source, from, to)) return false;
  const written = out.at - out.start;
  out.copy(source, from, to);
  if (to - from > 10) {
    out.buffer[out.start + written + 10] = T;
    out.literal(ZULU);
  }
  return true;
}

/** Returns whole seconds since 1970-01-01T00:00:00Z, rounded down; null where `isoText` gives null. */
export function epochSeconds(source: Buffer, from: number, to: number): number | null {
  if (!isTime(source, from, to)) return null;
  const days = daysSinceEpoch(yearOf(source, from), twoDigits(source, from + 5), twoDigits(source, from + 8));
  if (to - from === 10) return days * 86_400;
  return (
    days * 86_400 +
    twoDigits(source, from + 11) * 3_600 +
    twoDigits(source, from + 14) * 60 +
    twoDigits(source, from + 17)
  );
}

/**
 * Counts days in the Gregorian calendar, extended to all years. Years start in March, so that a leap day comes last.
 * 400 years have 146,097 days.
 */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - DAYS_BEFORE_EPOCH;
}

/**
 * Returns whether the bytes are a date, or a date and time, of the calendar. It checks four bytes at once, and may
 * check some of the last four twice.
 */
function isTime(source: Buffer, from: number, to: number): boolean {
  const length = to - from;
  if (length !== 10 && (length < 19 || length === 20 || length > 26)) return false;
  for (let place = 0; place < length; place += WORD) {
    const i = Math.min(place, length - WORD);
    const at = from + i;
    const word =
      (source[at] as number) |
      ((source[at + 1] as number) << 8) |
      ((source[at + 2] as number) << 16) |
      ((source[at + 3] as number) << 24);
    const difference = word ^ (EXPECTED[i] as number);
    if ((((difference + (BEYOND[i] as number)) | difference) & TOP_BITS) !== 0) return false;
  }
  return isDay(yearOf(source, from), twoDigits(source, from + 5), twoDigits(source, from + 8));
}

function wordsAt(bytes: Buffer): Int32Array {
  return Int32Array.from({ length: bytes.length - WORD + 1 }, (_, at) => bytes.readInt32LE(at));
}

function yearOf(source: Buffer, from: number): number {
  return twoDigits(source, from) * 100 + twoDigits(source, from + 2);
}

export interface EpochTime {
  /** Whole seconds since 1970-01-01T00:00:00Z, rounded down. */
  readonly seconds: number;
  /** 0 to 999,999, counted upwards from `seconds`. */
  readonly microseconds: number;
}

/** Returns null for zero dates, zero parts, and days that the calendar does not have. */
export function epochTime(text: string): EpochTime | null {
  const source = Buffer.from(text);
  const seconds = epochSeconds(source, 0, source.length);
  return seconds === null ? null : { seconds, microseconds: Number(text.slice(FRACTION).padEnd(6, '0')) };
}

function isDay(year: number, month: number, day: number): boolean {
  return month >= 1 && month <= 12 && day >= 1 && (day <= 28 || day <= daysOfMonth(year, month));
}

function daysOfMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function twoDigits(source: Buffer, at: number): number {
  return (source[at] as number) * 10 + (source[at + 1] as number) - 11 * DIGIT;
}

/**
 * Returns the time in units of 10^-`decimals` seconds (0: s, 3: ms, 6: us) as an exact decimal text. Finer digits stay
 * as a fraction.
 */
export function epochText(time: EpochTime, decimals: 0 | 3 | 6): string {
  const total = BigInt(time.seconds) * 1_000_000n + BigInt(time.microseconds);
  const negative = total < 0n;
  const all = (negative ? -total : total).toString().padStart(7, '0');
  const cut = all.length - 6 + decimals;
  const whole = all.slice(0, cut).replace(/^0+(?=\d)/, '');
  const fraction = all.slice(cut).replace(/0+$/, '');
  return `${negative ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}
