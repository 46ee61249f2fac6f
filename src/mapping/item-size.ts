/**
 * The size of an attribute value as DynamoDB bills it (AWS, "DynamoDB item sizes and formats"): UTF-8 bytes of strings and
 * names, raw bytes of binary, 1 for BOOL and NULL, 3 and 1 an element for lists and maps. Storage's extra 100 bytes are not in.
 */
import { numberBytes } from './numbers.js';
import { isPlain } from './json-text.js';

/** Largest item, names included, in bytes. */
export const MAX_ITEM_BYTES = 400 * 1024;
/** Longest key values, in bytes. */
export const MAX_PARTITION_KEY_BYTES = 2048;
export const MAX_SORT_KEY_BYTES = 1024;

/** Collects the billed bytes of the item being built. */
export interface SizeCounter {
  bytes: number;
}

export function textBytes(text: string): number {
  return isPlain(text) ? text.length : Buffer.byteLength(text);
}

/** One write unit a KB or part of it, at least one (AWS, "Write request units"). */
export function writeUnits(itemBytes: number): number {
  return Math.max(1, Math.ceil(itemBytes / 1024));
}

/** Size of one attribute value in DynamoDB's JSON (already normalised numbers), in bytes. */
export function attributeBytes(value: Readonly<Record<string, unknown>>): number {
  for (const [type, content] of Object.entries(value)) {
    switch (type) {
      case 'S':
        return textBytes(content as string);
      case 'N':
        return numberBytes(content as string);
      case 'B':
        return Buffer.byteLength(content as string, 'base64');
      case 'BOOL':
      case 'NULL':
        return 1;
      case 'SS':
        return (content as string[]).reduce((sum, text) => sum + textBytes(text), 0);
      case 'NS':
        return (content as string[]).reduce((sum, text) => sum + numberBytes(text), 0);
      case 'BS':
        return (content as string[]).reduce((sum, text) => sum + Buffer.byteLength(text, 'base64'), 0);
      case 'L':
        return (content as Record<string, unknown>[]).reduce((sum, element) => sum + 1 + attributeBytes(element), 3);
      case 'M':
        return 3 + mapBytes(content as Record<string, Record<string, unknown>>, 1);
      default:
        break;
    }
  }
  return 0;
}

function mapBytes(map: Readonly<Record<string, Readonly<Record<string, unknown>>>>, perEntry: number): number {
  let sum = 0;
  for (const [name, value] of Object.entries(map)) sum += perEntry + textBytes(name) + attributeBytes(value);
  return sum;
}

/** Size of a whole item in DynamoDB's JSON, in bytes. */
export function itemBytes(item: Readonly<Record<string, Readonly<Record<string, unknown>>>>): number {
  return mapBytes(item, 0);
}
