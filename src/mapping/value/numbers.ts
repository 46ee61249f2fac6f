/**
 * Keeps numbers as DynamoDB does, by their digits alone: no value passes through a float. Limits (AWS, "Supported data
 * types"): 38 significant digits, magnitude 1E-130 to 9.99E+125; `-0` is `0`.
 */
import type { ItemBuffer } from '../item/item-buffer.js';

const CANONICAL = /^(?:0|-?(?:[1-9]\d*|0(?=\.))(?:\.\d*[1-9])?)$/;
const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

export const MAX_SIGNIFICANT_DIGITS = 38;
const MAX_EXPONENT = 125;
const MIN_EXPONENT = -130;
/** Most bytes whose value a double holds exactly. */
const EXACT_BYTES = 6;
const MINUS = 45;
const POINT = 46;
const ZERO = 48;
const NINE = 57;

export type NumberFault = 'not a number' | 'more than 38 significant digits' | 'magnitude outside 1E-130 to 9.99E+125';

/**
 * Returns the number in plain decimal notation, without superfluous zeros: `1.50` -> `1.5`, `-0` -> `0`, `1.5e2` ->
 * `150`.
 * @returns `{ text }`, or `{ fault }` where DynamoDB cannot hold it exactly
 */
export function normalizeNumber(text: string): { readonly text: string } | { readonly fault: NumberFault } {
  // Most cells are canonical already. 38 characters cannot hold more than 38 digits.
  if (text.length <= MAX_SIGNIFICANT_DIGITS && CANONICAL.test(text)) return { text };
  const match = DECIMAL.exec(text);
  const whole = match?.[2] ?? '';
  const fraction = match?.[3] ?? '';
  if (match === null || whole.length + fraction.length === 0) return { fault: 'not a number' };
  const all = whole + fraction;
  const first = all.search(/[1-9]/);
  if (first < 0) return { text: '0' };
  let end = all.length;
  while (all.charCodeAt(end - 1) === ZERO) end -= 1;
  const digits = all.slice(first, end);
  if (digits.length > MAX_SIGNIFICANT_DIGITS) return { fault: 'more than 38 significant digits' };
  // Power of ten of the first significant digit.
  const magnitude = whole.length - first - 1 + Number(match[4] ?? '0');
  if (magnitude > MAX_EXPONENT || magnitude < MIN_EXPONENT) return { fault: 'magnitude outside 1E-130 to 9.99E+125' };
  const sign = match[1] === '-' ? '-' : '';
  return { text: sign + placePoint(digits, magnitude) };
}

function placePoint(digits: string, magnitude: number): string {
  if (magnitude < 0) return `0.${'0'.repeat(-magnitude - 1)}${digits}`;
  if (digits.length <= magnitude + 1) return digits + '0'.repeat(magnitude + 1 - digits.length);
  return `${digits.slice(0, magnitude + 1)}.${digits.slice(magnitude + 1)}`;
}

/**
 * Writes a number, in the form that MySQL prints, normalised. @returns false, with nothing written, for a spelling that
 * needs `normalizeNumber` (an exponent, leading zeros, more digits than fit)
 */
export function copyNumber(source: Buffer, from: number, to: number, out: ItemBuffer): boolean {
  if (to - from > MAX_SIGNIFICANT_DIGITS) return false;
  // For an empty cell, the byte at `from` belongs to the next cell.
  const first = from < to && source[from] === MINUS ? from + 1 : from;
  let point = to;
  for (let i = first; i < to; i += 1) {
    const byte = source[i] as number;
    if (byte >= ZERO && byte <= NINE) continue;
    if (byte !== POINT || point < to) return false;
    point = i;
  }
  const zero = source[first] === ZERO;
  if (point === first || (zero && point > first + 1)) return false;
  let end = to;
  if (point < to) {
    while (source[end - 1] === ZERO) end -= 1;
    if (end === point + 1) end = point;
  }
  // `-0` and `-0.000` are 0.
  out.copy(source, zero && end === first + 1 ? first : from, end);
  return true;
}

/**
 * Returns the bytes that DynamoDB counts for a number in normalised form (AWS, "DynamoDB item sizes"; the pairing was
 * measured). Digits form pairs around the decimal point, and zero pairs at both ends are free. Each pair takes one
 * byte, the number one more, and a negative number one more.
 */
export function numberBytes(text: Uint8Array, from = 0, to = text.length): number {
  if (to - from === 1 && text[from] === ZERO) return 1;
  const negative = text[from] === MINUS ? 1 : 0;
  const first = from + negative;
  let point = first;
  while (point < to && text[point] !== POINT) point += 1;
  let pairs = (point - first + 1) >> 1;
  if (point === to) {
    // Trailing zero pairs of a whole number, counted from the point leftwards.
    for (let i = to; i - 2 >= first && isZeroPair(text, i - 2); i -= 2) pairs -= 1;
  } else {
    pairs += (to - point) >> 1;
    if (point - first === 1 && text[first] === ZERO) {
      // `0.000123`: the zero before the point and leading zero pairs behind it are free.
      pairs -= 1;
      for (let i = point + 1; i + 1 < to && isZeroPair(text, i); i += 2) pairs -= 1;
    }
  }
  return Math.min(pairs + 1 + negative, 21);
}

function isZeroPair(text: Uint8Array, at: number): boolean {
  return text[at] === ZERO && text[at + 1] === ZERO;
}

/** Writes a BIT(n) cell as an unsigned whole number. */
export function writeBits(source: Buffer, from: number, to: number, out: ItemBuffer): void {
  if (to - from > EXACT_BYTES) {
    out.ascii(bitText(source.subarray(from, to)));
    return;
  }
  let value = 0;
  for (let i = from; i < to; i += 1) value = value * 256 + (source[i] as number);
  out.whole(value);
}

/** Returns a BIT(n) cell as an unsigned whole number. */
export function bitText(bits: Buffer): string {
  if (bits.length === 0) return '0';
  return bits.length <= EXACT_BYTES
    ? String(bits.readUIntBE(0, bits.length))
    : BigInt(`0x${bits.toString('hex')}`).toString();
}
