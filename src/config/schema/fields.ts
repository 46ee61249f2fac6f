/**
 * Defines the kinds of values that a config holds. Each has its own message for what it refuses. A field's description
 * says what the field is for, in its units. It becomes the hint of a fault and the text in an editor.
 */
import * as z from 'zod';

/** The pattern of names of a DynamoDB table or index (API reference, CreateTable). */
const RESOURCE_NAME = /^[A-Za-z0-9_.-]{3,255}$/;

export function text() {
  return z.string().min(1);
}

export function pattern(shape: RegExp, refusal: string) {
  return z.string().regex(shape, refusal);
}

/** Returns the field of a file or folder. Only a shell expands `~`: dynaferry would make a folder of that name. */
export function path() {
  return pattern(
    /^(?!~)[^]+$/,
    'begins with ~, which only a shell expands: write ${HOME}, or ./~ for a folder of that name',
  );
}

export function columnName() {
  return text().describe('name of a column');
}

/** Returns the field of a whole number within bounds, both included. */
export function whole(minimum: number, maximum: number) {
  return z.int().min(minimum).max(maximum);
}

/** Makes a field optional: left out or blank, it is null. */
export function optional<T extends z.ZodType>(field: T) {
  return field.nullable().default(null);
}

export function resourceName() {
  return pattern(RESOURCE_NAME, 'must be 3 to 255 characters out of letters, digits, _, - and .');
}

/** Returns the field of a key attribute's name: at most 255 bytes (DynamoDB quotas). */
export function keyAttributeName() {
  return text().refine((name) => Buffer.byteLength(name) <= 255, 'must be at most 255 bytes of UTF-8');
}

/** Returns the field of any other attribute's name: at most 64 KB (DynamoDB quotas, "Attribute names"). */
export function attributeName() {
  return text().refine((name) => Buffer.byteLength(name) <= 65_535, 'must be at most 65,535 bytes of UTF-8');
}

export function host() {
  return pattern(
    /^(?!.*:\/\/)(?![^:]+:\d+$)[^\s/@]+$/,
    'must be only a host name or an address, without scheme, user, port or path',
  );
}

export function keyType() {
  return z.enum(['S', 'N', 'B']).describe('type of the key attribute: S (text), N (number) or B (binary); default: S');
}

const DURATION = /^\d{1,9}[dhms]$/;
const SECONDS = { d: 86_400, h: 3_600, m: 60, s: 1 } as const;

/** Returns the field of a duration such as `400d`, `36h`, `90m` or `30s`. Its value is in seconds. */
export function duration() {
  return pattern(DURATION, 'must be a whole number with a unit: d (days), h, m or s, as in 400d').transform(
    (value) => durationSeconds(value) ?? 0,
  );
}

/** @returns seconds; null: the text is not a duration */
export function durationSeconds(text: string): number | null {
  if (!DURATION.test(text)) return null;
  return Number(text.slice(0, -1)) * SECONDS[text.slice(-1) as keyof typeof SECONDS];
}
