/**
 * The kinds of values that a config is made of. Each gives its own words for what it refuses; a field's description
 * says what the field is for, in its units, and becomes the hint of a fault and the text in an editor.
 */
import * as z from 'zod';

/** Names of a DynamoDB table or index (API reference, CreateTable). */
const RESOURCE_NAME = /^[A-Za-z0-9_.-]{3,255}$/;

export function text() {
  return z.string().min(1);
}

export function pattern(shape: RegExp, refusal: string) {
  return z.string().regex(shape, refusal);
}

/** Of a file or folder. Nobody but a shell makes a home folder of `~`: a folder of that name would be made. */
export function path() {
  return pattern(/^(?!~)[^]+$/, 'begins with ~, which only a shell takes for a home folder: write ${HOME}, or ./~');
}

export function columnName() {
  return text().describe('name of a column');
}

/** A whole number within bounds, both included. */
export function whole(minimum: number, maximum: number) {
  return z.int().min(minimum).max(maximum);
}

/** A field that may be left out or left blank: null then. */
export function optional<T extends z.ZodType>(field: T) {
  return field.nullable().default(null);
}

export function resourceName() {
  return pattern(RESOURCE_NAME, 'must be 3 to 255 characters out of letters, digits, _, - and .');
}

/** Name of a key attribute: at most 255 bytes (DynamoDB quotas). */
export function keyAttributeName() {
  return text().refine((name) => Buffer.byteLength(name) <= 255, 'must be at most 255 bytes of UTF-8');
}

/** Name of any other attribute: at most 64 KB (DynamoDB quotas, "Attribute names"). */
export function attributeName() {
  return text().refine((name) => Buffer.byteLength(name) <= 65_535, 'must be at most 65,535 bytes of UTF-8');
}

export function host() {
  return pattern(
    /^(?!.*:\/\/)(?![^:]+:\d+$)[^\s/@]+$/,
    'must be a host name or an address alone, without scheme, user, port or path',
  );
}

export function keyType() {
  return z
    .enum(['S', 'N', 'B'])
    .describe('type of the key attribute: S (text), N (number) or B (binary); S unless given');
}

const DURATION = /^\d{1,9}[dhms]$/;
const SECONDS = { d: 86_400, h: 3_600, m: 60, s: 1 } as const;

/** A duration such as `400d`, `36h`, `90m` or `30s`, as seconds. */
export function duration() {
  return pattern(DURATION, 'must be a whole number with a unit: d (days), h, m or s, as in 400d').transform(
    (value) => durationSeconds(value) ?? 0,
  );
}

/** @returns null where the text is no duration */
export function durationSeconds(text: string): number | null {
  if (!DURATION.test(text)) return null;
  return Number(text.slice(0, -1)) * SECONDS[text.slice(-1) as keyof typeof SECONDS];
}
