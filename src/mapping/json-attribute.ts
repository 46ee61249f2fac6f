/**
 * JSON text into M, L and scalars with every digit of its numbers kept: numbers are read as text (lossless-json), since
 * JSON.parse rounds 12345678901234567890.
 */
import { LosslessNumber, parse } from 'lossless-json';
import { BadValue } from './bad-value.js';
import { quoteJson } from './json-text.js';
import { textBytes, type SizeCounter } from './item-size.js';
import { normalizeNumber, numberBytes } from './numbers.js';

/** Nesting that DynamoDB takes (AWS, "Quotas: nested attribute depth"). */
const MAX_DEPTH = 32;

/** @throws BadValue for text that is not JSON, repeated names, numbers beyond DynamoDB's, too deep nesting */
export function jsonAttributeText(text: string, column: string, size: SizeCounter): string {
  let value: unknown;
  try {
    value = parse(text);
  } catch {
    throw new BadValue(column, 'text that is not JSON, or repeats a name with another value', 'map the column with `type: S`');
  }
  return valueText(value, column, size, 1);
}

function valueText(value: unknown, column: string, size: SizeCounter, depth: number): string {
  if (depth > MAX_DEPTH) throw new BadValue(column, `JSON nested deeper than ${MAX_DEPTH}`, 'map the column with `type: S`');
  if (value === null) {
    size.bytes += 1;
    return '{"NULL":true}';
  }
  if (typeof value === 'boolean') {
    size.bytes += 1;
    return `{"BOOL":${String(value)}}`;
  }
  if (typeof value === 'string') {
    size.bytes += textBytes(value);
    return `{"S":${quoteJson(value)}}`;
  }
  if (value instanceof LosslessNumber) {
    const normalized = normalizeNumber(value.value);
    if ('fault' in normalized) throw new BadValue(column, `a JSON number with ${normalized.fault}`, 'map the column with `type: S`');
    size.bytes += numberBytes(normalized.text);
    return `{"N":"${normalized.text}"}`;
  }
  size.bytes += 3;
  if (Array.isArray(value)) {
    size.bytes += value.length;
    return `{"L":[${value.map((element) => valueText(element, column, size, depth + 1)).join(',')}]}`;
  }
  const map = value as Readonly<Record<string, unknown>>;
  const names = Object.keys(map).sort();
  const entries = names.map((name) => {
    if (name === '') throw new BadValue(column, 'JSON with an empty name, which DynamoDB cannot store', 'map the column with `type: S`');
    size.bytes += 1 + textBytes(name);
    return `${quoteJson(name)}:${valueText(map[name], column, size, depth + 1)}`;
  });
  return `{"M":{${entries.join(',')}}}`;
}
