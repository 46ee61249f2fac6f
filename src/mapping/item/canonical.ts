/**
 * Writes the canonical form of an item: DynamoDB JSON with attributes and map keys sorted by name, sets sorted, numbers
 * normalised, minimal escapes. Equal items have equal texts, whatever their origin. A compiled mapping writes exactly
 * this form.
 */
import { asFerryError } from '../../core/thrown.js';
import { quoteJson } from '../value/json-text.js';
import { normalizeNumber } from '../value/numbers.js';

/** An item, or a map inside one, in DynamoDB's JSON protocol: `{"name":{"S":"text"}}`. */
export type AttributeMap = Readonly<Record<string, unknown>>;

/** Returns the canonical text of an item. @throws as `canonicalValueText` */
export function canonicalItemText(item: AttributeMap): string {
  const names = Object.keys(item).sort();
  return `{${names.map((name) => `${quoteJson(name)}:${canonicalValueText(item[name])}`).join(',')}}`;
}

/**
 * Returns the canonical text of an attribute value. @throws FerryError E_INTERNAL where the JSON is not an attribute
 * value of the protocol
 */
export function canonicalValueText(value: unknown): string {
  const [type, content] = onlyEntry(value);
  switch (type) {
    case 'S':
    case 'B':
      return `{"${type}":${quoteJson(textOf(content))}}`;
    case 'N':
      return `{"N":"${numberOf(content)}"}`;
    case 'BOOL':
    case 'NULL':
      // AWS: a NULL is `true` and nothing else.
      if (content !== true && (type === 'NULL' || content !== false)) throw notAttributeValue();
      return `{"${type}":${content}}`;
    case 'SS':
    case 'BS':
      return `{"${type}":[${sorted(listOf(content).map(textOf)).map(quoteJson).join(',')}]}`;
    case 'NS':
      return `{"NS":[${sorted(listOf(content).map(numberOf)).map(quoteJson).join(',')}]}`;
    case 'L':
      return `{"L":[${listOf(content).map(canonicalValueText).join(',')}]}`;
    case 'M':
      return `{"M":${canonicalItemText(mapOf(content))}}`;
    default:
      throw notAttributeValue();
  }
}

/** Sorts set members and attribute names by UTF-16 code unit, which is the same wherever this code runs. */
function sorted(texts: string[]): string[] {
  return texts.sort();
}

function onlyEntry(value: unknown): [string, unknown] {
  const entries = Object.entries(mapOf(value));
  const first = entries[0];
  if (entries.length !== 1 || first === undefined) throw notAttributeValue();
  return first;
}

function mapOf(value: unknown): AttributeMap {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw notAttributeValue();
  return value as AttributeMap;
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw notAttributeValue();
  return value;
}

function textOf(value: unknown): string {
  if (typeof value !== 'string') throw notAttributeValue();
  return value;
}

function numberOf(value: unknown): string {
  const normalized = normalizeNumber(textOf(value));
  if ('fault' in normalized) throw notAttributeValue();
  return normalized.text;
}

function notAttributeValue(): Error {
  return asFerryError(new TypeError('not a DynamoDB attribute value'), 'reading an item');
}
