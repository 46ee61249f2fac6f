/**
 * Turns JSON text into M, L and scalars, and keeps every digit of its numbers. It reads numbers as text
 * (lossless-json), since JSON.parse rounds 12345678901234567890.
 */
import { LosslessNumber, parse } from 'lossless-json';
import { BadValue } from './bad-value.js';
import { isWellFormed, quoteJson } from './json-text.js';
import { textBytes, type SizeCounter } from './item-size.js';
import { normalizeNumber, numberBytes } from './numbers.js';

/**
 * Most nested lists and maps: AWS allows 32 levels ("Quotas: nested attribute depth"), and the item counts as the first
 * (seen).
 */
const MAX_DEPTH = 31;

/** Longest attribute name in bytes (AWS, "Quotas: attribute names"); DynamoDB Local refuses 65,536. */
const MAX_NAME_BYTES = 65_535;

const REMEDY = 'map the column with `type: S`';

/**
 * Returns the attribute text of a JSON text.
 * @throws BadValue for text that is not JSON, for names that are empty, too long or repeated with another value, and
 *   for numbers beyond DynamoDB's. It also throws for too deep nesting, and for halves of surrogate pairs, which have
 *   no UTF-8 form.
 */
export function jsonAttributeText(text: string, column: string, size: SizeCounter): string {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    if (error instanceof RangeError) throw tooDeep(column);
    throw new BadValue(column, 'text that is not JSON, or repeats a name with another value', REMEDY);
  }
  return valueText(value, column, size, 0);
}

/** @param depth number of lists and maps around the value */
function valueText(value: unknown, column: string, size: SizeCounter, depth: number): string {
  if (value === null) {
    size.bytes += 1;
    return '{"NULL":true}';
  }
  if (typeof value === 'boolean') {
    size.bytes += 1;
    return `{"BOOL":${String(value)}}`;
  }
  if (typeof value === 'string') {
    requireWellFormed(value, column);
    size.bytes += textBytes(value);
    return `{"S":${quoteJson(value)}}`;
  }
  if (value instanceof LosslessNumber) {
    const normalized = normalizeNumber(value.value);
    if ('fault' in normalized) throw new BadValue(column, `a JSON number with ${normalized.fault}`, REMEDY);
    size.bytes += numberBytes(Buffer.from(normalized.text));
    return `{"N":"${normalized.text}"}`;
  }
  if (depth >= MAX_DEPTH) throw tooDeep(column);
  size.bytes += 3;
  if (Array.isArray(value)) {
    size.bytes += value.length;
    return `{"L":[${value.map((element) => valueText(element, column, size, depth + 1)).join(',')}]}`;
  }
  const map = value as Readonly<Record<string, unknown>>;
  const names = Object.keys(map).sort();
  const entries = names.map((name) => {
    if (name === '') throw new BadValue(column, 'JSON with an empty name, which DynamoDB cannot store', REMEDY);
    requireWellFormed(name, column);
    const nameBytes = textBytes(name);
    if (nameBytes > MAX_NAME_BYTES)
      throw new BadValue(column, `JSON with a name of more than ${MAX_NAME_BYTES} bytes`, REMEDY);
    size.bytes += 1 + nameBytes;
    return `${quoteJson(name)}:${valueText(map[name], column, size, depth + 1)}`;
  });
  return `{"M":{${entries.join(',')}}}`;
}

function requireWellFormed(text: string, column: string): void {
  if (!isWellFormed(text))
    throw new BadValue(column, 'JSON with half of a surrogate pair, which has no UTF-8 form', REMEDY);
}

function tooDeep(column: string): BadValue {
  return new BadValue(column, `JSON nested deeper than ${MAX_DEPTH} lists and maps`, REMEDY);
}
