/**
 * Computes the size of a stored item as DynamoDB bills it. `item-size.ts` counts an item that is being made by the same
 * rules.
 */
import { textBytes } from '../value/item-size.js';
import { normalizeNumber, numberBytes } from '../value/numbers.js';

/** Returns billed bytes. @param item in DynamoDB's JSON protocol, parsed: `{"name":{"S":"text"}}` */
export function storedBytes(item: Readonly<Record<string, unknown>>): number {
  return Object.entries(item).reduce((sum, [name, value]) => sum + textBytes(name) + valueBytes(value), 0);
}

function valueBytes(value: unknown): number {
  const [type, content] = Object.entries(value as Readonly<Record<string, unknown>>)[0] ?? [];
  switch (type) {
    case 'S':
      return textBytes(content as string);
    case 'N':
      return digitsBytes(content as string);
    case 'B':
      return Buffer.byteLength(content as string, 'base64');
    case 'SS':
    case 'NS':
    case 'BS':
      return (content as readonly string[]).reduce(
        (sum, member) => sum + valueBytes({ [type.slice(0, 1)]: member }),
        0,
      );
    case 'L':
      return (content as readonly unknown[]).reduce<number>((sum, element) => sum + 1 + valueBytes(element), 3);
    case 'M':
      return 3 + Object.keys(content as object).length + storedBytes(content as Readonly<Record<string, unknown>>);
    default:
      return 1;
  }
}

function digitsBytes(text: string): number {
  const number = normalizeNumber(text);
  return numberBytes(Buffer.from('fault' in number ? text : number.text));
}
